using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>
/// Events that this server lacks are fetched when a client scrolls there. Server-Server API, "Backfilling and
/// retrieving missing events".
/// </summary>
public sealed class OlderHistoryTests
{
    private readonly List<IAsyncDisposable> _started = [];

    [TearDown]
    public async Task TearDownAsync()
    {
        foreach (var each in Enumerable.Reverse(_started)) await each.DisposeAsync();
        _started.Clear();
    }

    [Test]
    public async Task A_room_of_another_server_is_scrolled_back_to_its_beginning() =>
        await ScrollsToTheBeginningAsync(null, null);

    [Test]
    [Category("PostgreSQL")]
    public async Task A_room_of_another_server_is_scrolled_back_to_its_beginning_on_PostgreSQL()
    {
        await using var residentDatabase = await TestDatabase.CreateAsync(TestDatabase.Postgres);
        await using var joiningDatabase = await TestDatabase.CreateAsync(TestDatabase.Postgres);
        await ScrollsToTheBeginningAsync(residentDatabase.Url, joiningDatabase.Url);
        await TearDownAsync();
    }

    [Test]
    public async Task A_gap_is_filled_at_its_place_and_no_event_comes_twice()
    {
        var (peer, server, alice, room) = await WithPeerAsync();
        await SendAsync(peer, server, room.Says("bob", "before 1"), room.Says("bob", "before 2"));
        await UntilAsync(alice, room, "before 2");
        var since = (string)(await alice.GetAsync("sync")).Is(200).Json["next_batch"]!;
        string[] missed = [.. Enumerable.Range(1, 60).Select(n => $"missed {n}")];
        foreach (var text in missed) room.Says("bob", text);
        await SendAsync(peer, server, room.Says("bob", "after 1"));

        var timeline = await NewTimelineAsync(alice, room, since);

        Assert.That(Bodies(timeline["events"]!), Is.EqualTo(new[] { "after 1" }));
        Assert.That((bool?)timeline["limited"], Is.True);
        var back = await ScrollAsync(alice, room, (string)timeline["prev_batch"]!, 25);
        Assert.That(back.Take(62).Reverse(), Is.EqualTo((string[])["before 1", "before 2", .. missed]));

        // From memory, the same; and the events are not new ones.
        Assert.That(await ScrollAsync(alice, room, (string)timeline["prev_batch"]!, 7), Is.EqualTo(back));
        var quiet = (await alice.GetAsync($"sync?since={await NowAsync(alice)}")).Is(200).Json;
        Assert.That(quiet["rooms"]?["join"]?[room.RoomId]?["timeline"]?["events"]?.AsArray() ?? [], Is.Empty);

        // A client that was away for all of it gets the end, and pages through the rest.
        var late = await NewTimelineAsync(alice, room, since);
        Assert.That(
            Bodies(late["events"]!),
            Is.EqualTo((string[])[.. missed[^(Bodies(late["events"]!).Length - 1)..], "after 1"]));
        Assert.That((bool?)late["limited"], Is.True);
        await SendAsync(peer, server, room.Says("bob", "after 2"));
        await UntilAsync(alice, room, "after 2");
        Assert.That(
            (await ScrollAsync(alice, room, null, 100)).Take(64).Reverse(),
            Is.EqualTo((string[])["before 1", "before 2", .. missed, "after 1", "after 2"]));
    }

    [Test]
    public async Task A_gap_that_no_server_fills_is_passed_over_and_offered_again()
    {
        var (peer, server, alice, room) = await WithPeerAsync(("federation.history_pause", "1s"));
        await SendAsync(peer, server, room.Says("bob", "before"));
        await UntilAsync(alice, room, "before");
        room.Says("bob", "missed");
        await SendAsync(peer, server, room.Says("bob", "after"));
        await UntilAsync(alice, room, "after");

        peer.Answers = false;
        Assert.That((await ScrollAsync(alice, room, null, 5)).Take(2), Is.EqualTo(new[] { "after", "before" }));
        var requested = Backfills(peer);
        Assert.That(requested, Is.EqualTo(2), "for the missing event, and for what is before the one after it");
        await ScrollAsync(alice, room, null, 5);
        Assert.That(Backfills(peer), Is.EqualTo(requested), "it is not asked again at once");
        peer.Answers = true;
        await Task.Delay(1100);
        Assert.That(
            (await ScrollAsync(alice, room, null, 5)).Take(3), Is.EqualTo(new[] { "after", "missed", "before" }));
    }

    [Test]
    public async Task Fetched_messages_are_not_unread()
    {
        var (peer, server, alice, room) = await WithPeerAsync();
        for (var i = 0; i < 30; i++) room.Says("bob", $"missed {i}");
        await SendAsync(peer, server, room.Says("bob", "after"));
        await UntilAsync(alice, room, "after");
        var before = await UnreadAsync(alice, room);

        await ScrollAsync(alice, room, null, 50);

        Assert.That(before, Is.EqualTo(1));
        Assert.That(await UnreadAsync(alice, room), Is.EqualTo(before));
    }

    private async Task ScrollsToTheBeginningAsync(string? residentDatabase, string? joiningDatabase)
    {
        var resident = await StartedAsync(residentDatabase);
        var joining = await StartedAsync(joiningDatabase);
        var alice = await resident.RegistersAsync("alice");
        var bob = await joining.RegistersAsync("bob");
        var roomId = await alice.CreatesRoomAsync(version: "11");
        var path = $"rooms/{Uri.EscapeDataString(roomId)}";
        for (var i = 0; i < 150; i++)
        {
            await alice.SaysAsync(roomId, $"{i}");
            if (i % 20 != 0) continue;
            (await alice.PutAsync($"{path}/state/m.room.topic/", new JsonObject { ["topic"] = $"{i}" })).Is(200);
        }

        await bob.JoinsAsync(roomId, resident.Name);
        var since = await NowAsync(bob);

        var all = await IdsAsync(alice, roomId, null, 100);
        var seen = await IdsAsync(bob, roomId, null, 30);

        Assert.That(seen, Is.EqualTo(all));
        Assert.That(await IdsAsync(bob, roomId, null, 17), Is.EqualTo(all), "from its own database");
        var quiet = (await bob.GetAsync($"sync?since={since}")).Is(200).Json;
        Assert.That(quiet["rooms"]?["join"]?[roomId]?["timeline"]?["events"]?.AsArray() ?? [], Is.Empty);

        // What was sent before the join is served to others, too.
        await alice.SaysAsync(roomId, "the end");
        var last = await EventuallyAsync(async () => (await IdsAsync(bob, roomId, null, 100))
            .Zip(await IdsAsync(alice, roomId, null, 100)).All(pair => pair.First == pair.Second));
        Assert.That(last, Is.True);
    }

    private async Task<TestServer> StartedAsync(string? database)
    {
        var started = await TestServer.StartFederatingAsync(database);
        _started.Add(started);
        return started;
    }

    /// <summary>A room of a local user in which a peer has joined that gives no missing events.</summary>
    private async Task<(PeerServer Peer, TestServer Server, TestUser Alice, PeerRoom Room)> WithPeerAsync(
        params (string Key, string Value)[] settings)
    {
        var peer = await PeerServer.StartAsync();
        _started.Add(peer);
        var server = await TestServer.StartWithKnownKeysAsync(settings);
        _started.Add(server);
        server.Knows(peer.Peer);
        peer.HasMissing = false;
        var alice = await server.RegistersAsync("alice");
        var room = await peer.Peer.JoinsAsync(server, await alice.CreatesRoomAsync(version: "11"), "bob");
        peer.Rooms[room.RoomId] = room;
        return (peer, server, alice, room);
    }

    private int _transactions;

    private async Task SendAsync(PeerServer peer, TestServer server, params Matrix.Core.Event.Pdu[] pdus)
    {
        var room = peer.Rooms.Values.Single();
        (await room.SendAsync(server, $"history{++_transactions}", pdus)).Is(200);
    }

    private static int Backfills(PeerServer peer) =>
        peer.Requests.Count(target => target.Contains("/backfill/", StringComparison.Ordinal));

    private static async Task<string> NowAsync(TestUser user) =>
        (string)(await user.GetAsync("sync")).Is(200).Json["next_batch"]!;

    private static async Task<JsonObject> NewTimelineAsync(TestUser user, PeerRoom room, string since)
    {
        JsonObject? timeline = null;
        await EventuallyAsync(async () =>
        {
            var sync = (await user.GetAsync($"sync?since={since}&timeout=1000")).Is(200).Json;
            timeline = sync["rooms"]?["join"]?[room.RoomId]?["timeline"]?.AsObject();
            return timeline?["events"]!.AsArray().Count > 0;
        });
        return timeline!;
    }

    private static async Task UntilAsync(TestUser user, PeerRoom room, string body) =>
        await EventuallyAsync(async () => Bodies(new JsonArray(
            [.. (await user.TimelineAsync(room.RoomId)).Select(each => each.DeepClone())])).Contains(body));

    private static async Task<int> UnreadAsync(TestUser user, PeerRoom room)
    {
        var sync = (await user.GetAsync("sync")).Is(200).Json;
        return (int)sync["rooms"]!["join"]![room.RoomId]!["unread_notifications"]!["notification_count"]!;
    }

    private static async Task<bool> EventuallyAsync(Func<Task<bool>> holds)
    {
        for (var i = 0; i < 300; i++)
        {
            if (await holds()) return true;
            await Task.Delay(100);
        }

        throw new AssertionException("It does not come to that.");
    }

    /// <summary>The messages that a client gets that pages back to the end, the newest first.</summary>
    private static async Task<IReadOnlyList<string>> ScrollAsync(
        TestUser user, PeerRoom room, string? from, int limit) =>
        [.. (await PagesAsync(user, room.RoomId, from, limit)).SelectMany(page => Bodies(page))];

    private static async Task<IReadOnlyList<string>> IdsAsync(TestUser user, string roomId, string? from, int limit) =>
        [
            .. (await PagesAsync(user, roomId, from, limit))
                .SelectMany(page => page.AsArray())
                .Select(each => (string)each!["event_id"]!),
        ];

    private static async Task<List<JsonNode>> PagesAsync(TestUser user, string roomId, string? from, int limit)
    {
        var pages = new List<JsonNode>();
        for (var i = 0; i < 100; i++)
        {
            var query = from is null ? "" : $"&from={from}";
            var page = (await user.GetAsync(
                $"rooms/{Uri.EscapeDataString(roomId)}/messages?dir=b&limit={limit}{query}")).Is(200).Json;
            pages.Add(page["chunk"]!);
            if ((string?)page["end"] is not { } end) return pages;
            from = end;
        }

        throw new AssertionException("The pages do not end.");
    }

    private static string[] Bodies(JsonNode events) =>
    [
        .. events.AsArray()
            .Where(each => (string)each!["type"]! == "m.room.message")
            .Select(each => (string)each!["content"]!["body"]!),
    ];
}
