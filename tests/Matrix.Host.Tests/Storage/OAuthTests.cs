using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.OAuth;

namespace Matrix.Host.Tests.Storage;

internal sealed class OAuthTests(string kind) : StorageTests(kind)
{
    private const string Alice = "@alice:example.org";

    private static byte[] Hash(int n) => [.. Enumerable.Repeat((byte)n, 32)];

    private static OAuthCodeRow Code(int n, long expiresAt = long.MaxValue) =>
        new(Hash(n), expiresAt, "client", Alice, "PHONE", "scope", "https://example.org/", "challenge");

    private static OAuthDeviceCodeRow DeviceCode(int n, long expiresAt = long.MaxValue) =>
        new(Hash(n), Hash(n + 100), expiresAt, OAuthDecision.Pending, "client", "TV", "scope", null);

    private static OAuthSessionRow Session(string device, int n) =>
        new(Alice, device, "client", Hash(n), Hash(n + 100), "scope");

    private static TokensIssued Tokens(string device, int n) => new(Alice, device, Hash(n), null, null, null);

    [Test]
    public async Task A_client_is_found_by_its_id_and_the_oldest_unused_ones_make_place()
    {
        for (var n = 1; n <= 3; n++)
        {
            Assert.That(await Applies(new OAuthClientRegistered($"c{n}", new[] { (byte)n }, Most: 3)));
            Time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.That(await Applies(new OAuthClientRegistered("c1", new byte[] { 1 }, Most: 3)), "It is used again.");
        Time.Advance(TimeSpan.FromSeconds(1));
        Assert.That(await Applies(new OAuthClientRegistered("c4", new byte[] { 4 }, Most: 3)));

        Assert.That(await Store.OAuth.FindClientAsync("c2", Stop), Is.Null);
        foreach (var n in new[] { 1, 3, 4 })
        {
            Assert.That(
                (await Store.OAuth.FindClientAsync($"c{n}", Stop))!.Value.ToArray(), Is.EqualTo(new[] { (byte)n }));
        }
    }

    [Test]
    public async Task A_client_with_a_session_stays_and_if_all_have_one_no_other_is_registered()
    {
        await Applies(new OAuthClientRegistered("client", new byte[] { 1 }, Most: 1));
        await Write(Tokens("PHONE", 1), new OAuthSessionBegun(Session("PHONE", 1)));
        Time.Advance(TimeSpan.FromDays(9));
        Assert.That(await Applies(new OAuthClientRegistered("other", new byte[] { 2 }, Most: 1)), Is.False);
        await Write(new OAuthLeftoversPurged(0, long.MaxValue));
        Assert.That(await Store.OAuth.FindClientAsync("client", Stop), Is.Not.Null);

        await Write(new DeviceDeleted(Alice, "PHONE"));
        await Write(new OAuthLeftoversPurged(0, long.MaxValue));
        Assert.That(await Store.OAuth.FindClientAsync("client", Stop), Is.Null);
    }

    [Test]
    public async Task A_code_is_used_once_in_its_time_and_a_user_has_few()
    {
        await Write(new OAuthCodeIssued(Code(1), MostOfUser: 2));
        var row = await Store.OAuth.FindCodeAsync(Hash(1), Stop);
        Assert.That((row!.UserId, row.DeviceId, row.Challenge), Is.EqualTo((Alice, "PHONE", "challenge")));
        Assert.That(await Applies(new OAuthCodeRedeemed(Hash(1))));
        Assert.That(await Applies(new OAuthCodeRedeemed(Hash(1))), Is.False);

        await Write(new OAuthCodeIssued(Code(2, 1), MostOfUser: 2));
        Assert.That(await Applies(new OAuthCodeRedeemed(Hash(2))), Is.False, "It has expired.");
        await Write(new OAuthCodeIssued(Code(3), 2), new OAuthCodeIssued(Code(4), 2));
        Assert.That(await Store.OAuth.FindCodeAsync(Hash(2), Stop), Is.Null);
        await Write(new OtherDevicesDeleted(Alice, null));
        Assert.That(await Store.OAuth.FindCodeAsync(Hash(4), Stop), Is.Null);
    }

    [Test]
    public async Task A_device_code_is_decided_once_and_used_once()
    {
        Assert.That(await Applies(new OAuthDeviceCodeIssued(DeviceCode(1), Most: 2, "10.0.0.1", 2)));
        Assert.That(await Applies(new OAuthDeviceCodeRedeemed(Hash(1))), Is.False, "Nobody has decided.");
        Assert.That(await Applies(new OAuthDeviceCodeDecided(Hash(101), Alice, OAuthDecision.Allowed)));
        Assert.That(await Applies(new OAuthDeviceCodeDecided(Hash(101), Alice, OAuthDecision.Denied)), Is.False);
        var row = await Store.OAuth.FindDeviceCodeAsync(Hash(1), Stop);
        Assert.That((row!.Decision, row.UserId), Is.EqualTo((OAuthDecision.Allowed, (string?)Alice)));
        Assert.That((await Store.OAuth.FindUserCodeAsync(Hash(101), Stop))!.DeviceId, Is.EqualTo("TV"));

        Assert.That(await Applies(new OAuthDeviceCodeIssued(DeviceCode(2, 1), Most: 2, "10.0.0.1", 2)));
        Assert.That(
            await Applies(new OAuthDeviceCodeIssued(DeviceCode(3), 2, "10.0.0.1", 2)), Is.False, "There are enough.");
        Assert.That(
            await Applies(new OAuthDeviceCodeDecided(Hash(102), Alice, OAuthDecision.Allowed)), Is.False, "Expired.");
        await Write(new OAuthLeftoversPurged(2, 0));
        Assert.That(await Store.OAuth.FindDeviceCodeAsync(Hash(2), Stop), Is.Null);
        Assert.That(await Applies(new OAuthDeviceCodeRedeemed(Hash(1))));
        Assert.That(await Applies(new OAuthDeviceCodeRedeemed(Hash(1))), Is.False);
    }

    [Test]
    public async Task A_session_ends_with_its_device_or_the_devices_next_login()
    {
        await Write(new UserCreated(Alice, UserKind.User, null, false));
        await Write(Tokens("PHONE", 1), new OAuthSessionBegun(Session("PHONE", 1)));
        await Write(Tokens("TV", 2), new OAuthSessionBegun(Session("TV", 2)));
        Assert.That((await Store.Accounts.FindTokenAsync(Hash(1), Stop))!.ClientId, Is.EqualTo("client"));
        Assert.That((await Store.OAuth.FindSessionAsync(Hash(1), Stop))!.DeviceId, Is.EqualTo("PHONE"));
        Assert.That((await Store.OAuth.FindSessionMadeByAsync(Hash(102), Stop))!.DeviceId, Is.EqualTo("TV"));
        Assert.That(await Store.OAuth.SessionsAsync(Alice, Stop), Has.Count.EqualTo(2));
        Assert.That(await Applies(new OAuthSessionIs(Session("PHONE", 1))));
        Assert.That(await Applies(new OAuthSessionIs(Session("PHONE", 3))), Is.False);

        await Write(Tokens("PHONE", 5));
        Assert.That((await Store.Accounts.FindTokenAsync(Hash(5), Stop))!.ClientId, Is.Null);
        await Write(new OtherDevicesDeleted(Alice, "PHONE"));
        Assert.That(await Store.OAuth.SessionsAsync(Alice, Stop), Is.Empty);
    }
}
