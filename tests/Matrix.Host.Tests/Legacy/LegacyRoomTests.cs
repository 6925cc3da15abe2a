using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Legacy;

/// <summary>Rooms of 2014: creation, memberships, messages, transactions, typing, aliases.</summary>
internal sealed class LegacyRoomTests() : LegacyTests
{
    [Test]
    public async Task A_room_is_private_unless_its_creator_says_otherwise()
    {
        var made = (await Alice.PostAsync(Old + "createRoom", new JsonObject
        {
            ["room_alias_name"] = "tutorial",
            ["name"] = "Tutorial",
            ["topic"] = "Old things",
        })).Is(200);

        Assert.That(made.Member("room_alias"), Is.EqualTo("#tutorial:test.example"));
        var room = made.Member("room_id");
        Assert.That(await JoinRuleAsync(room), Is.EqualTo("invite"));
        (await Bob.PostAsync($"{Old}join/{Esc("#tutorial:test.example")}")).Is(403, "M_FORBIDDEN");
        var open = (await Alice.PostAsync(Old + "createRoom", new JsonObject { ["visibility"] = "public" })).Is(200);
        Assert.That(await JoinRuleAsync(open.Member("room_id")), Is.EqualTo("public"));

        await Server.RestartAsync(("compatibility.legacy_public_rooms", "true"));
        var usual = (await Alice.PostAsync(Old + "createRoom")).Is(200);
        Assert.That(await JoinRuleAsync(usual.Member("room_id")), Is.EqualTo("public"));
        (await Alice.PostAsync(Old + "createRoom", new JsonObject { ["room_alias_name"] = "tutorial" }))
            .Is(400, "M_ROOM_IN_USE");
        (await Alice.PostAsync(Old + "createRoom", new JsonObject { ["visibility"] = "secret" }))
            .Is(400, "M_BAD_JSON");
        (await Alice.PostAsync(Old + "createRoom", new JsonObject { ["invite"] = "bob" })).Is(400, "M_BAD_JSON");
    }

    [Test]
    public async Task Members_come_and_go_by_the_old_operations()
    {
        var room = (await Alice.PostAsync(Old + "createRoom")).Is(200).Member("room_id");
        (await Bob.PostAsync($"{Old}rooms/{Esc(room)}/join")).Is(403, "M_FORBIDDEN");
        (await Alice.PostAsync($"{Old}rooms/{Esc(room)}/invite", Of(Bob))).Is(200);
        Assert.That(await MembershipOfBobAsync(room), Is.EqualTo("invite"));
        (await Bob.PostAsync($"{Old}rooms/{Esc(room)}/join")).Is(200);
        (await Bob.PostAsync($"{Old}rooms/{Esc(room)}/leave")).Is(200);
        Assert.That(await MembershipOfBobAsync(room), Is.EqualTo("leave"));
        (await Alice.PostAsync($"{Old}rooms/{Esc(room)}/invite", new JsonObject())).Is(400, "M_BAD_JSON");
        (await Alice.PostAsync($"{Old}rooms/{Esc(room)}/ban", new JsonObject
        {
            ["user_id"] = Bob.UserId,
            ["reason"] = "spam",
        })).Is(200);
        var member = (await Alice.GetAsync($"rooms/{Esc(room)}/state/m.room.member/{Esc(Bob.UserId)}")).Is(200);
        Assert.That((member.Member("membership"), member.Member("reason")), Is.EqualTo(("ban", "spam")));
        (await Bob.PostAsync($"{Old}rooms/{Esc(room)}/ban", Of(Alice))).Is(403, "M_FORBIDDEN");

        (await Alice.PutAsync(
            $"{Old}rooms/{Esc(room)}/state/m.room.member/{Esc(Bob.UserId)}",
            new JsonObject { ["membership"] = "leave" })).Is(200);
        (await Alice.PutAsync(
            $"{Old}rooms/{Esc(room)}/state/m.room.member/{Esc(Bob.UserId)}",
            new JsonObject { ["membership"] = "invite" })).Is(200);
        (await Bob.PutAsync(
            $"{Old}rooms/{Esc(room)}/state/m.room.member/{Esc(Bob.UserId)}",
            new JsonObject { ["membership"] = "join" })).Is(200);
        (await Alice.PostAsync($"{Old}rooms/{Esc(room)}/kick", Of(Bob))).Is(200);
        Assert.That(await MembershipOfBobAsync(room), Is.EqualTo("leave"));
    }

    [Test]
    public async Task Any_post_is_a_put_with_a_transaction_id_and_is_done_once()
    {
        var first = (await Alice.PutAsync(Old + "createRoom/1", new JsonObject { ["name"] = "One" })).Is(200);
        var again = (await Alice.PutAsync(Old + "createRoom/1", new JsonObject { ["name"] = "One" })).Is(200);
        var other = (await Alice.PutAsync(Old + "createRoom/2", new JsonObject { ["name"] = "Two" })).Is(200);
        var room = first.Member("room_id");
        Assert.That(again.Member("room_id"), Is.EqualTo(room));
        Assert.That(other.Member("room_id"), Is.Not.EqualTo(room));

        Assert.That(
            (await Bob.PutAsync(Old + "createRoom/1", new JsonObject())).Is(200).Member("room_id"),
            Is.Not.EqualTo(room));
        (await Bob.PutAsync($"{Old}rooms/{Esc(room)}/join/5", new JsonObject())).Is(403, "M_FORBIDDEN");
        (await Alice.PutAsync($"{Old}rooms/{Esc(room)}/invite/3", Of(Bob))).Is(200);
        (await Bob.PutAsync($"{Old}rooms/{Esc(room)}/join/5", new JsonObject())).Is(200);
        (await Bob.PutAsync($"{Old}rooms/{Esc(room)}/leave/6", new JsonObject())).Is(200);
        await Alice.InvitesAsync(room, Bob);
        (await Bob.PutAsync($"{Old}join/{Esc(room)}/7", new JsonObject())).Is(200);
        (await Bob.PutAsync($"{Old}rooms/{Esc(room)}/leave/6", new JsonObject())).Is(200);
        Assert.That(await MembershipOfBobAsync(room), Is.EqualTo("join"));

        var path = $"{Old}rooms/{Esc(room)}/send/m.room.message/9";
        var said = (await Alice.PutAsync(path, Text("once"))).Is(200).Member("event_id");
        Assert.That((await Alice.PutAsync(path, Text("once"))).Is(200).Member("event_id"), Is.EqualTo(said));
        var one = await OldSaysAsync(room, "a");
        var another = await OldSaysAsync(room, "a");
        Assert.That(another, Is.Not.EqualTo(one));

        (await Alice.PostAsync(path, Text("no id with POST"))).Is(405, "M_UNRECOGNIZED");
        (await Alice.PutAsync(Old + "createRoom", new JsonObject())).Is(405, "M_UNRECOGNIZED");
    }

    [Test]
    public async Task Two_requests_at_once_with_a_transaction_id_create_one_room()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 8).Select(
            _ => Alice.PutAsync(Old + "createRoom/same", new JsonObject())));
        Assert.That(made.Select(reply => reply.Is(200).Member("room_id")).Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task Only_so_many_responses_are_remembered()
    {
        await Server.RestartAsync(("compatibility.legacy_transactions", "1"));
        var room = (await Alice.PutAsync(Old + "createRoom/1", new JsonObject())).Is(200).Member("room_id");
        (await Alice.PutAsync(Old + "createRoom/2", new JsonObject())).Is(200);
        Assert.That(
            (await Alice.PutAsync(Old + "createRoom/1", new JsonObject())).Is(200).Member("room_id"),
            Is.Not.EqualTo(room));
    }

    [Test]
    public async Task Messages_typing_feedback_and_redactions_reach_a_client_of_today()
    {
        var room = await MeetAsync();
        var since = (await Bob.SyncsAsync()).Next;
        var said = await OldSaysAsync(room, "hello from 2014");
        (await Alice.PutAsync(
            $"{Old}rooms/{Esc(room)}/typing/{Esc(Alice.UserId)}",
            new JsonObject { ["typing"] = true, ["timeout"] = 20_000 })).Is(200);
        var news = (await Bob.SyncsAsync(since)).Json["rooms"]!["join"]![room]!.ToJsonString();
        Assert.That(news, Does.Contain(said).And.Contain("hello from 2014").And.Contain("m.typing"));

        var answer = await Bob.SaysAsync(room, "hello from today");
        var read = new JsonObject { ["type"] = "read", ["target_event_id"] = answer };
        var path = $"{Old}rooms/{Esc(room)}/send/m.room.message.feedback";
        (await Alice.PostAsync(path, read)).Is(200).Member("event_id");
        var receipts = (await Bob.SyncsAsync(since)).Json["rooms"]!["join"]![room]!["ephemeral"]!.ToJsonString();
        Assert.That(receipts, Does.Contain("m.receipt").And.Contain(answer).And.Contain(Alice.UserId));
        var delivered = new JsonObject { ["type"] = "delivered", ["target_event_id"] = answer };
        var told = (await Alice.PostAsync(path, delivered)).Is(200).Member("event_id");
        Assert.That(
            (await Bob.GetAsync($"rooms/{Esc(room)}/event/{Esc(told)}")).Is(200).Member("type"),
            Is.EqualTo("m.room.message.feedback"));

        (await Alice.PostAsync(path, new JsonObject { ["type"] = "seen", ["target_event_id"] = answer }))
            .Is(400, "M_BAD_JSON");
        (await Alice.PostAsync(path, new JsonObject { ["type"] = "read" })).Is(400, "M_BAD_JSON");
        (await Alice.PostAsync(path, new JsonObject { ["type"] = "read", ["target_event_id"] = "x" }))
            .Is(400, "M_INVALID_PARAM");
        (await Alice.PostAsync(path, new JsonObject { ["type"] = "read", ["target_event_id"] = "$none" }))
            .Is(400, "M_INVALID_PARAM");

        (await Alice.PostAsync(
            $"{Old}rooms/{Esc(room)}/redact/{Esc(said)}", new JsonObject { ["reason"] = "typo" })).Is(200);
        var redacted = (await Alice.GetAsync($"{Old}events/{Esc(said)}")).Is(200).Json;
        Assert.That((string?)redacted["redacted_because"]!["user_id"], Is.EqualTo(Alice.UserId));
        Assert.That((string?)redacted["redacted_because"]!["redacts"], Is.EqualTo(said));
    }

    [Test]
    public async Task Calls_are_carried_as_any_event()
    {
        var room = await MeetAsync();
        foreach (var type in (string[])["m.call.invite", "m.call.candidates", "m.call.answer", "m.call.hangup"])
        {
            (await Alice.PostAsync($"{Old}rooms/{Esc(room)}/send/{type}", new JsonObject
            {
                ["version"] = 0,
                ["call_id"] = "12345",
            })).Is(200);
        }

        Assert.That(
            (await Bob.GetAsync($"rooms/{Esc(room)}/messages?dir=b")).Is(200).Text,
            Does.Contain("m.call.invite").And.Contain("m.call.hangup"));
        Assert.That((await Alice.GetAsync(Old + "voip/turnServer")).Status, Is.EqualTo(
            (await Alice.GetAsync("voip/turnServer")).Status));
    }

    [Test]
    public async Task Aliases_are_made_found_and_deleted_and_public_rooms_are_listed_with_them()
    {
        var room = (await Alice.PostAsync(Old + "createRoom", new JsonObject
        {
            ["visibility"] = "public",
            ["room_alias_name"] = "pub",
            ["name"] = "The Pub",
        })).Is(200).Member("room_id");
        var alias = $"{Old}directory/room/{Esc("#inn:test.example")}";
        (await Alice.PutAsync(alias, new JsonObject { ["room_id"] = room })).Is(200);
        var found = (await Bob.GetAsync(alias)).Is(200);
        Assert.That(found.Member("room_id"), Is.EqualTo(room));
        Assert.That(found.Json["servers"]!.AsArray(), Is.Not.Empty);
        (await Bob.PostAsync($"{Old}join/{Esc("#inn:test.example")}", new JsonObject())).Is(200);
        (await Alice.DeleteAsync(alias)).Is(200);
        (await Bob.GetAsync(alias)).Is(404, "M_NOT_FOUND");
        (await Alice.PutAsync(alias, new JsonObject())).Is(400, "M_BAD_JSON");

        var list = (await Server.Anyone.GetAsync(Old + "publicRooms")).Is(200).Json;
        var listed = list["chunk"]!.AsArray().Single()!;
        Assert.That((string?)listed["name"], Is.EqualTo("The Pub"));
        Assert.That((string?)listed["aliases"]![0], Is.EqualTo("#pub:test.example"));
        Assert.That((string?)list["end"], Is.EqualTo("END"));
        (await Server.Anyone.GetAsync(Old + "publicRooms?from=START")).Is(200);
        (await Server.Anyone.GetAsync(Old + "publicRooms?from=x")).Is(400, "M_INVALID_PARAM");

        var aliases = (await Alice.GetAsync($"{Old}rooms/{Esc(room)}/state")).Is(200).Text;
        Assert.That(JsonNode.Parse(aliases)!.AsArray().Any(each =>
            (string?)each!["type"] == "m.room.aliases" && (string?)each["state_key"] == "test.example"
            && (string?)each["content"]!["aliases"]![0] == "#pub:test.example"));
    }

    private static JsonObject Of(TestUser user) => new() { ["user_id"] = user.UserId };

    private static JsonObject Text(string body) => new() { ["msgtype"] = "m.text", ["body"] = body };

    private async Task<string> JoinRuleAsync(string room) =>
        (await Alice.GetAsync($"{Old}rooms/{Esc(room)}/state/m.room.join_rules")).Is(200).Member("join_rule");

    private async Task<string> MembershipOfBobAsync(string room) =>
        (await Alice.GetAsync($"{Old}rooms/{Esc(room)}/state/m.room.member/{Esc(Bob.UserId)}"))
            .Is(200).Member("membership");
}
