using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.OAuth;
using Matrix.Host.Storage.Tables.Policies;
using Matrix.Host.Storage.Tables.SingleSignOn;

namespace Matrix.Host.Tests.Storage;

internal sealed class SingleSignOnTests(string kind) : StorageTests(kind)
{
    private const string Alice = "@alice:example.org";
    private const string Bob = "@bob:example.org";
    private const string Issuer = "https://id.example.org";

    private static byte[] Hash(int n) => [.. Enumerable.Repeat((byte)n, 32)];

    private static TokensIssued Tokens(string device, int n) => new(Alice, device, Hash(n), null, null, null);

    [Test]
    public async Task A_person_has_one_account_and_an_account_several_identities()
    {
        Assert.That(await Applies(new SsoIdentityLinked(Issuer, "s1", Alice)));
        Assert.That(await Applies(new SsoIdentityLinked(Issuer, "s1", Bob)), Is.False);
        Assert.That(await Applies(new SsoIdentityLinked("https://other.org", "s1", Alice)));
        Assert.That(await Applies(new SsoIdentityLinked(Issuer, "s2", Alice)), Is.False, "One of each provider.");
        Assert.That(await Store.SingleSignOn.FindUserAsync(Issuer, "s1", Stop), Is.EqualTo(Alice));
        Assert.That(await Store.SingleSignOn.FindUserAsync(Issuer, "s2", Stop), Is.Null);
        Assert.That(await Store.SingleSignOn.IdentitiesAsync(Alice, Stop), Has.Count.EqualTo(2));
    }

    [Test]
    public async Task Of_two_people_of_a_provider_who_get_an_account_at_once_one_has_it()
    {
        var links = new[] { "s1", "s2" }.Select(subject => new SsoIdentityLinked(Issuer, subject, Alice)).ToArray();
        await Task.WhenAll(links.Select(link =>
            Store.Writer.WriteAsync(Batches.New(1).Require(link), Stop).AsTask()));
        Assert.That(links.Count(link => link.Applied), Is.EqualTo(1));
        Assert.That(await Store.SingleSignOn.IdentitiesAsync(Alice, Stop), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_grant_makes_its_device_the_providers_until_another_login()
    {
        await Write(new SsoGrantIssued(Hash(1), Alice, Issuer, "one", long.MaxValue));
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

    [TestCase("one", null, "1 3")]
    [TestCase("one", Alice, "1 2 3")]
    [TestCase(null, Alice, "1 2 4")]
    [TestCase("other", Alice, "2")]
    public async Task What_an_ended_session_granted_is_gone(string? session, string? userId, string gone)
    {
        (int N, string User, string Issuer, string Session)[] grants =
        [
            (1, Alice, Issuer, "one"), (2, Alice, Issuer, ""), (3, Bob, Issuer, "one"), (4, Alice, Issuer, "two"),
            (5, Bob, Issuer, ""), (6, Alice, "https://other.org", "one"),
        ];
        foreach (var (n, user, issuer, of) in grants)
        {
            var expiry = long.MaxValue;
            await Write(
                new LoginTokenIssued(Hash(n), user, expiry),
                new OAuthCodeIssued(
                    new(Hash(n + 10), expiry, "client", user, "PHONE", "scope", "https://a.org/", "challenge"), 10),
                new OAuthDeviceCodeIssued(
                    new(Hash(n + 30), Hash(n + 20), expiry, OAuthDecision.Pending, "client", "TV", "scope", null),
                    10, "10.0.0.1", 10),
                new OAuthDeviceCodeDecided(Hash(n + 20), user, OAuthDecision.Allowed),
                new SsoGrantIssued(Hash(n), user, issuer, of, expiry),
                new SsoGrantIssued(Hash(n + 10), user, issuer, of, expiry),
                new SsoGrantIssued(Hash(n + 20), user, issuer, of, expiry));
        }

        await Write(new SsoGrantsRevoked(Issuer, session, userId));
        var left = new List<int>();
        foreach (var (n, user, _, _) in grants)
        {
            var isThere = await Applies(new LoginTokenRedeemed(Hash(n)));
            if (isThere) left.Add(n);
            Assert.That(await Applies(new OAuthCodeRedeemed(Hash(n + 10))), Is.EqualTo(isThere), $"The code {n}.");
            Assert.That(
                await Applies(new OAuthDeviceCodeRedeemed(Hash(n + 30))), Is.EqualTo(isThere), $"The device {n}.");
            await Write(new SsoGrantUsed(Hash(n), user, $"D{n}"));
            var sessions = await Store.SingleSignOn.SessionsOfUserAsync(user, grants[n - 1].Issuer, Stop);
            Assert.That(sessions.Any(row => row.DeviceId == $"D{n}"), Is.EqualTo(isThere), $"The grant {n}.");
        }

        Assert.That(string.Join(' ', Enumerable.Range(1, 6).Except(left)), Is.EqualTo(gone));
    }

    [Test]
    public async Task Expired_grants_are_deleted()
    {
        await Write(
            new SsoGrantIssued(Hash(1), Alice, Issuer, "one", 5),
            new SsoGrantIssued(Hash(2), Alice, Issuer, "two", 15));
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
