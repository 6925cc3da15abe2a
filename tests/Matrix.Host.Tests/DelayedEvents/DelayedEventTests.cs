using System.Text.Json.Nodes;
using Matrix.Core.Facade;
using Matrix.Core.Room;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Changes;
using Matrix.Host.Rooms.Delayed;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.DelayedEvents;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Tests.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Host.Tests.DelayedEvents;

/// <summary>Events that are sent after a delay (MSC4140).</summary>
public sealed class DelayedEventTests
{
    private const string Unstable = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events";
    private const string CallMember = "org.matrix.msc3401.call.member";
    private const int Later = 3_600_000;

    private TestServer _server = null!;
    private TestUser _alice = null!;
    private string _room = "";

    [SetUp]
    public async Task StartAsync()
    {
        _server = await TestServer.StartAsync(
            ("limits.delayed_events", "3"), ("limits.delayed_events_of_all", "4"), ("limits.longest_delay", "2h"));
        _alice = await _server.RegistersAsync("alice");
        _room = (await _alice.PostAsync("createRoom", new JsonObject { ["preset"] = "public_chat" }))
            .Is(200).Member("room_id");
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task A_message_is_sent_when_its_delay_is_over_and_not_before()
    {
        var id = await SayLaterAsync("later", 1500, "t1");

        Assert.That(await BodiesAsync(), Is.Empty);
        Assert.That((await WaitingAsync()).Select(each => (string?)each!["delay_id"]), Is.EqualTo(new[] { id }));
        await Until.HoldsAsync(async () => (await BodiesAsync()).SequenceEqual(["later"]));
        await Until.HoldsAsync(async () => (await WaitingAsync()).Count == 0);
        (await _alice.PostAsync($"{Unstable}/{id}/restart")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task What_waited_in_a_deleted_room_takes_no_place_any_more([Values] bool isMissed)
    {
        if (isMissed) _server.Misses = static _ => true;
        for (var i = 0; i < 3; i++) await SayLaterAsync("later", Later, $"t{i}");
        var rooms = _server.Services.GetRequiredService<RoomSnapshots>();
        var deleted = (await rooms.FindAsync(_room, default))!.Room;
        _room = (await _alice.PostAsync("createRoom", new JsonObject())).Is(200).Member("room_id");
        Assert.That(await SchedulesAsync(), Is.False, "as many wait as may");

        await _server.Services.GetRequiredService<OpenedStorage>().Writer.WriteAsync(
            Batches.New(1).Require(new RoomDeleted(deleted, [_alice.UserId], 1)), default);

        await Until.HoldsAsync(SchedulesAsync);
        Assert.That(await WaitingAsync(), Has.Count.EqualTo(1));

        async Task<bool> SchedulesAsync() => (await _alice.PutAsync(
            $"rooms/{_room}/send/m.room.message/new?org.matrix.msc4140.delay={Later}", Body("new"))).Status == 200;
    }

    [Test]
    public async Task The_list_has_what_waits_and_when_its_delay_began()
    {
        var before = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var message = await SayLaterAsync("later", Later, "t1");
        var state = await LeaveCallLaterAsync(Later - 1000);

        var waiting = await WaitingAsync();

        Assert.That(waiting.Select(each => (string?)each!["delay_id"]), Is.EqualTo(new[] { state, message }));
        Assert.That((string?)waiting[0]!["state_key"], Is.EqualTo(_alice.UserId));
        Assert.That((string?)waiting[0]!["type"], Is.EqualTo(CallMember));
        Assert.That((string?)waiting[1]!["room_id"], Is.EqualTo(_room));
        Assert.That((string?)waiting[1]!["content"]!["body"], Is.EqualTo("later"));
        Assert.That((long)waiting[1]!["delay"]!, Is.EqualTo(Later));
        Assert.That((long)waiting[1]!["running_since"]!, Is.InRange(before, before + 60_000));
        var bob = await _server.RegistersAsync("bob");
        Assert.That((await bob.GetAsync(Unstable)).Is(200).Json["delayed_events"]!.AsArray(), Is.Empty);
        (await _server.Anyone.GetAsync(Unstable)).Is(401, "M_MISSING_TOKEN");
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Whoever_knows_the_id_sends_or_cancels(bool inPath)
    {
        var sent = await LeaveCallLaterAsync(Later);
        var cancelled = await SayLaterAsync("never", Later, "t1");

        await ActAsync(sent, "send", inPath);
        await ActAsync(cancelled, "cancel", inPath);

        (await _alice.GetAsync($"rooms/{_room}/state/{CallMember}/{_alice.UserId}")).Is(200);
        Assert.That(await WaitingAsync(), Is.Empty);
        Assert.That(await BodiesAsync(), Is.Empty);
        (await _server.Anyone.PostAsync($"{Unstable}/{sent}/send")).Is(404, "M_NOT_FOUND");
        (await _server.Anyone.PostAsync($"{Unstable}/{cancelled}", new JsonObject { ["action"] = "cancel" }))
            .Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_restart_begins_the_delay_anew()
    {
        var id = await SayLaterAsync("later", 2500, "t1");
        for (var i = 0; i < 4; i++)
        {
            await Task.Delay(1000);
            await ActAsync(id, "restart", inPath: i % 2 == 0);
        }

        Assert.That(await BodiesAsync(), Is.Empty);
        await Until.HoldsAsync(async () => (await BodiesAsync()).SequenceEqual(["later"]));
    }

    [Test]
    public async Task What_waits_survives_a_restart_of_the_server_and_what_was_due_is_sent_once()
    {
        await SayLaterAsync("due meanwhile", 1, "t1");
        await SayLaterAsync("soon", 2000, "t2");
        var last = await SayLaterAsync("last", Later, "t3");

        await _server.RestartAsync();

        await Until.HoldsAsync(async () => (await BodiesAsync()).SequenceEqual(["due meanwhile", "soon"]));
        await _server.RestartAsync();
        Assert.That((await WaitingAsync()).Select(each => (string?)each!["delay_id"]), Is.EqualTo(new[] { last }));
        Assert.That(await BodiesAsync(), Is.EqualTo(new[] { "due meanwhile", "soon" }));
        await ActAsync(last, "send", inPath: true);
        Assert.That(await BodiesAsync(), Is.EqualTo(new[] { "due meanwhile", "soon", "last" }));
    }

    [Test]
    public async Task A_repeated_request_schedules_one_event()
    {
        var first = await SayLaterAsync("once", Later, "t1");
        await _server.RestartAsync();

        Assert.That(await SayLaterAsync("once", Later, "t1"), Is.EqualTo(first));
        Assert.That(await SayLaterAsync("once", Later, "t2"), Is.Not.EqualTo(first));
        var atOnce = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => SayLaterAsync("once", Later, "t3")));
        Assert.That(atOnce.Distinct().Count(), Is.EqualTo(1));
        Assert.That(await WaitingAsync(), Has.Count.EqualTo(3));
    }

    [Test]
    public async Task Anothers_state_event_cancels_those_that_wait_for_its_place_and_ones_own_does_not()
    {
        var bob = await _server.RegistersAsync("bob");
        (await bob.PostAsync($"join/{_room}")).Is(200);
        var levels = (await _alice.GetAsync($"rooms/{_room}/state/m.room.power_levels")).Is(200).Json;
        levels["events"]!["org.example.shared"] = 0;
        levels["events"]!["org.example.other"] = 0;
        (await _alice.PutAsync($"rooms/{_room}/state/m.room.power_levels", levels)).Is(200);
        var (shared, other) = ($"rooms/{_room}/state/org.example.shared/", $"rooms/{_room}/state/org.example.other/");
        var query = $"?org.matrix.msc4140.delay={Later}";
        var replaced = (await _alice.PutAsync(shared + query, new JsonObject { ["by"] = "alice" }))
            .Is(200).Member("delay_id");
        var kept = (await _alice.PutAsync(other + query, new JsonObject { ["by"] = "alice" }))
            .Is(200).Member("delay_id");

        (await _alice.PutAsync(shared, new JsonObject { ["now"] = 1 })).Is(200);
        Assert.That(await WaitingAsync(), Has.Count.EqualTo(2));
        (await bob.PutAsync(shared, new JsonObject { ["now"] = 2 })).Is(200);

        await Until.HoldsAsync(async () => (await WaitingAsync()).Count == 1);
        (await _alice.PostAsync($"{Unstable}/{replaced}/send")).Is(404, "M_NOT_FOUND");
        await ActAsync(kept, "send", inPath: true);
        Assert.That(
            (await _alice.GetAsync(shared)).Is(200).Text, Is.EqualTo("""{"now":2}"""));
    }

    [Test]
    public async Task An_event_is_sent_also_after_its_session_has_ended()
    {
        var call = await _alice.LogsInAsync();
        var id = (await call.PutAsync(
            $"rooms/{_room}/send/m.room.message/t1?org.matrix.msc4140.delay={Later}", Body("my client is gone")))
            .Is(200).Member("delay_id");
        (await call.PostAsync("logout")).Is(200);

        (await _server.Anyone.PostAsync($"{Unstable}/{id}/send")).Is(200);
        Assert.That(await BodiesAsync(), Is.EqualTo(new[] { "my client is gone" }));
    }

    [Test]
    public async Task An_event_that_is_refused_when_it_is_due_is_dropped()
    {
        var bob = await _server.RegistersAsync("bob");
        (await bob.PostAsync($"join/{_room}")).Is(200);
        var message = (await bob.PutAsync(
            $"rooms/{_room}/send/m.room.message/t1?org.matrix.msc4140.delay={Later}", Body("from bob")))
            .Is(200).Member("delay_id");
        (await bob.PostAsync($"rooms/{_room}/leave")).Is(200);

        (await bob.PostAsync($"{Unstable}/{message}/send")).Is(403, "M_FORBIDDEN");
        (await bob.PostAsync($"{Unstable}/{message}/send")).Is(404, "M_NOT_FOUND");
        Assert.That(await BodiesAsync(), Is.Empty);
    }

    [Test]
    public async Task Bounds_are_told_as_clients_read_them()
    {
        var path = $"rooms/{_room}/send/m.room.message/t0?org.matrix.msc4140.delay=";
        var tooLong = (await _alice.PutAsync(path + "7200001", Body("x"))).Is(400, "M_UNKNOWN").Json;
        Assert.That((string?)tooLong["org.matrix.msc4140.errcode"], Is.EqualTo("M_MAX_DELAY_EXCEEDED"));
        Assert.That((long)tooLong["org.matrix.msc4140.max_delay"]!, Is.EqualTo(7_200_000));
        foreach (var wrong in (string[])["0", "-5", "soon", "99999999999999999999"])
        {
            (await _alice.PutAsync(path + wrong, Body("x"))).Is(400, "M_INVALID_PARAM");
        }

        for (var i = 1; i <= 3; i++) await SayLaterAsync("x", Later, $"t{i}");
        var tooMany = (await _alice.PutAsync(path + "5000", Body("x"))).Is(400, "M_UNKNOWN").Json;
        Assert.That((string?)tooMany["org.matrix.msc4140.errcode"], Is.EqualTo("M_MAX_DELAYED_EVENTS_EXCEEDED"));

        var bob = await _server.RegistersAsync("bob");
        (await bob.PutAsync(path + "5000", Body("x"))).Is(403, "M_FORBIDDEN");
        (await bob.PostAsync($"join/{_room}")).Is(200);
        (await bob.PutAsync(path + "5000000", Body("x"))).Is(200);
        (await bob.PutAsync(path.Replace("/t0?", "/t9?", StringComparison.Ordinal) + "5000", Body("x")))
            .Is(400, "M_UNKNOWN");
        (await _alice.PostAsync($"{Unstable}/unknown", new JsonObject { ["action"] = "explode" }))
            .Is(400, "M_INVALID_PARAM");
        (await _alice.PostAsync($"{Unstable}/unknown", new JsonObject())).Is(400, "M_BAD_JSON");
        (await _alice.PostAsync($"{Unstable}/unknown/cancel")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task An_event_that_is_being_cancelled_cannot_be_sent()
    {
        var writer = new HeldWriter(_server.Services.GetRequiredService<OpenedStorage>().Writer);
        using var events = EventsOver(writer);
        var id = await ScheduledAsync(events, stateKey: null);

        writer.Held = new TaskCompletionSource();
        var cancel = events.CancelAsync(id, CancellationToken.None).AsTask();
        var send = events.SendAsync(id, CancellationToken.None).AsTask();
        writer.Held.SetResult();

        Assert.That(await cancel, Is.True);
        Assert.That(await send, Is.EqualTo((false, default(Matrix.Host.Rooms.RoomFailure))));
    }

    [Test]
    public async Task An_event_that_is_being_replaced_cannot_be_sent()
    {
        using var events = EventsOver(_server.Services.GetRequiredService<OpenedStorage>().Writer);
        var id = await ScheduledAsync(events, stateKey: "");
        var replaces = Samples.Event(Samples.Live(Samples.Kitchen, 1), Samples.Bob) with
        {
            Type = "org.example.shared",
            StateKey = "",
            Marks = EventMarks.State,
        };
        var room = Samples.Identity(Samples.Kitchen) with { RoomId = _room };

        events.OnChange(new EventsAppended(room, [replaces.ToStored()]), position: long.MaxValue);
        var send = events.SendAsync(id, CancellationToken.None).AsTask();
        await events.StartAsync(CancellationToken.None);

        Assert.That(await send, Is.EqualTo((false, default(Matrix.Host.Rooms.RoomFailure))));
        await events.StopAsync(CancellationToken.None);
        Assert.That(events.ExecuteTask!.IsCanceled);
    }

    /// <summary>Delayed events beside those of the server, which sends them only when a test runs them.</summary>
    private Matrix.Host.Rooms.Delayed.DelayedEvents EventsOver(IStorageWriter writer)
    {
        var parts = _server.Services;
        return new(
            parts.GetRequiredService<RoomSender>(),
            parts.GetRequiredService<RoomMemberships>(),
            parts.GetRequiredService<RoomSnapshots>(),
            parts.GetRequiredService<ILocalUsers>(),
            parts.GetRequiredService<SuspendedUsers>(),
            parts.GetRequiredService<DelayedEventsTable>(),
            parts.GetRequiredService<RoomChangesReader>(),
            writer,
            ShardGates.AlwaysOpen,
            new DelayOptions(),
            TimeProvider.System,
            NullLogger<Matrix.Host.Rooms.Delayed.DelayedEvents>.Instance);
    }

    private async Task<string> ScheduledAsync(Matrix.Host.Rooms.Delayed.DelayedEvents events, string? stateKey)
    {
        _ = JsonText.TryParseStored("{}"u8, out var content);
        var scheduled = await events.ScheduleAsync(
            new UserDevice(_alice.UserId, _alice.DeviceId),
            _room,
            new Draft("org.example.shared", stateKey, _alice.UserId, content, null),
            Later,
            key: null,
            timestamp: null,
            CancellationToken.None);
        Assert.That(scheduled.Refusal, Is.EqualTo(ScheduleRefusal.None));
        return scheduled.DelayId;
    }

    private async Task<string> SayLaterAsync(string text, int delay, string transactionId) =>
        (await _alice.PutAsync(
            $"rooms/{_room}/send/m.room.message/{transactionId}?org.matrix.msc4140.delay={delay}", Body(text)))
        .Is(200).Member("delay_id");

    private async Task<string> LeaveCallLaterAsync(int delay) => (await _alice.PutAsync(
        $"rooms/{_room}/state/{CallMember}/{_alice.UserId}?org.matrix.msc4140.delay={delay}",
        new JsonObject { ["memberships"] = new JsonArray() })).Is(200).Member("delay_id");

    private async Task ActAsync(string delayId, string action, bool inPath) => (inPath
        ? await _server.Anyone.PostAsync($"{Unstable}/{delayId}/{action}")
        : await _server.Anyone.PostAsync($"{Unstable}/{delayId}", new JsonObject { ["action"] = action })).Is(200);

    private async Task<JsonArray> WaitingAsync() =>
        (await _alice.GetAsync(Unstable)).Is(200).Json["delayed_events"]!.AsArray();

    private async Task<string[]> BodiesAsync() =>
    [
        .. (await _alice.GetAsync($"rooms/{_room}/messages?dir=f&limit=100")).Is(200).Json["chunk"]!.AsArray()
            .Where(each => (string)each!["type"]! == "m.room.message")
            .Select(each => (string)each!["content"]!["body"]!),
    ];

    private static JsonObject Body(string text) => new() { ["msgtype"] = "m.text", ["body"] = text };

    /// <summary>A writer that a test can hold up.</summary>
    private sealed class HeldWriter(IStorageWriter writer) : IStorageWriter
    {
        public TaskCompletionSource? Held { get; set; }

        public long PublishedPosition => writer.PublishedPosition;

        public async ValueTask<WriteReceipt> WriteAsync(WriteBatch batch, CancellationToken stop)
        {
            if (Held is { } held) await held.Task;
            return await writer.WriteAsync(batch, stop);
        }

        public void Post(WriteBatch batch) => writer.Post(batch);

        public void AddConsumer(IChangeConsumer consumer) => writer.AddConsumer(consumer);
    }
}
