using System.Text.Json.Nodes;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.EventStream;

/// <summary>`/events`, `/events/{eventId}`, `/initialSync` and the room's own.</summary>
internal sealed class EventStreamTests(string kind) : TwoInARoomTests(kind)
{
    private TestUser _carol = null!;

    [SetUp]
    public async Task RegisterCarol() => _carol = await Server.RegistersAsync("carol");

    [Test]
    public async Task A_world_readable_room_is_shown_to_a_user_who_never_joined_it()
    {
        await OpenAsync(Room);
        var said = await Alice.SaysAsync(Room, "hello all");

        var shown = (await _carol.GetAsync($"rooms/{Esc(Room)}/initialSync")).Is(200).Json;

        Assert.That((string?)shown["room_id"], Is.EqualTo(Room));
        Assert.That(shown.ContainsKey("membership"), Is.False);
        Assert.That((string?)shown["visibility"], Is.EqualTo("private"));
        Assert.That(Ids(shown["messages"]!["chunk"]), Does.Contain(said));
        Assert.That(
            shown["state"]!.AsArray().Select(each => (string?)each!["type"]), Does.Contain("m.room.create"));
        var end = (string)shown["messages"]!["end"]!;
        Assert.That((await _carol.GetAsync($"rooms/{Esc(Room)}/messages?dir=b&from={end}")).Is(200).Text,
            Does.Contain(said));

        var wait = _carol.GetAsync($"events?room_id={Esc(Room)}&from={end}&timeout=20000");
        var next = await Alice.SaysAsync(Room, "more");

        var news = (await wait).Is(200).Json;
        Assert.That(Ids(news["chunk"]), Is.EqualTo(new[] { next }));
        Assert.That((string?)news["start"], Is.EqualTo(end));
        Assert.That((string?)news["chunk"]![0]!["room_id"], Is.EqualTo(Room));
        var after = (string)news["end"]!;
        Assert.That(
            Ids((await _carol.GetAsync($"events?room_id={Esc(Room)}&from={after}")).Is(200).Json["chunk"]), Is.Empty);
    }

    [Test]
    public async Task Account_data_and_tags_are_in_the_stream()
    {
        var end = (string)(await Bob.GetAsync("initialSync")).Is(200).Json["end"]!;
        var wait = Bob.GetAsync($"events?from={end}&timeout=20000");
        (await Bob.PutAsync($"user/{Bob.UserId}/account_data/org.example", new JsonObject { ["n"] = 1 })).Is(200);

        var first = (await wait).Is(200).Json;
        Assert.That(
            first["chunk"]!.AsArray().Single()!.ToJsonString(),
            Is.EqualTo("""{"content":{"n":1},"type":"org.example"}"""));

        (await Bob.PutAsync($"user/{Bob.UserId}/rooms/{Esc(Room)}/tags/u.work", new JsonObject())).Is(200);
        var muted = new JsonObject { ["actions"] = new JsonArray() };
        (await Bob.PutAsync($"pushrules/global/room/{Esc(Room)}", muted)).Is(200);
        (await Alice.PutAsync($"user/{Alice.UserId}/account_data/org.example", new JsonObject { ["n"] = 2 })).Is(200);

        var next = (await Bob.GetAsync($"events?from={first["end"]}&timeout=0")).Is(200).Json;
        var (tag, rules) = (next["chunk"]![0]!, next["chunk"]![1]!);
        Assert.That(next["chunk"]!.AsArray(), Has.Count.EqualTo(2));
        Assert.That((string?)tag["type"], Is.EqualTo("m.tag"));
        Assert.That((string?)tag["room_id"], Is.EqualTo(Room));
        Assert.That(tag["content"]!["tags"]!.AsObject().Select(each => each.Key), Is.EqualTo(new[] { "u.work" }));
        Assert.That((string?)rules["type"], Is.EqualTo("m.push_rules"));
        Assert.That(rules["content"]!["global"]!["override"]!.AsArray(), Is.Not.Empty, "the server's rules too");
        Assert.That(
            (await Bob.GetAsync($"events?from={next["end"]}&timeout=0")).Is(200).Json["chunk"]!.AsArray(), Is.Empty);
    }

    [Test]
    public async Task The_presence_of_others_begins_with_the_first_sync_and_goes_on_in_the_stream()
    {
        await Server.RestartAsync(
            ("presence.mode", "on"), ("presence.gather_time", "1ms"), ("presence.change_interval", "1ms"));
        await SaysItIsAsync("here");
        var first = (await Bob.GetAsync("initialSync")).Is(200).Json;
        for (var i = 0; StatusIn(first["presence"]) is null && i < 200; i++)
        {
            await Task.Delay(50);
            first = (await Bob.GetAsync("initialSync")).Is(200).Json;
        }

        Assert.That(StatusIn(first["presence"]), Is.EqualTo("here"));

        await SaysItIsAsync("there");
        var next = (await Bob.GetAsync($"events?from={first["end"]}&timeout=20000")).Is(200).Json;
        Assert.That(StatusIn(next["chunk"]), Is.EqualTo("there"));

        async Task SaysItIsAsync(string status) =>
            (await Alice.PutAsync(
                $"presence/{Alice.UserId}/status",
                new JsonObject { ["presence"] = "online", ["status_msg"] = status })).Is(200);

        string? StatusIn(JsonNode? events) => events!.AsArray()
            .Where(each => (string?)each!["type"] == "m.presence" && (string?)each["sender"] == Alice.UserId)
            .Select(each => (string?)each!["content"]!["status_msg"]).SingleOrDefault();
    }

    [Test]
    public async Task What_was_said_before_the_room_was_opened_is_not_shown()
    {
        var secret = await Alice.SaysAsync(Room, "among us");
        await OpenAsync(Room);

        var shown = (await _carol.GetAsync($"rooms/{Esc(Room)}/initialSync")).Is(200).Json;

        Assert.That(Ids(shown["messages"]!["chunk"]), Does.Not.Contain(secret));
        (await _carol.GetAsync($"events/{Esc(secret)}")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_room_that_is_not_world_readable_is_shown_to_members_only()
    {
        (await _carol.GetAsync($"rooms/{Esc(Room)}/initialSync")).Is(403, "M_FORBIDDEN");
        (await _carol.GetAsync($"events?room_id={Esc(Room)}")).Is(403, "M_FORBIDDEN");
        (await _carol.GetAsync("events?room_id=%21nowhere:test.example")).Is(403, "M_FORBIDDEN");
        (await Server.Anyone.GetAsync($"events?room_id={Esc(Room)}")).Is(401, "M_MISSING_TOKEN");
        (await _carol.GetAsync("events?room_id=x")).Is(400, "M_INVALID_PARAM");
        (await _carol.GetAsync("events?timeout=x")).Is(400, "M_INVALID_PARAM");

        var own = (await Bob.GetAsync($"rooms/{Esc(Room)}/initialSync")).Is(200).Json;
        Assert.That((string?)own["membership"], Is.EqualTo("join"));
    }

    [Test]
    public async Task A_room_that_is_closed_ends_the_wait_of_those_outside()
    {
        await OpenAsync(Room);
        var end = (string)(await _carol.GetAsync($"rooms/{Esc(Room)}/initialSync")).Is(200).Json["messages"]!["end"]!;
        var wait = _carol.GetAsync($"events?room_id={Esc(Room)}&from={end}&timeout=20000");

        await Alice.SetsAsync(
            Room, "m.room.history_visibility", new JsonObject { ["history_visibility"] = "joined" });

        (await wait).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task Many_events_come_in_parts_and_each_of_them_once()
    {
        await Server.RestartAsync(("sync.longest_timeline", "3"));
        await OpenAsync(Room);
        var from = (string)(await _carol.GetAsync($"rooms/{Esc(Room)}/initialSync")).Is(200).Json["messages"]!["end"]!;
        var all = (await Bob.GetAsync("initialSync")).Is(200).Json;
        var said = new List<string>();
        for (var i = 0; i < 8; i++) said.Add(await Alice.SaysAsync(Room, $"{i}"));

        Assert.That(await ReadAllAsync(_carol, $"events?room_id={Esc(Room)}&from=", from), Is.EqualTo(said));
        Assert.That(await ReadAllAsync(Bob, "events?from=", (string)all["end"]!), Is.EqualTo(said));
    }

    [Test]
    public async Task An_old_token_gives_the_events_of_many_rooms_in_parts_in_order_and_each_of_them_once()
    {
        await Server.RestartAsync(("sync.longest_timeline", "3"));
        var rooms = new List<string> { Room };
        for (var i = 0; i < 20; i++) rooms.Add(await Bob.CreatesRoomAsync());
        var from = (string)(await Bob.GetAsync("initialSync")).Is(200).Json["end"]!;
        var said = new List<string>();
        for (var i = 0; i < 60; i++) said.Add(await Bob.SaysAsync(rooms[i * 7 % rooms.Count], $"{i}"));

        Assert.That(await ReadAllAsync(Bob, "events?from=", from), Is.EqualTo(said));
    }

    [Test]
    public async Task The_stream_has_the_rate_of_other_requests()
    {
        await Server.RestartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.other_per_second", "0.001"),
            ("rate_limits.other_burst", "3"));
        var statuses = new List<int>();
        for (var i = 0; i < 5; i++) statuses.Add((await Bob.GetAsync("events")).Status);
        Assert.That(statuses, Is.EqualTo(new[] { 200, 200, 200, 429, 429 }));
    }

    [Test]
    public async Task The_event_of_a_time_is_none_of_an_ignored_user()
    {
        var before = await Bob.SaysAsync(Room, "mine");
        var path = $"/_matrix/client/v1/rooms/{Esc(Room)}/timestamp_to_event?dir=b&ts={long.MaxValue / 2}";
        var last = await Alice.SaysAsync(Room, "ignored");
        Assert.That((await Bob.GetAsync(path)).Is(200).Member("event_id"), Is.EqualTo(last));
        await Bob.SetsAccountDataAsync("m.ignored_user_list", new JsonObject
        {
            ["ignored_users"] = new JsonObject { [Alice.UserId] = new JsonObject() },
        });
        Assert.That((await Bob.GetAsync(path)).Is(200).Member("event_id"), Is.EqualTo(before));
    }

    [Test]
    public async Task The_stream_of_a_user_has_the_events_of_all_their_rooms_in_order()
    {
        var other = await Alice.CreatesRoomAsync();
        var from = (string)(await Bob.GetAsync("initialSync")).Is(200).Json["end"]!;
        var first = await Alice.SaysAsync(Room, "one");
        await Alice.SaysAsync(other, "bob is not here");
        await Bob.JoinsAsync(other);
        var second = await Alice.SaysAsync(other, "two");
        var third = await Alice.SaysAsync(Room, "three");

        var news = (await Bob.GetAsync($"events?from={from}")).Is(200).Json;

        var ids = Ids(news["chunk"]);
        Assert.That(ids, Has.Length.EqualTo(4));
        Assert.That(ids.Where((_, at) => at != 1), Is.EqualTo(new[] { first, second, third }));
        Assert.That((string?)news["chunk"]![1]!["state_key"], Is.EqualTo(Bob.UserId));

        await Server.RestartAsync();
        var again = (await Bob.GetAsync($"events?from={from}")).Is(200).Json;
        Assert.That(Ids(again["chunk"]), Is.EqualTo(ids), "The database tells the same.");

        var wait = Bob.GetAsync($"events?from={(string)news["end"]!}&timeout=20000");
        var last = await Alice.SaysAsync(other, "four");
        Assert.That(Ids((await wait).Is(200).Json["chunk"]), Is.EqualTo(new[] { last }));
    }

    [Test]
    public async Task Invites_and_kicks_are_in_the_stream_but_not_those_that_the_user_blocks()
    {
        var from = (string)(await Bob.GetAsync("initialSync")).Is(200).Json["end"]!;
        var party = await Alice.CreatesRoomAsync("private_chat");
        await Alice.InvitesAsync(party, Bob);
        await Alice.KicksAsync(Room, Bob);
        await Alice.SaysAsync(Room, "bob is gone");

        var chunk = (await Bob.GetAsync($"events?from={from}")).Is(200).Json["chunk"]!.AsArray();
        Assert.That(
            chunk.Select(each => ((string?)each!["room_id"], (string?)each["content"]!["membership"])),
            Is.EqualTo(new[] { (party, "invite"), (Room, "leave") }));
        var rooms = (await Bob.GetAsync("initialSync?archived=true")).Is(200).Json["rooms"]!.AsArray();
        Assert.That(
            rooms.Select(each => ((string?)each!["room_id"], (string?)each["membership"])),
            Is.EquivalentTo(new[] { (party, "invite"), (Room, "leave") }));
        Assert.That(
            (string?)rooms.Single(each => (string?)each!["room_id"] == party)!["invite"]!["sender"],
            Is.EqualTo(Alice.UserId));

        await Bob.SetsAccountDataAsync("m.invite_permission_config", new JsonObject { ["default_action"] = "block" });
        Assert.That((await Bob.GetAsync("initialSync")).Is(200).Json["rooms"]!.AsArray(), Is.Empty);
        var left = (await Bob.GetAsync($"events?from={from}")).Is(200).Json["chunk"]!.AsArray();
        Assert.That(
            left.Select(each => (string?)each!["room_id"] ?? (string?)each["type"]),
            Is.EqualTo(new[] { Room, "m.invite_permission_config" }));
    }

    [Test]
    public async Task An_event_is_found_by_its_id_by_those_who_may_see_it()
    {
        var said = await Alice.SaysAsync(Room, "hello");

        var found = (await Bob.GetAsync($"events/{Esc(said)}")).Is(200).Json;
        Assert.That(((string?)found["event_id"], (string?)found["room_id"]), Is.EqualTo((said, Room)));
        (await _carol.GetAsync($"events/{Esc(said)}")).Is(404, "M_NOT_FOUND");
        (await Bob.GetAsync("events/%24nothing:test.example")).Is(404, "M_NOT_FOUND");
        (await Bob.GetAsync("events/nothing")).Is(400, "M_INVALID_PARAM");
        (await Server.Anyone.GetAsync($"events/{Esc(said)}")).Is(401, "M_MISSING_TOKEN");
    }

    [Test]
    public async Task Messages_of_ignored_users_are_neither_in_the_stream_nor_found_alone_nor_counted()
    {
        await IgnoreAsync(Bob, Alice);
        var from = (string)(await Bob.GetAsync("initialSync")).Is(200).Json["end"]!;
        var said = await Alice.SaysAsync(Room, "not for bob");
        var named = await Alice.SetsAsync(Room, "m.room.name", new JsonObject { ["name"] = "Room" });

        Assert.That(
            Ids((await Bob.GetAsync($"events?from={from}")).Is(200).Json["chunk"]), Is.EqualTo(new[] { named }));
        (await Bob.GetAsync($"events/{Esc(said)}")).Is(404, "M_NOT_FOUND");
        (await Bob.GetAsync($"rooms/{Esc(Room)}/event/{Esc(said)}")).Is(404, "M_NOT_FOUND");
        (await Bob.GetAsync($"rooms/{Esc(Room)}/context/{Esc(said)}")).Is(404, "M_NOT_FOUND");
        (await Bob.GetAsync($"rooms/{Esc(Room)}/event/{Esc(named)}")).Is(200);
        Assert.That((await Bob.SyncsAsync()).Unread(Room), Is.EqualTo((0, 0)));
        Assert.That(
            Ids((await Bob.GetAsync($"rooms/{Esc(Room)}/initialSync")).Is(200).Json["messages"]!["chunk"]),
            Does.Not.Contain(said));
    }

    [Test]
    public async Task Tokens_of_others_are_refused_and_too_many_waits_too()
    {
        (await Bob.GetAsync("events?from=x")).Is(400, "M_INVALID_PARAM");
        (await Bob.GetAsync("events?from=s1_9223372036854775807_1_1")).Is(400, "M_INVALID_PARAM");
        (await Bob.GetAsync($"events?room_id={Esc(Room)}&from=x")).Is(400, "M_INVALID_PARAM");

        await Server.RestartAsync(("sync.room_watches_of_user", "1"));
        var from = (string)(await Bob.GetAsync("initialSync")).Is(200).Json["end"]!;
        var wait = Bob.GetAsync($"events?room_id={Esc(Room)}&from={from}&timeout=20000");
        var watches = Server.Services.GetRequiredService<RoomWatches>();
        Assert.That(() => watches.Count, Is.EqualTo(1).After(15_000, 20));
        (await Bob.GetAsync($"events?room_id={Esc(Room)}&from={from}")).Is(429, "M_LIMIT_EXCEEDED");

        var said = await Alice.SaysAsync(Room, "free again");
        Assert.That(Ids((await wait).Is(200).Json["chunk"]), Is.EqualTo(new[] { said }));
        Assert.That(
            Ids((await Bob.GetAsync($"events?room_id={Esc(Room)}&from={from}")).Is(200).Json["chunk"]),
            Is.EqualTo(new[] { said }));
    }

    private static async Task<IReadOnlyList<string>> ReadAllAsync(TestUser user, string path, string from)
    {
        var read = new List<string>();
        while (true)
        {
            var page = (await user.GetAsync(path + from)).Is(200).Json;
            var ids = Ids(page["chunk"]);
            if (ids.Length == 0) return read;
            Assert.That(ids, Has.Length.LessThanOrEqualTo(3));
            read.AddRange(ids);
            from = (string)page["end"]!;
        }
    }

    private static Task<string> OpenAsync(TestUser user, string room) => user.SetsAsync(
        room, "m.room.history_visibility", new JsonObject { ["history_visibility"] = "world_readable" });

    private Task<string> OpenAsync(string room) => OpenAsync(Alice, room);

    private static Task IgnoreAsync(TestUser user, TestUser other) => user.SetsAccountDataAsync(
        "m.ignored_user_list",
        new JsonObject { ["ignored_users"] = new JsonObject { [other.UserId] = new JsonObject() } });

    private static string Esc(string text) => UserActions.Esc(text);

    private static string[] Ids(JsonNode? events) => [.. events!.AsArray().Select(each => (string)each!["event_id"]!)];
}
