using System.Text.Json.Nodes;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Import.Tests.People;

/// <summary>Tokens that Synapse gave out go on.</summary>
internal sealed class TokenTests(string sourceKind, string targetKind) : PeopleWorld(sourceKind, targetKind)
{
    [Test]
    public async Task Tokens_of_any_length_go_on_with_their_devices()
    {
        var macaroon = "MDAx" + new string('a', 900);
        await UserAsync("alice");
        await DeviceAsync("alice", "PHONE");
        await AccessAsync(1, "alice", "PHONE", "syt_alice_1");
        await AccessAsync(2, "alice", "PHONE", macaroon);
        await AccessAsync(3, "alice", "LOST", "syt_alice_3");
        await AccessAsync(4, "alice", null, "old");
        await AccessAsync(5, "nobody", "PHONE", "syt_nobody");
        await AccessAsync(6, "alice", "PHONE", new string('b', 9_000));

        await StartImportedAsync();

        foreach (var (token, device) in new[]
        {
            ("syt_alice_1", "PHONE"), (macaroon, "PHONE"), ("syt_alice_3", "LOST"), ("old", null),
        })
        {
            var who = (await Client(token).GetAsync("account/whoami")).Is(200).Json;
            Assert.That(((string?)who["user_id"], (string?)who["device_id"]), Is.EqualTo((Id("alice"), device)));
            (await Client(token).GetAsync("sync")).Is(200);
        }

        (await Client("syt_nobody").GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await Client("syt_alice_2").GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        await StopServerAsync();
        Assert.That(await LeftOutAsync("access tokens"), Is.EqualTo(new[] { Id("nobody"), Id("alice") }));
    }

    [Test]
    public async Task Users_and_devices_with_control_characters_in_their_ids_are_carried()
    {
        const string Device = "PHO\u0010NE";
        await UserAsync("al\u0010ice");
        await UserAsync("bob");
        await DeviceAsync("al\u0010ice", Device, ("display_name", "A\u0010\u0001B"));
        await AccessAsync(1, "al\u0010ice", Device, "syt_alice_1");

        await StartImportedAsync();

        var who = (await Client("syt_alice_1").GetAsync("account/whoami")).Is(200).Json;
        Assert.That(((string?)who["user_id"], (string?)who["device_id"]), Is.EqualTo((Id("al\u0010ice"), Device)));
        var devices = (await Client("syt_alice_1").GetAsync("devices")).Is(200).Json["devices"]!.AsArray();
        Assert.That(
            devices.Select(static each => (string?)each!["display_name"]), Is.EqualTo(new[] { "A\u0010\u0001B" }));
    }

    [Test]
    public async Task An_expired_token_is_logged_out_softly()
    {
        await UserAsync("alice");
        await DeviceAsync("alice", "PHONE");
        await AccessAsync(1, "alice", "PHONE", "expired", ("valid_until_ms", Year2023));

        await StartImportedAsync();

        var reply = (await Client("expired").GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        Assert.That((bool)reply.Json["soft_logout"]!, Is.True);
    }

    [Test]
    public async Task A_token_by_which_an_administrator_acts_as_a_user_goes_on_until_they_are_none()
    {
        await UserAsync("root", ("admin", 1));
        await UserAsync("alice");
        await DeviceAsync("root", "DESK");
        await AccessAsync(1, "root", "DESK", "root");
        await AccessAsync(2, "root", null, "acts", ("puppets_user_id", Id("alice")));
        await AccessAsync(3, "root", null, "old");

        await StartWithOperatorAsync();

        Assert.That(
            (await Client("acts").GetAsync("account/whoami")).Is(200).Member("user_id"), Is.EqualTo(Id("alice")));
        (await Client("acts").GetAsync($"{V2}users")).Is(403, "M_FORBIDDEN");
        (await Client("root").GetAsync($"{V2}users")).Is(200);
        (await Client("old").GetAsync($"{V2}users")).Is(200);
        (await Operator.PutAsync($"{V1}users/{Id("root")}/admin", new JsonObject { ["admin"] = false })).Is(200);
        (await Client("acts").GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task A_session_is_refreshed_with_the_token_of_Synapse()
    {
        await UserAsync("alice");
        await DeviceAsync("alice", "PHONE");
        await RefreshAsync(1, "used-up", next: 2);
        await RefreshAsync(2, "good");
        await AccessAsync(1, "alice", "PHONE", "access-1", ("refresh_token_id", 1), ("used", true));
        await AccessAsync(2, "alice", "PHONE", "access-2", ("refresh_token_id", 2), ("used", true));

        await StartImportedAsync();

        // The older access token goes on until it expires, as with Synapse.
        (await Client("access-1").GetAsync("account/whoami")).Is(200);
        (await Client("access-2").GetAsync("account/whoami")).Is(200);
        (await RefreshesAsync("used-up")).Is(401, "M_UNKNOWN_TOKEN");
        var refreshed = (await RefreshesAsync("good")).Is(200);
        (await Client(refreshed.Member("access_token")).GetAsync("account/whoami")).Is(200);
        (await Client("access-2").GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await RefreshesAsync("good")).Is(401, "M_UNKNOWN_TOKEN");
        (await RefreshesAsync(refreshed.Member("refresh_token"))).Is(200);
    }

    [Test]
    public async Task A_client_that_lost_the_answer_of_Synapse_refreshes_with_the_token_before()
    {
        await UserAsync("alice");
        await DeviceAsync("alice", "PHONE");
        await RefreshAsync(1, "sent", next: 2);
        await RefreshAsync(2, "lost");
        await AccessAsync(1, "alice", "PHONE", "access-1", ("refresh_token_id", 1), ("used", true));
        await AccessAsync(2, "alice", "PHONE", "access-2", ("refresh_token_id", 2), ("used", false));

        await StartImportedAsync();

        (await Client("access-1").GetAsync("account/whoami")).Is(200);
        var refreshed = (await RefreshesAsync("sent")).Is(200);
        (await Client(refreshed.Member("access_token")).GetAsync("account/whoami")).Is(200);
        (await Client("access-2").GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await RefreshesAsync("lost")).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task A_client_that_got_the_answer_ends_the_pair_before_by_its_first_use()
    {
        await UserAsync("alice");
        await DeviceAsync("alice", "PHONE");
        await RefreshAsync(1, "sent", next: 2);
        await RefreshAsync(2, "got");
        await AccessAsync(1, "alice", "PHONE", "access-1", ("refresh_token_id", 1), ("used", true));
        await AccessAsync(2, "alice", "PHONE", "access-2", ("refresh_token_id", 2), ("used", false));

        await StartImportedAsync();

        (await Client("access-2").GetAsync("account/whoami")).Is(200);
        (await RefreshesAsync("sent")).Is(401, "M_UNKNOWN_TOKEN");
        (await RefreshesAsync("got")).Is(200);
    }

    [Test]
    public async Task A_session_ends_when_Synapse_would_have_ended_it_however_often_it_is_refreshed()
    {
        var end = DateTimeOffset.UtcNow.AddMinutes(30).ToUnixTimeMilliseconds();
        await UserAsync("alice");
        await DeviceAsync("alice", "PHONE");
        await RefreshAsync(1, "bounded", next: null, ("ultimate_session_expiry_ts", end));
        await RefreshAsync(2, "over", next: null, ("ultimate_session_expiry_ts", Year2023));

        await StartImportedAsync();

        (await RefreshesAsync("over")).Is(401, "M_UNKNOWN_TOKEN");
        var token = "bounded";
        for (var i = 0; i < 3; i++)
        {
            var refreshed = (await RefreshesAsync(token)).Is(200);
            var left = (long)refreshed.Json["expires_in_ms"]!;
            Assert.That(left, Is.InRange(25 * 60_000, 30 * 60_000), "Tokens last an hour otherwise.");
            token = refreshed.Member("refresh_token");
        }

        await StopServerAsync();
        await using var target = await OpenTargetAsync(numbers: null);
        var hash = Host.Users.Sessions.ImportedTokens.HashOf(token)!.Value;
        Assert.That((await target.Accounts.FindTokenAsync(hash, Stop))!.ExpiresAt, Is.EqualTo(end));
    }

    [Test]
    public async Task A_token_without_a_device_is_logged_out_alone()
    {
        await UserAsync("alice");
        await DeviceAsync("alice", "PHONE");
        await AccessAsync(1, "alice", null, "old");
        await AccessAsync(2, "alice", null, "older");
        await AccessAsync(3, "alice", "PHONE", "phone");

        await StartImportedAsync();

        (await Client("old").GetAsync("account/whoami")).Is(200);
        (await Client("old").PostAsync("logout")).Is(200);
        (await Client("old").GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await Client("older").GetAsync("account/whoami")).Is(200);
        (await Client("phone").GetAsync("account/whoami")).Is(200);
        (await Client("phone").PostAsync("logout/all")).Is(200);
        (await Client("older").GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task A_token_without_a_device_does_all_but_what_needs_one()
    {
        await UserAsync("alice");
        await AccessAsync(1, "alice", null, "old");

        await StartImportedAsync();

        var alice = Client("old");
        var room = (await alice.PostAsync("createRoom", new JsonObject())).Is(200).Member("room_id");
        (await alice.PutAsync(
            $"rooms/{room}/send/m.room.message/1",
            new JsonObject { ["msgtype"] = "m.text", ["body"] = "hello" })).Is(200);
        (await alice.GetAsync("sync")).Is(200);
        (await alice.GetAsync("devices")).Is(200);
        (await alice.PostAsync("keys/query", new JsonObject { ["device_keys"] = new JsonObject() })).Is(200);
        Assert.That((int)(await alice.PostAsync("keys/upload", new JsonObject())).Status, Is.InRange(400, 499));
    }

    private Task AccessAsync(
        long id, string localpart, string? deviceId, string token, params (string Column, object? Value)[] more) =>
        Source.InsertAsync(
            "access_tokens",
            [("id", id), ("user_id", Id(localpart)), ("device_id", deviceId), ("token", token), .. more]);

    private Task RefreshAsync(
        long id, string token, long? next = null, params (string Column, object? Value)[] more) => Source.InsertAsync(
        "refresh_tokens",
        [
            ("id", id), ("user_id", Id("alice")), ("device_id", "PHONE"), ("token", token), ("next_token_id", next),
            .. more,
        ]);

    private Task<Reply> RefreshesAsync(string token) =>
        Client(null).PostAsync("refresh", new JsonObject { ["refresh_token"] = token });
}
