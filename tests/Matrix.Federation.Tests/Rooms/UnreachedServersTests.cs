using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>Acknowledged events wait for servers that fail or are silent. They are not lost.</summary>
public sealed class UnreachedServersTests
{
    private PeerServer _peer = null!;
    private PeerServer _other = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private int _transactions;

    [SetUp]
    public async Task SetUpAsync()
    {
        _peer = await PeerServer.StartAsync();
        _other = await PeerServer.StartAsync();
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
        await _other.DisposeAsync();
    }

    [Test]
    public async Task A_server_that_answers_500_twice_is_asked_again_and_no_event_is_left_out()
    {
        await StartAsync();
        var room = await JoinedAsync();
        _ = room.Says("bob", "missing");
        var said = room.Says("bob", "said");
        _peer.Fails = 2;

        await SendAsync(room, said.EventId);

        await EventuallyAsync(room, "missing", "said");
        Assert.That(_peer.Requests.Where(target => target.Contains("state", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public async Task If_one_server_is_silent_another_one_has_the_events()
    {
        await StartAsync(("federation.fetch_time", "5s"));
        var room = await JoinedAsync();
        _ = await _other.Peer.JoinsAsync(_server, room.RoomId, "carol");
        _other.Rooms[room.RoomId] = room;
        _peer.Held = new TaskCompletionSource().Task;
        for (var n = 1; n <= 12; n++) _ = room.Says("bob", $"{n}");

        await SendAsync(room, room.Latest[0].EventId);

        await EventuallyAsync(room, [.. Enumerable.Range(1, 12).Select(n => $"{n}")]);
        Assert.That(_other.Requests, Has.Count.EqualTo(1));
        Assert.That(_other.Requests.Single(), Does.Contain("get_missing_events"));
    }

    [Test]
    public async Task A_request_of_the_server_itself_ends_the_pause()
    {
        await StartAsync(
            ("federation.fetch_pause", "10m"), ("federation.fetch_wake_pause", "1s"));
        var room = await JoinedAsync();
        _ = room.Says("bob", "missing");
        var said = room.Says("bob", "said");
        _peer.Fails = int.MaxValue;
        await SendAsync(room, said.EventId);
        await Until.HoldsAsync(() => !_peer.Requests.IsEmpty);
        await Task.Delay(200);
        _peer.Fails = 0;

        await SendAsync(room, room.Says("bob", "again").EventId);

        await EventuallyAsync(room, "missing", "said", "again");
    }

    [Test]
    public async Task An_event_that_waited_too_long_is_given_up_for_a_recorded_reason()
    {
        await StartAsync(("federation.staged_for", "6s"), ("federation.longest_fetch_pause", "500ms"));
        var room = await JoinedAsync();
        _ = room.Says("bob", "missing");
        var said = room.Says("bob", "said");
        _peer.Fails = int.MaxValue;

        await SendAsync(room, said.EventId);

        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        var nid = (await storage.Rooms.FindAsync(room.RoomId, CancellationToken.None))!.Identity.Nid;
        Assert.That(await storage.StagedEvents.AnyAsync(nid, CancellationToken.None));
        await Until.HoldsAsync(async () => !await storage.StagedEvents.AnyAsync(nid, CancellationToken.None));
        var givenUp = await storage.StagedEvents.GivenUpAsync(nid, 10, CancellationToken.None);
        Assert.That(givenUp.Select(row => row.EventId), Is.EqualTo(new[] { said.EventId }));
        Assert.That(givenUp[0].Reason, Does.Contain("NotReached"));
        Assert.That(_server.Log, Does.Contain(said.EventId));

        // It may come again.
        _peer.Fails = 0;
        await SendAsync(room, said.EventId);
        await EventuallyAsync(room, "missing", "said");
    }

    [Test]
    public async Task Keys_that_could_not_be_fetched_are_fetched_again()
    {
        await StartAsync();
        var room = await JoinedAsync();
        var others = await _other.Peer.JoinsAsync(_server, room.RoomId, "carol");
        var said = others.Says("carol", "relayed");
        _server.Forgets(_other.Peer);

        var reply = (await room.SendAsync(_server, Next(), said)).Is(200).Json["pdus"]!;
        Assert.That(reply[said.EventId]!.AsObject(), Is.Empty);
        await Task.Delay(300);
        Assert.That(await BodiesAsync(room), Is.Empty);
        _server.Knows(_other.Peer);

        await EventuallyAsync(room, "relayed");
    }

    [Test]
    public async Task A_server_repeats_the_events_that_there_was_no_space_for_and_no_later_event_is_needed()
    {
        await StartAsync(("federation.staged_events_of_server", "10"), ("federation.longest_fetch_pause", "500ms"));
        var (room, other) = (await JoinedAsync(), await JoinedAsync());
        var waiting = await FillAsync(room);
        _ = room.Says("bob", "missing");
        var last = room.Says("bob", "last");

        var elsewhere = other.Says("bob", "elsewhere");
        (await room.SendAsync(_server, "repeated", last, elsewhere)).Is(429, "M_LIMIT_EXCEEDED");
        await EventuallyAsync(other, "elsewhere");
        (await room.SendAsync(_server, "repeated", last, elsewhere)).Is(429, "M_LIMIT_EXCEEDED");
        _peer.Fails = 0;
        await Until.HoldsAsync(async () =>
            (await room.SendAsync(_server, "repeated", last, elsewhere)).Status == 200);

        // The missing events found space too: none is left out of the timeline.
        await EventuallyAsync(
            room,
            [.. Enumerable.Range(0, 10).SelectMany(n => new[] { "missing", $"waits {n}" }), "missing", "last"]);
        await AreStoredAsync(waiting);
        Assert.That(await BodiesAsync(other), Is.EqualTo(new[] { "elsewhere" }));
        Assert.That(_server.Log, Does.Not.Contain("level=error"));
    }

    [Test]
    public async Task A_room_without_space_does_not_hold_up_its_server_for_long()
    {
        await StartAsync(
            ("federation.staged_events_of_server", "10"),
            ("federation.full_room_time", "2s"),
            ("federation.longest_fetch_pause", "500ms"));
        var (room, other) = (await JoinedAsync(), await JoinedAsync());
        var waiting = await FillAsync(room);
        _ = room.Says("bob", "missing");
        var (refused, later) = (room.Says("bob", "refused"), room.Says("bob", "later"));

        (await room.SendAsync(_server, "refused", refused)).Is(429, "M_LIMIT_EXCEEDED");
        await Task.Delay(2_100);
        var first = (await room.SendAsync(_server, "refused", refused)).Is(200).Json["pdus"]!;
        var elsewhere = other.Says("bob", "elsewhere");
        var second = (await room.SendAsync(_server, "later", later, elsewhere)).Is(200).Json["pdus"]!;

        Assert.That((string?)first[refused.EventId]!["error"], Does.Contain("StagingFull"));
        Assert.That((string?)second[later.EventId]!["error"], Does.Contain("StagingFull"));
        Assert.That(second[elsewhere.EventId]!.AsObject(), Is.Empty);

        // Once there is space again, the room's events are repeated again.
        _peer.Fails = 0;
        await AreStoredAsync(waiting);
        await SendAsync(room, later.EventId);
        await EventuallyAsync(room, shown => shown.Contains("later"), "what came later");
        _ = await FillAsync(room);
        _ = room.Says("bob", "missing");
        (await room.SendAsync(_server, "again", room.Says("bob", "last"))).Is(429, "M_LIMIT_EXCEEDED");
    }

    /// <summary>Ten events come that lack others, which no server returns. Returns their ids.</summary>
    private async Task<string[]> FillAsync(PeerRoom room)
    {
        _peer.Fails = int.MaxValue;
        var ids = new string[10];
        for (var n = 0; n < ids.Length; n++)
        {
            _ = room.Says("bob", "missing");
            ids[n] = room.Says("bob", $"waits {n}").EventId;
            await SendAsync(room, ids[n]);
        }

        return ids;
    }

    private async Task AreStoredAsync(string[] ids)
    {
        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        foreach (var id in ids)
        {
            await Until.HoldsAsync(async () =>
                (await storage.Events.FindAnywhereAsync(id, 1, CancellationToken.None)).Count > 0);
        }
    }

    [Test]
    public async Task Beyond_the_bound_over_all_rooms_no_further_event_waits()
    {
        await StartAsync(("federation.all_staged_bytes", "4KiB"), ("federation.full_room_time", "1ms"));
        var room = await JoinedAsync();
        var other = await JoinedAsync();
        _peer.Fails = int.MaxValue;
        var refused = "";
        for (var n = 0; n < 10 && refused.Length == 0; n++)
        {
            _ = room.Says("bob", "missing");
            var waits = room.Says("bob", new string('x', 1000));
            var sent = (await ErrorsAsync(room, waits))["pdus"]!;
            refused = (string?)sent[waits.EventId]!["error"] ?? "";
        }

        Assert.That(refused, Does.Contain("MustNotWait"));
        var whole = other.Says("bob", "lacks nothing");
        _ = other.Says("bob", "missing");
        var lacking = other.Says("bob", "lacks one");
        var reply = (await ErrorsAsync(other, whole, lacking))["pdus"]!;

        Assert.That(reply[whole.EventId]!.AsObject(), Is.Empty);
        Assert.That((string?)reply[lacking.EventId]!["error"], Does.Contain("MustNotWait"));
        await EventuallyAsync(other, "lacks nothing");
        _peer.Fails = 0;
        await EventuallyAsync(room, body => body.Length >= 2, "the first events that wait");
        await SendAsync(other, lacking.EventId);
        await EventuallyAsync(other, "lacks nothing", "missing", "lacks one");
    }

    [Test]
    public async Task One_server_fills_its_share_of_all_rooms_and_others_events_still_wait()
    {
        await StartAsync(
            ("federation.all_staged_bytes_of_server", "4KiB"), ("federation.full_room_time", "1ms"));
        var (room, second) = (await JoinedAsync(), await JoinedAsync());
        var carols = await _other.Peer.JoinsAsync(_server, second.RoomId, "carol");
        _peer.Fails = int.MaxValue;
        for (var n = 0; n < 4; n++)
        {
            _ = room.Says("bob", "missing");
            _ = await ErrorsAsync(room, room.Says("bob", new string('x', 1500)));
        }

        _ = second.Says("bob", "missing");
        var bobs = second.Says("bob", "lacks one");
        var ofBob = (await ErrorsAsync(second, bobs))["pdus"]!;
        _ = carols.Says("carol", "missing");
        var lacking = carols.Says("carol", "lacks one");
        var ofCarol = (await carols.SendAsync(_server, Next(), lacking)).Is(200).Json["pdus"]!;

        Assert.That((string?)ofBob[bobs.EventId]!["error"], Does.Contain("MustNotWait"));
        Assert.That(ofCarol[lacking.EventId]!.AsObject(), Is.Empty);
    }

    [Test]
    public async Task The_events_of_a_large_state_come_in_one_response()
    {
        await StartAsync(("federation.bulk_state", "5"));
        var room = await JoinedAsync(powerful: true);
        for (var n = 1; n <= 20; n++)
        {
            _ = room.Makes("bob", "org.example.state", $"{n}", new JsonObject { ["n"] = n });
        }

        _ = room.Says("bob", "missing");
        var said = room.Says("bob", "said");
        _peer.HasMissing = false;
        _peer.HasEvents = false;

        await SendAsync(room, said.EventId);

        await EventuallyAsync(room, "said");
        var whole = _peer.Requests.Count(target => target.Contains("/state/", StringComparison.Ordinal));
        Assert.That(whole, Is.EqualTo(1));
        var state = await _alice.GetAsync($"rooms/{PeerRoom.Escape(room.RoomId)}/state/org.example.state/20");
        Assert.That((int)state.Is(200).Json["n"]!, Is.EqualTo(20));
    }

    private async Task StartAsync(params (string Key, string Value)[] settings)
    {
        _server = await TestServer.StartWithKnownKeysAsync(settings);
        _server.Knows(_peer.Peer).Knows(_other.Peer);
        _alice = await _server.RegistersAsync("alice");
    }

    private string Next() => $"next{++_transactions}";

    private async Task<PeerRoom> JoinedAsync(bool powerful = false)
    {
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        if (powerful)
        {
            var path = $"rooms/{PeerRoom.Escape(roomId)}/state/m.room.power_levels/";
            var levels = (await _alice.GetAsync(path)).Is(200).Json;
            levels["users"]![$"@bob:{_peer.Peer.Name}"] = 100;
            (await _alice.PutAsync(path, levels)).Is(200);
        }

        var room = await _peer.Peer.JoinsAsync(_server, roomId, "bob");
        _peer.Rooms[roomId] = room;
        return room;
    }

    /// <summary>
    /// The response to a transaction, which its server repeats while there is no space for all of its events.
    /// </summary>
    private async Task<JsonObject> ErrorsAsync(PeerRoom room, params Pdu[] pdus)
    {
        var transaction = Next();
        Reply reply;
        do
        {
            reply = await room.SendAsync(_server, transaction, pdus);
        }
        while (reply.Status == 429);
        return reply.Is(200).Json.AsObject();
    }

    private async Task SendAsync(PeerRoom room, string eventId)
    {
        var reply = (await room.SendAsync(_server, Next(), room.Events[eventId])).Is(200).Json["pdus"]!.AsObject();
        Assert.That(reply.Select(each => each.Value!.ToJsonString()), Is.All.EqualTo("{}"));
    }

    private async Task<string[]> BodiesAsync(PeerRoom room) =>
        [.. (await _alice.TimelineAsync(room.RoomId))
            .Where(each => (string?)each["type"] == "m.room.message")
            .Select(each => (string?)each["content"]!["body"] ?? "")];

    private Task EventuallyAsync(PeerRoom room, params string[] bodies) =>
        EventuallyAsync(room, shown => shown.SequenceEqual(bodies), string.Join(", ", bodies));

    private async Task EventuallyAsync(PeerRoom room, Predicate<string[]> holds, string what)
    {
        for (var attempt = 0; attempt < 300; attempt++)
        {
            if (holds(await BodiesAsync(room))) return;
            await Task.Delay(100);
        }

        Assert.Fail($"Not {what}, but {string.Join(", ", await BodiesAsync(room))}.\n{_server.Log}");
    }
}
