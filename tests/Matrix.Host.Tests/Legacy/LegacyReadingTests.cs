using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Legacy;

/// <summary>The first synchronisation, the event stream and pages of rooms, in the shape of 2014.</summary>
internal sealed class LegacyReadingTests() : LegacyTests(("presence.mode", "on"))
{
    [Test]
    public async Task The_first_synchronisation_has_rooms_messages_state_invites_and_presence()
    {
        var room = await MeetAsync();
        var said = await Bob.SaysAsync(room, "hi");
        var other = await Bob.CreatesRoomAsync("private_chat");
        await Bob.InvitesAsync(other, Alice);
        await Bob.SyncsAsync();

        var all = (await Alice.GetAsync(Old + "initialSync?limit=5")).Is(200).Json;

        var mine = all["rooms"]!.AsArray().Single(each => (string?)each!["room_id"] == room)!;
        Assert.That((string?)mine["membership"], Is.EqualTo("join"));
        var message = mine["messages"]!["chunk"]!.AsArray().Single(each => (string?)each!["event_id"] == said)!;
        Assert.That((string?)message["user_id"], Is.EqualTo(Bob.UserId));
        Assert.That((string?)message["room_id"], Is.EqualTo(room));
        Assert.That((string?)message["content"]!["body"], Is.EqualTo("hi"));
        Assert.That((long?)message["ts"], Is.EqualTo((long?)message["origin_server_ts"]));
        Assert.That((long?)message["age"], Is.GreaterThanOrEqualTo(0));
        Assert.That(mine["messages"]!["start"], Is.Not.Null);
        var member = mine["state"]!.AsArray().Single(each => (string?)each!["state_key"] == Bob.UserId)!;
        Assert.That((string?)member["membership"], Is.EqualTo("join"));
        var invited = all["rooms"]!.AsArray().Single(each => (string?)each!["room_id"] == other)!;
        Assert.That((string?)invited["membership"], Is.EqualTo("invite"));
        Assert.That((string?)invited["inviter"], Is.EqualTo(Bob.UserId));
        for (var i = 0; i < 50 && !HasBob(all); i++)
        {
            await Task.Delay(100);
            all = (await Alice.GetAsync(Old + "initialSync")).Is(200).Json;
        }

        Assert.That(HasBob(all));

        var one = (await Alice.GetAsync($"{Old}rooms/{Esc(room)}/initialSync")).Is(200).Json;
        Assert.That((string?)one["room_id"], Is.EqualTo(room));
        Assert.That(one["presence"]!.AsArray(), Is.Not.Empty);
        (await (await Server.RegistersAsync("carol")).GetAsync($"{Old}rooms/{Esc(room)}/initialSync"))
            .Is(403, "M_FORBIDDEN");
        (await Server.Anyone.GetAsync(Old + "initialSync")).Is(401, "M_MISSING_TOKEN");
        (await Alice.GetAsync(Old + "initialSync?limit=x")).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task The_stream_has_messages_typing_feedback_and_presence()
    {
        var room = await MeetAsync();
        var from = await NowAsync();
        var mine = await OldSaysAsync(room, "read this");
        var said = await Bob.SaysAsync(room, "hello");
        var message = await NewsAsync(from, each => (string?)each["event_id"] == said);
        Assert.That((string?)message["user_id"], Is.EqualTo(Bob.UserId));

        await Bob.TypesAsync(room);
        var typing = await NewsAsync(from, each => (string?)each["type"] == "m.typing");
        Assert.That((string?)typing["room_id"], Is.EqualTo(room));
        Assert.That((string?)typing["content"]!["user_ids"]![0], Is.EqualTo(Bob.UserId));

        await Bob.ReadsAsync(room, mine);
        var feedback = await NewsAsync(from, each => (string?)each["type"] == "m.room.message.feedback");
        Assert.That((string?)feedback["user_id"], Is.EqualTo(Bob.UserId));
        Assert.That((string?)feedback["content"]!["type"], Is.EqualTo("read"));
        Assert.That((string?)feedback["content"]!["target_event_id"], Is.EqualTo(mine));
        Assert.That((string?)feedback["event_id"], Does.StartWith(mine + "~"));

        (await Bob.PutAsync(
            $"presence/{Esc(Bob.UserId)}/status",
            new JsonObject { ["presence"] = "unavailable", ["status_msg"] = "tea" })).Is(200);
        var presence = await NewsAsync(from, each => (string?)each["type"] == "m.presence"
            && (string?)each["content"]!["user_id"] == Bob.UserId
            && (string?)each["content"]!["presence"] == "unavailable");
        Assert.That((string?)presence["content"]!["status_msg"], Is.EqualTo("tea"));
    }

    [Test]
    public async Task The_stream_waits_ends_and_refuses()
    {
        var room = await MeetAsync();
        var from = await NowAsync();
        var wait = NewsAsync(from, each => (string?)each["content"]?["body"] == "late");
        await Bob.SaysAsync(room, "late");
        await wait;
        var now = await NowAsync();
        var empty = (await Alice.GetAsync($"{Old}events?from={now}&timeout=0")).Is(200).Json;
        Assert.That(empty.Select(member => member.Key), Is.EquivalentTo(new[] { "chunk", "start", "end" }));
        (await Alice.GetAsync(Old + "events?from=x")).Is(400, "M_INVALID_PARAM");
        (await Alice.GetAsync(Old + "events?timeout=x")).Is(400, "M_INVALID_PARAM");
        (await Alice.GetAsync(Old + "events/%24" + new string('A', 43))).Is(404, "M_NOT_FOUND");
        (await Alice.GetAsync(Old + "events/x")).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task Receipts_and_presence_of_ignored_users_are_not_in_the_stream()
    {
        var room = await MeetAsync();
        await Alice.SetsAccountDataAsync("m.ignored_user_list", new JsonObject
        {
            ["ignored_users"] = new JsonObject { [Bob.UserId] = new JsonObject() },
        });
        var from = await NowAsync();
        var mine = await OldSaysAsync(room, "hello?");
        await Bob.ReadsAsync(room, mine);
        await Bob.SyncsAsync();
        var page = (await Alice.GetAsync($"{Old}events?from={from}&timeout=0")).Is(200).Text;
        Assert.That(page, Does.Contain(mine).And.Not.Contain(Bob.UserId));
    }

    [Test]
    public async Task Pages_go_back_and_always_have_an_end()
    {
        var room = await MeetAsync();
        for (var i = 0; i < 4; i++) await OldSaysAsync(room, $"{i}");
        var first = (await Alice.GetAsync($"{Old}rooms/{Esc(room)}/messages?limit=2")).Is(200).Json;
        Assert.That(Bodies(first), Is.EqualTo(new[] { "3", "2" }));
        var second = (await Alice.GetAsync(
            $"{Old}rooms/{Esc(room)}/messages?limit=2&from={first["end"]}")).Is(200).Json;
        Assert.That(Bodies(second), Is.EqualTo(new[] { "1", "0" }));
        var from = (string)second["end"]!;
        var rest = (await Alice.GetAsync($"{Old}rooms/{Esc(room)}/messages?limit=100&from={from}")).Is(200).Json;
        Assert.That(rest["chunk"]!.AsArray().Select(each => (string?)each!["type"]), Does.Contain("m.room.create"));
        var none = (await Alice.GetAsync($"{Old}rooms/{Esc(room)}/messages?from={rest["end"]}")).Is(200).Json;
        Assert.That(none["chunk"]!.AsArray(), Is.Empty);
        Assert.That((string?)none["end"], Is.EqualTo((string?)rest["end"]));
        var on = (await Alice.GetAsync($"{Old}rooms/{Esc(room)}/messages?dir=f&limit=100&from={rest["end"]}"))
            .Is(200).Json;
        Assert.That(Bodies(on), Does.Contain("3"));
        var later = await OldSaysAsync(room, "later");
        var after = (await Alice.GetAsync($"{Old}rooms/{Esc(room)}/messages?dir=f&from={on["end"]}")).Is(200).Json;
        Assert.That(after["chunk"]!.AsArray().Select(each => (string?)each!["event_id"]), Is.EqualTo(new[] { later }));

        var members = (await Alice.GetAsync($"{Old}rooms/{Esc(room)}/members")).Is(200).Json;
        Assert.That(members["chunk"]!.AsArray().Select(each => (string?)each!["membership"]), Is.All.EqualTo("join"));
        Assert.That(((string?)members["start"], (string?)members["end"]), Is.EqualTo(("START", "END")));
        (await Alice.GetAsync($"{Old}rooms/{Esc(room)}/messages?from=x")).Is(400, "M_INVALID_PARAM");
        (await Alice.GetAsync($"{Old}rooms/nothing/messages")).Is(400, "M_INVALID_PARAM");
    }

    private bool HasBob(JsonObject all) => all["presence"]!.AsArray().Any(each =>
        (string?)each!["type"] == "m.presence" && (string?)each["content"]!["user_id"] == Bob.UserId);

    private static IEnumerable<string?> Bodies(JsonObject page) =>
        page["chunk"]!.AsArray().Select(each => (string?)each!["content"]!["body"]);
}
