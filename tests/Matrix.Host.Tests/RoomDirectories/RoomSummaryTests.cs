using System.Text;
using System.Text.Json.Nodes;
using Matrix.Core.Facade;
using Matrix.Host.Rooms.Summaries;
using Matrix.Host.Tests.Support;

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
            var json = (await Server.Anyone.GetAsync(Path + UserActions.Esc(name))).Is(200).Json;
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
                "{0}", UserActions.Esc(room), StringComparison.Ordinal));
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
        var path = Path + UserActions.Esc(room);
        var hidden = (await Bob.GetAsync(path)).Is(404, "M_NOT_FOUND");
        var missing = (await Bob.GetAsync(Path + UserActions.Esc("!none:test.example"))).Is(404, "M_NOT_FOUND");
        Assert.That(hidden.Text, Is.EqualTo(missing.Text));
        (await Bob.GetAsync(Path + UserActions.Esc("#none:test.example"))).Is(404, "M_NOT_FOUND");
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
            var reply = await Server.Anyone.GetAsync(Path + UserActions.Esc(room));
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
        var path = Path + UserActions.Esc(room);

        (await Bob.GetAsync(path)).Is(404, "M_NOT_FOUND");
        await Bob.JoinsAsync(club);
        var json = (await Bob.GetAsync(path)).Is(200).Json;
        Assert.That((string?)json["membership"], Is.EqualTo("leave"));
        Assert.That(json["allowed_room_ids"]!.ToJsonString(), Is.EqualTo($"[\"{club}\"]"));
        (await Server.Anyone.GetAsync(path)).Is(404, "M_NOT_FOUND");
        await Alice.BansAsync(room, Bob);
        (await Bob.GetAsync(path)).Is(404, "M_NOT_FOUND");
    }

    [TestCase("6", "knock", false)]
    [TestCase("7", "knock", true)]
    [TestCase("9", "knock_restricted", false)]
    [TestCase("10", "knock_restricted", true)]
    public async Task A_rule_that_the_version_does_not_have_opens_nothing(string version, string rule, bool isOpen)
    {
        var room = await CreatesAsync(version, new JsonObject { ["join_rule"] = rule });
        var space = await Alice.CreatesRoomAsync(with: new JsonObject
        {
            ["creation_content"] = new JsonObject { ["type"] = "m.space" },
        });
        await Alice.SetsAsync(space, "m.space.child", new() { ["via"] = new JsonArray("test.example") }, room);

        foreach (var client in new[] { Bob, Server.Anyone })
        {
            var reply = await client.GetAsync(Path + UserActions.Esc(room));
            if (isOpen) Assert.That((string?)reply.Is(200).Json["join_rule"], Is.EqualTo(rule));
            else reply.Is(404, "M_NOT_FOUND");
        }

        var tree = await Bob.GetAsync($"/_matrix/client/v1/rooms/{UserActions.Esc(space)}/hierarchy");
        Assert.That(tree.Is(200).Json["rooms"]!.AsArray(), Has.Count.EqualTo(isOpen ? 2 : 1));
        var own = (await Alice.GetAsync(Path + UserActions.Esc(room))).Is(200).Json;
        Assert.That((string?)own["join_rule"], Is.EqualTo(isOpen ? rule : "invite"));
    }

    [TestCase("7", 404)]
    [TestCase("8", 200)]
    public async Task A_restricted_room_is_seen_if_its_version_has_the_rule(string version, int status)
    {
        var club = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(club);
        var room = await CreatesAsync(version, new JsonObject
        {
            ["join_rule"] = "restricted",
            ["allow"] = new JsonArray(new JsonObject { ["type"] = "m.room_membership", ["room_id"] = club }),
        });

        Assert.That((await Bob.GetAsync(Path + UserActions.Esc(room))).Status, Is.EqualTo(status));
    }

    [TestCase("6", "knock", "invite", false)]
    [TestCase("7", "knock", "knock", true)]
    [TestCase("9", "knock_restricted", "invite", false)]
    [TestCase("6", null, "public", true)]
    [TestCase(null, "knock", "knock", true)]
    [TestCase("org.example.other", "knock", "knock", true)]
    public void A_summary_of_another_server_is_open_by_the_rules_of_its_version(
        string? version, string? rule, string read, bool isOpen)
    {
        var text = new JsonObject { ["room_id"] = "!far:away" };
        if (version is not null) text["room_version"] = version;
        if (rule is not null) text["join_rule"] = rule;
        JsonText.TryParseObject(
            Encoding.UTF8.GetBytes(text.ToJsonString()),
            Matrix.Core.Json.Reading.Lenient,
            JsonText.FederationBodyLimits,
            out var json,
            out _);

        var summary = RoomSummary.Of(json)!;
        Assert.That((summary.JoinRule, summary.IsOpen), Is.EqualTo((read, isOpen)));
    }

    private Task<string> CreatesAsync(string version, JsonObject rules) =>
        Alice.CreatesRoomAsync("private_chat", new JsonObject
        {
            ["room_version"] = version,
            ["initial_state"] = new JsonArray(new JsonObject
            {
                ["type"] = "m.room.join_rules",
                ["state_key"] = "",
                ["content"] = rules,
            }),
        });

    [Test]
    public async Task Wrong_names_and_tokens_are_refused()
    {
        (await Bob.GetAsync(Path + "nonsense")).Is(400, "M_INVALID_PARAM");
        Bob.Token = "wrong";
        (await Bob.GetAsync(Path + UserActions.Esc("!none:test.example"))).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task Without_a_token_other_servers_are_asked_at_a_limited_rate()
    {
        await Server.RestartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.open_summaries_per_second", "0.001"),
            ("rate_limits.open_summaries_burst", "1"));
        var path = Path + UserActions.Esc("!none:127.0.77.1:1");

        (await Server.Anyone.GetAsync(path)).Is(404, "M_NOT_FOUND");
        (await Server.Anyone.GetAsync(path)).Is(429, "M_LIMIT_EXCEEDED");
        (await Alice.GetAsync(path)).Is(404, "M_NOT_FOUND");
    }
}
