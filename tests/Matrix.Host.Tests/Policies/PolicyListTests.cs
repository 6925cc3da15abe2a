using System.Text.Json.Nodes;
using Matrix.Host.Rooms.Policies;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Policies;

/// <summary>Policy lists that the server follows. Alice keeps the list; the room is another one.</summary>
internal sealed class PolicyListTests(string kind) : TwoInARoomTests(kind)
{
    private string _list = null!;

    [SetUp]
    public async Task Follow()
    {
        _list = await Alice.CreatesRoomAsync();
        await Server.RestartAsync(("policy_lists.rooms", _list));
    }

    [Test]
    public async Task Users_of_a_banned_server_are_not_invited_in_any_way()
    {
        const string Mallory = "@mallory:a.evil.example:8448";
        await BansAsync("server", "*.EVIL.example");

        Refused(await Alice.PostAsync($"rooms/{Esc(Room)}/invite", new JsonObject { ["user_id"] = Mallory }));
        Refused(await Alice.PostAsync("createRoom", new JsonObject { ["invite"] = new JsonArray(Mallory) }));
        Refused(await Alice.PutAsync(
            $"rooms/{Esc(Room)}/state/m.room.member/{Esc(Mallory)}", new JsonObject { ["membership"] = "invite" }));
        await BansAsync("server", "test.example");
        (await Bob.GetAsync("sync")).Is(200);
    }

    [Test]
    public async Task A_banned_room_is_not_joined_by_id_nor_by_alias_until_the_rule_is_lifted()
    {
        var party = await Alice.CreatesRoomAsync(with: new JsonObject { ["room_alias_name"] = "party" });
        await BansAsync("room", party);

        Refused(await Bob.PostAsync($"join/{Esc("#party:test.example")}"));
        Refused(await Bob.PostAsync($"rooms/{Esc(party)}/join"));
        Refused(await Bob.PostAsync($"knock/{Esc(party)}"));
        Refused(await Bob.PutAsync(
            $"rooms/{Esc(party)}/state/m.room.member/{Esc(Bob.UserId)}", new JsonObject { ["membership"] = "join" }));
        Refused(await Alice.PostAsync($"rooms/{Esc(party)}/invite", new JsonObject { ["user_id"] = Bob.UserId }));

        await Alice.SetsAsync(_list, "m.policy.rule.room", [], "on " + party);
        await Bob.JoinsAsync(party);
        await Bob.LeavesAsync(party);

        await BansAsync("room", "#par?y:*");
        Refused(await Bob.PostAsync($"join/{Esc("#party:test.example")}"));
        await Bob.JoinsAsync(party);
    }

    [Test]
    public async Task A_banned_account_is_locked_at_once_and_until_the_rule_is_redacted()
    {
        var rule = await BansAsync("user", Bob.UserId, "for the noise");

        var refused = (await Bob.GetAsync("sync")).Is(401, "M_USER_LOCKED");
        Assert.That((bool)refused.Json["soft_logout"]!, Is.True);
        Assert.That((string?)refused.Json["error"], Does.EndWith("for the noise"));
        (await Bob.PostAsync($"rooms/{Esc(Room)}/leave")).Is(401, "M_USER_LOCKED");
        Refused(await Alice.PostAsync(
            "createRoom", new JsonObject { ["invite"] = new JsonArray(Bob.UserId) }), "for the noise");
        await Server.RestartAsync();
        (await Bob.GetAsync("sync")).Is(401, "M_USER_LOCKED");

        (await Alice.PutAsync($"rooms/{Esc(_list)}/redact/{Esc(rule)}/1")).Is(200);
        (await Bob.GetAsync("sync")).Is(200);
        await BansAsync("user", "@b*:test.example");
        (await Bob.PostAsync("logout")).Is(200);
        (await Bob.GetAsync("sync")).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task Administrators_are_not_locked_out_and_matching_names_are_not_registered()
    {
        var change = Batches.New(1).Add(new AdminChanged(Alice.UserId, true));
        await Server.Services.GetRequiredService<OpenedStorage>().Writer.WriteAsync(change, CancellationToken.None);
        await BansAsync("user", "@*:test.example");

        (await Alice.GetAsync("sync")).Is(200);
        (await Bob.GetAsync("sync")).Is(401, "M_USER_LOCKED");
        (await Server.Anyone.GetAsync("register/available?username=spammer")).Is(403, "M_FORBIDDEN");
        (await Server.Anyone.PostAsync("register", new JsonObject
        {
            ["username"] = "spammer",
            ["password"] = "a-password",
            ["auth"] = new JsonObject { ["type"] = "m.login.dummy" },
        })).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task Media_of_a_banned_server_is_refused()
    {
        await BansAsync("server", "evil.example");

        (await Alice.GetAsync("/_matrix/client/v1/media/download/evil.example/abc")).Is(403, "M_FORBIDDEN");
        (await Alice.GetAsync(
            "/_matrix/client/v1/media/thumbnail/evil.example:8448/abc?width=10&height=10")).Is(403, "M_FORBIDDEN");
        (await Server.Anyone.GetAsync("/_matrix/media/v3/download/evil.example/abc")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Only_bans_of_the_list_count_and_not_more_rules_than_the_limit()
    {
        await Alice.SetsAsync(Room, "m.policy.rule.user", Rule(Bob.UserId), "elsewhere");
        await Alice.SetsAsync(_list, "m.policy.rule.user", new JsonObject
        {
            ["entity"] = Bob.UserId,
            ["recommendation"] = "org.example.watch",
            ["reason"] = "",
        }, "watched");
        await Alice.SendsAsync(_list, "m.policy.rule.user", Rule(Bob.UserId));
        (await Bob.GetAsync("sync")).Is(200);
        (await Bob.PutAsync(
            $"rooms/{Esc(_list)}/state/m.policy.rule.user/x", Rule(Alice.UserId))).Is(403, "M_FORBIDDEN");

        for (var i = 0; i < 3; i++) await BansAsync("server", $"s{i}.example");
        var policies = Server.Services.GetRequiredService<PolicyLists>();
        Assert.That((await policies.RulesAsync(CancellationToken.None)).Count, Is.EqualTo(3));
        await Server.RestartAsync(("policy_lists.rules", "2"));
        policies = Server.Services.GetRequiredService<PolicyLists>();
        Assert.That((await policies.RulesAsync(CancellationToken.None)).Count, Is.EqualTo(2));
        Assert.That(Server.Log, Does.Contain("policy_lists.rules"));
    }

    [Test]
    public async Task The_servers_own_user_joins_a_list_that_no_local_user_is_in()
    {
        await BansAsync("server", "evil.example");
        await Alice.LeavesAsync(_list);
        await Server.RestartAsync(("policy_lists.rooms", $"{_list}, !gone:test.example"));

        var rooms = Server.Services.GetRequiredService<RoomSnapshots>();
        Assert.That(
            () => rooms.Known(_list)?.Local.Joined,
            Is.EqualTo(new[] { "@server-notices:test.example" }).After(15_000, 50));
        Assert.That(() => Server.Log, Does.Contain("!gone:test.example").After(15_000, 50));
        Refused(await Alice.PostAsync($"rooms/{Esc(Room)}/invite", new JsonObject { ["user_id"] = "@a:evil.example" }));
    }

    private static string Esc(string text) => UserActions.Esc(text);

    private static JsonObject Rule(string entity, string reason = "") => new()
    {
        ["entity"] = entity,
        ["recommendation"] = "m.ban",
        ["reason"] = reason,
    };

    private static void Refused(Reply reply, string why = "policy list") =>
        Assert.That(reply.Is(403, "M_FORBIDDEN").Text, Does.Contain(why));

    private Task<string> BansAsync(string what, string entity, string reason = "") =>
        Alice.SetsAsync(_list, $"m.policy.rule.{what}", Rule(entity, reason), "on " + entity);
}
