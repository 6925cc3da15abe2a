using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Policies;
using Matrix.Host.Storage.Tables.SingleSignOn;

namespace Matrix.Host.Tests.Storage;

internal sealed class SingleSignOnTests(string kind) : StorageTests(kind)
{
    private const string Alice = "@alice:example.org";
    private const string Issuer = "https://id.example.org";

    private static byte[] Hash(int n) => [.. Enumerable.Repeat((byte)n, 32)];

    private static TokensIssued Tokens(string device, int n) => new(Alice, device, Hash(n), null, null, null);

    [Test]
    public async Task A_person_has_one_account_and_an_account_several_identities()
    {
        Assert.That(await Applies(new SsoIdentityLinked(Issuer, "s1", Alice)));
        Assert.That(await Applies(new SsoIdentityLinked(Issuer, "s1", "@bob:example.org")), Is.False);
        Assert.That(await Applies(new SsoIdentityLinked("https://other.org", "s1", Alice)));
        Assert.That(await Store.SingleSignOn.FindUserAsync(Issuer, "s1", Stop), Is.EqualTo(Alice));
        Assert.That(await Store.SingleSignOn.FindUserAsync(Issuer, "s2", Stop), Is.Null);
        Assert.That(await Store.SingleSignOn.IdentitiesAsync(Alice, Stop), Has.Count.EqualTo(2));
    }

    [Test]
    public async Task A_grant_makes_its_device_the_providers_until_another_login()
    {
        await Write(new SsoGrantIssued(Hash(1), Issuer, "one", long.MaxValue));
        await Write(Tokens("PHONE", 1), new SsoGrantUsed(Hash(1), Alice, "PHONE"));
        await Write(Tokens("TV", 2), new SsoGrantUsed(Hash(2), Alice, "TV"));
        var row = new SsoSessionRow(Alice, "PHONE", Issuer, "one");
        Assert.That(await Store.SingleSignOn.SessionsAsync(Issuer, "one", 10, Stop), Is.EqualTo(new[] { row }));
        Assert.That(await Store.SingleSignOn.SessionsOfUserAsync(Alice, Issuer, Stop), Is.EqualTo(new[] { row }));

        await Write(Tokens("PHONE", 3), new SsoGrantUsed(Hash(1), Alice, "PHONE"));
        Assert.That(await Store.SingleSignOn.SessionsOfUserAsync(Alice, Issuer, Stop), Is.Empty, "A grant counts once");
        await Write(new SsoSessionBegun(row), new SsoSessionBegun(row with { DeviceId = "TV" }));
        await Write(new DeviceDeleted(Alice, "TV"));
        Assert.That(await Store.SingleSignOn.SessionsOfUserAsync(Alice, Issuer, Stop), Has.Count.EqualTo(1));
        await Write(new OtherDevicesDeleted(Alice, null));
        Assert.That(await Store.SingleSignOn.SessionsOfUserAsync(Alice, Issuer, Stop), Is.Empty);
    }

    [Test]
    public async Task Expired_grants_are_deleted()
    {
        await Write(new SsoGrantIssued(Hash(1), Issuer, "one", 5), new SsoGrantIssued(Hash(2), Issuer, "two", 15));
        await Write(new SsoGrantsPurged(10));
        await Write(new SsoGrantUsed(Hash(1), Alice, "A"), new SsoGrantUsed(Hash(2), Alice, "B"));
        Assert.That(
            (await Store.SingleSignOn.SessionsOfUserAsync(Alice, Issuer, Stop)).Single().DeviceId, Is.EqualTo("B"));
    }

    [Test]
    public async Task Accepted_versions_of_policies_stay()
    {
        await Write(
            new PolicyAccepted(Alice, new("terms", "1")), new PolicyAccepted(Alice, new("terms", "1")),
            new PolicyAccepted(Alice, new("terms", "2")));
        Assert.That(
            await Store.Policies.AcceptedAsync(Alice, Stop),
            Is.EqualTo(new AcceptedPolicy[] { new("terms", "1"), new("terms", "2") }));
    }
}
