using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;
using Matrix.Host.Tests.Sync;

namespace Matrix.Host.Tests.RoomDirectories;

/// <summary>The summary of one room. Client-Server API, "Room summaries".</summary>
internal sealed class RoomSummaryTests : TwoUsersTests
{
    private const string Path = "/_matrix/client/v1/room_summary/";

    [Test]
    public async Task An_open_room_is_summarised_for_everyone_by_id_and_alias()
    {
        var room = await Alice.CreatesRoomAsync(with: new JsonObject
        {
            ["name"] = "Kitchen",
            ["topic"] = "Food",
            ["room_alias_name"] = "kitchen",
            ["room_version"] = "11",
            ["initial_state"] = new JsonArray(new JsonObject
            {
                ["type"] = "m.room.encryption",
                ["state_key"] = "",
                ["content"] = new JsonObject { ["algorithm"] = "m.megolm.v1.aes-sha2" },
            }),
        });
        await Bob.JoinsAsync(room);

        foreach (var name in (string[])[room, "#kitchen:test.example"])
        {
            var json = (await Server.Anyone.GetAsync(Path + SyncingUsers.Esc(name))).Is(200).Json;
            Assert.That((string?)json["room_id"], Is.EqualTo(room));
            Assert.That((string?)json["name"], Is.EqualTo("Kitchen"));
            Assert.That((string?)json["join_rule"], Is.EqualTo("public"));
            Assert.That((int?)json["num_joined_members"], Is.EqualTo(2));
            Assert.That((string?)json["room_version"], Is.EqualTo("11"));
            Assert.That((string?)json["encryption"], Is.EqualTo("m.megolm.v1.aes-sha2"));
            Assert.That(json["membership"], Is.Null);
        }
    }

    [Test]
    public async Task The_paths_before_the_stable_one_give_their_own_names_too()
    {
        var room = await Alice.CreatesRoomAsync(with: new JsonObject { ["room_version"] = "11" });
        foreach (var path in (string[])["summary/{0}", "rooms/{0}/summary"])
        {
            var reply = await Alice.GetAsync("/_matrix/client/unstable/im.nheko.summary/" + path.Replace(
                "{0}", SyncingUsers.Esc(room), StringComparison.Ordinal));
            var json = reply.Is(200).Json;
            Assert.That((string?)json["im.nheko.summary.room_version"], Is.EqualTo("11"));
            Assert.That((string?)json["im.nheko.summary.version"], Is.EqualTo("11"));
            Assert.That((string?)json["membership"], Is.EqualTo("join"));
        }
    }

    [Test]
    public async Task A_hidden_room_is_as_if_it_did_not_exist_until_one_is_invited()
    {
        var room = await Alice.CreatesRoomAsync("private_chat", new JsonObject { ["name"] = "Secret" });
        var path = Path + SyncingUsers.Esc(room);
        var hidden = (await Bob.GetAsync(path)).Is(404, "M_NOT_FOUND");
        var missing = (await Bob.GetAsync(Path + SyncingUsers.Esc("!none:test.example"))).Is(404, "M_NOT_FOUND");
        Assert.That(hidden.Text, Is.EqualTo(missing.Text));
        (await Bob.GetAsync(Path + SyncingUsers.Esc("#none:test.example"))).Is(404, "M_NOT_FOUND");
        (await Server.Anyone.GetAsync(path)).Is(404, "M_NOT_FOUND");

        await Alice.InvitesAsync(room, Bob);
        Assert.That((string?)(await Bob.GetAsync(path)).Is(200).Json["membership"], Is.EqualTo("invite"));
        await Bob.JoinsAsync(room);
        Assert.That((string?)(await Bob.GetAsync(path)).Is(200).Json["membership"], Is.EqualTo("join"));
        await Bob.LeavesAsync(room);
        (await Bob.GetAsync(path)).Is(404, "M_NOT_FOUND");
        (await Server.Anyone.GetAsync(path)).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Without_an_account_a_hidden_room_is_as_if_it_did_not_exist_beyond_the_rate_too()
    {
        var hidden = await Alice.CreatesRoomAsync("private_chat");
        await Server.RestartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.open_summaries_per_second", "0.0001"),
            ("rate_limits.open_summaries_burst", "3"));
        var replies = new List<string>();
        foreach (var room in new[] { hidden, "!none:test.example", hidden, "!none:test.example", hidden })
        {
            var reply = await Server.Anyone.GetAsync(Path + SyncingUsers.Esc(room));
            replies.Add($"{reply.Status} {reply.Text}");
        }

        Assert.That(replies[0], Is.EqualTo(replies[1]).And.EqualTo(replies[2]).And.StartWith("404"));
        Assert.That(replies[3], Is.EqualTo(replies[4]).And.Not.EqualTo(replies[0]));
    }

    [Test]
    public async Task A_restricted_room_is_seen_by_those_whose_rooms_it_names()
    {
        var club = await Alice.CreatesRoomAsync();
        var room = await Alice.CreatesRoomAsync("private_chat", new JsonObject
        {
            ["initial_state"] = new JsonArray(new JsonObject
            {
                ["type"] = "m.room.join_rules",
                ["state_key"] = "",
                ["content"] = new JsonObject
                {
                    ["join_rule"] = "restricted",
                    ["allow"] = new JsonArray(new JsonObject { ["type"] = "m.room_membership", ["room_id"] = club }),
                },
            }),
        });
        var path = Path + SyncingUsers.Esc(room);

        (await Bob.GetAsync(path)).Is(404, "M_NOT_FOUND");
        await Bob.JoinsAsync(club);
        var json = (await Bob.GetAsync(path)).Is(200).Json;
        Assert.That((string?)json["membership"], Is.EqualTo("leave"));
        Assert.That(json["allowed_room_ids"]!.ToJsonString(), Is.EqualTo($"[\"{club}\"]"));
        (await Server.Anyone.GetAsync(path)).Is(404, "M_NOT_FOUND");
        await Alice.BansAsync(room, Bob);
        (await Bob.GetAsync(path)).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Wrong_names_and_tokens_are_refused()
    {
        (await Bob.GetAsync(Path + "nonsense")).Is(400, "M_INVALID_PARAM");
        Bob.Token = "wrong";
        (await Bob.GetAsync(Path + SyncingUsers.Esc("!none:test.example"))).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task Without_a_token_other_servers_are_asked_at_a_limited_rate()
    {
        await Server.RestartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.open_summaries_per_second", "0.001"),
            ("rate_limits.open_summaries_burst", "1"));
        var path = Path + SyncingUsers.Esc("!none:127.0.77.1:1");

        (await Server.Anyone.GetAsync(path)).Is(404, "M_NOT_FOUND");
        (await Server.Anyone.GetAsync(path)).Is(429, "M_LIMIT_EXCEEDED");
        (await Alice.GetAsync(path)).Is(404, "M_NOT_FOUND");
    }
}
