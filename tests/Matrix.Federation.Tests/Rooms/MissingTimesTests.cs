using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>The event closest to a time where this server lacks history: other servers are asked.</summary>
public sealed class MissingTimesTests
{
    private const int Missed = 60;

    private PeerServer _peer = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private PeerRoom _room = null!;
    private Pdu _before = null!;
    private List<Pdu> _missed = null!;
    private Pdu _after = null!;
    private long _latest;

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [Test]
    public async Task An_event_in_a_gap_is_fetched_and_can_be_read([Values("f", "b")] string direction)
    {
        await GapAsync(("federation.history_page", "10"));
        var wanted = _missed[Missed / 2];

        var found = await AtAsync(wanted.OriginServerTs, direction);

        Assert.That(
            (string?)found["event_id"],
            Is.EqualTo(wanted.EventId),
            () => $"before {_before.EventId}, missed {string.Join(' ', _missed.Select(each => each.EventId))}, "
                + $"after {_after.EventId}; asked {string.Join('\n', _peer.Requests)}\n{_server.Log}");
        var context = (await _alice.GetAsync(
            $"rooms/{PeerRoom.Escape(_room.RoomId)}/context/{PeerRoom.Escape(wanted.EventId)}?limit=4")).Is(200).Json;
        Assert.That(
            context["events_after"]!.AsArray().Select(each => (string?)each!["event_id"]),
            Is.EqualTo(_missed.Skip((Missed / 2) + 1).Take(2).Select(pdu => pdu.EventId)));
        Assert.That(
            context["events_before"]!.AsArray().Select(each => (string?)each!["event_id"]).First(),
            Is.EqualTo(_missed[(Missed / 2) - 1].EventId));
    }

    [Test]
    public async Task Nobody_is_asked_where_nothing_is_missing()
    {
        await GapAsync();

        Assert.That((string?)(await AtAsync(_before.OriginServerTs, "b"))["event_id"], Is.EqualTo(_before.EventId));
        Assert.That((string?)(await AtAsync(_after.OriginServerTs + 1, "b"))["event_id"], Is.EqualTo(_after.EventId));
        Assert.That(Asked(), Is.Zero);
    }

    [Test]
    public async Task The_closest_event_here_is_returned_if_no_other_server_has_a_closer_one()
    {
        await GapAsync();
        _peer.Answers = false;
        var time = _missed[Missed / 2].OriginServerTs;

        Assert.That((string?)(await AtAsync(time, "b"))["event_id"], Is.EqualTo(_before.EventId));
        Assert.That((string?)(await AtAsync(time, "f"))["event_id"], Is.EqualTo(_after.EventId));
        Assert.That(Asked(), Is.EqualTo(2));
    }

    [Test]
    public async Task Fetches_for_one_request_are_bounded_and_the_next_goes_on()
    {
        await GapAsync(("federation.history_page", "10"), ("federation.time_fetches", "2"));
        var wanted = _missed[Missed / 2];

        var first = await AtAsync(wanted.OriginServerTs, "f");
        Assert.That((string?)first["event_id"], Is.Not.EqualTo(wanted.EventId));
        Assert.That((long?)first["origin_server_ts"], Is.LessThan(_after.OriginServerTs), "closer than before");
        Assert.That(Backfills(), Is.EqualTo(2));

        Assert.That((string?)(await AtAsync(wanted.OriginServerTs, "f"))["event_id"], Is.EqualTo(wanted.EventId));
        Assert.That(Backfills(), Is.LessThanOrEqualTo(4));
    }

    [Test]
    public async Task An_event_that_is_no_history_of_the_room_is_not_taken_however_close_it_is()
    {
        await GapAsync();
        var latest = _room.Latest;
        _room.Latest = [_before];
        _peer.Closest = _room.Says("bob", "beside");
        _room.Latest = latest;

        var found = await AtAsync(_missed[Missed / 2].OriginServerTs, "f");

        Assert.That((string?)found["event_id"], Is.EqualTo(_missed[Missed / 2].EventId));
        (await _alice.GetAsync(
            $"rooms/{PeerRoom.Escape(_room.RoomId)}/event/{PeerRoom.Escape(_peer.Closest.EventId)}"))
            .Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_server_that_does_not_answer_costs_a_bounded_time()
    {
        await GapAsync(("federation.time_wait", "500ms"));
        _peer.Held = new TaskCompletionSource().Task;
        var began = DateTime.UtcNow;

        var found = await AtAsync(_missed[Missed / 2].OriginServerTs, "f");

        Assert.That((string?)found["event_id"], Is.EqualTo(_after.EventId));
        Assert.That(DateTime.UtcNow - began, Is.LessThan(TimeSpan.FromSeconds(9)));
    }

    [Test]
    public async Task An_event_that_the_user_may_see_is_found_beyond_many_that_they_may_not()
    {
        await GapAsync(("limits.events_near_time", "10"));
        var secret = await _alice.CreatesRoomAsync(version: "11");
        await _alice.SetsAsync(secret, "m.room.history_visibility", new() { ["history_visibility"] = "joined" });
        await Task.Delay(5);
        var start = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        for (var n = 0; n < 30; n++) await _alice.SaysAsync(secret, $"{n}");
        var carol = await _server.RegistersAsync("carol");
        await carol.JoinsAsync(secret);

        var found = (await carol.GetAsync(
            $"/_matrix/client/v1/rooms/{PeerRoom.Escape(secret)}/timestamp_to_event?ts={start}&dir=f")).Is(200).Json;

        var seen = (await carol.GetAsync(
            $"rooms/{PeerRoom.Escape(secret)}/event/{PeerRoom.Escape((string)found["event_id"]!)}")).Is(200).Json;
        Assert.That((string?)seen["state_key"], Is.EqualTo(carol.UserId));
    }

    /// <summary>A room whose middle only the peer has.</summary>
    private async Task GapAsync(params (string Key, string Value)[] settings)
    {
        _peer = await PeerServer.StartAsync();
        _peer.HasMissing = false;
        _server = await TestServer.StartWithKnownKeysAsync(settings);
        _server.Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
        _room = await _peer.Peer.JoinsAsync(_server, await _alice.CreatesRoomAsync(version: "11"), "bob");
        _peer.Rooms[_room.RoomId] = _room;
        _before = await SaysAsync("before");
        (await _room.SendAsync(_server, "one", _before)).Is(200);
        _missed = [];
        for (var n = 0; n < Missed; n++) _missed.Add(await SaysAsync($"missed {n}"));
        _after = await SaysAsync("after");
        (await _room.SendAsync(_server, "two", _after)).Is(200);
        for (var n = 0; n < 200; n++)
        {
            var shown = await _alice.TimelineAsync(_room.RoomId);
            if (shown.Any(each => (string?)each["event_id"] == _after.EventId)) break;
            await Task.Delay(50);
        }

        _peer.Requests.Clear();
    }

    /// <summary>A message, at a time of its own, also if the machine's clock is set back meanwhile.</summary>
    private async Task<Pdu> SaysAsync(string text)
    {
        do
        {
            await Task.Delay(3);
        }
        while (DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() <= _latest);
        var said = _room.Says("bob", text);
        _latest = said.OriginServerTs;
        return said;
    }

    private async Task<JsonObject> AtAsync(long time, string direction) => (await _alice.GetAsync(
        $"/_matrix/client/v1/rooms/{PeerRoom.Escape(_room.RoomId)}/timestamp_to_event?ts={time}&dir={direction}"))
        .Is(200).Json;

    private int Asked() => Requests("/timestamp_to_event/");

    private int Backfills() => Requests("/backfill/");

    private int Requests(string part) =>
        _peer.Requests.Count(target => target.Contains(part, StringComparison.Ordinal));
}
