using System.Threading.Channels;
using Matrix.Core.Event;
using Matrix.Core.Room.Incoming;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.StagedEvents;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Receives events of other servers: checks their signatures, and has the room's machine decide them in the room's
/// lane. An event that waits for others is stored before its sender gets a response.
/// v1.19 server-server-api#checks-performed-on-receipt-of-a-pdu
/// </summary>
public sealed partial class RoomReceiver : BackgroundService, IMachineInputs
{
    private readonly RoomLanes _lanes;
    private readonly LaneDirectory _directory;
    private readonly EventAppender _appender;
    private readonly AuthChainWriter _authChains;
    private readonly SignatureChecker _signatures;
    private readonly FetchSlots _slots;
    private readonly RoomsTable _roomsTable;
    private readonly IEventsTable _eventsTable;
    private readonly StagedEventsTable _stagedEventsTable;
    private readonly ShardGates _gates;
    private readonly RoomsOptions _options;
    private readonly TimeProvider _time;
    private readonly DummyEvents _dummies;
    private readonly AwaitedEvents _awaited = new();
    private readonly StagedBytes _stagedBytes;
    private readonly StagedEventsResumer _resumer;
    private readonly ResumedSearches _resumedSearches;
    private readonly ILogger<RoomReceiver> _log;
    private readonly Channel<IReadOnlyCollection<int>> _moved =
        Channel.CreateUnbounded<IReadOnlyCollection<int>>(new UnboundedChannelOptions { SingleReader = true });

    internal RoomReceiver(
        RoomLanes lanes,
        LaneDirectory directory,
        EventAppender appender,
        AuthChainWriter authChains,
        SignatureChecker signatures,
        FetchSlots slots,
        RepeatedTasks tasks,
        DummyEvents dummies,
        StagedBytes stagedBytes,
        RoomsTable roomsTable,
        IEventsTable eventsTable,
        StagedEventsTable stagedEventsTable,
        ShardGates gates,
        RoomsOptions options,
        TimeProvider time,
        ILogger<RoomReceiver> log)
    {
        _log = log;
        _roomsTable = roomsTable;
        _eventsTable = eventsTable;
        _stagedEventsTable = stagedEventsTable;
        _gates = gates;
        gates.OnMoves(shards => _moved.Writer.TryWrite(shards));
        _options = options;
        _time = time;
        _lanes = lanes;
        _directory = directory;
        _appender = appender;
        _authChains = authChains;
        _signatures = signatures;
        _slots = slots;
        _dummies = dummies;
        _stagedBytes = stagedBytes;
        _resumer = new StagedEventsResumer(this, tasks, stagedEventsTable, options, time);
        _resumedSearches = new ResumedSearches(options.Receiving, time);
    }

    /// <summary>
    /// Receives events of one room that a server sent in a transaction. When this returns, each is decided or durably
    /// staged, or dropped for the returned reason.
    /// </summary>
    /// <returns>What became of them; or the failure of the room.</returns>
    public ValueTask<RoomResult<ReceivedEvents>> ReceiveAsync(
        string peer, RoomIdentity room, IReadOnlyList<ReceivedPdu> pdus, CancellationToken stop) =>
        ReceiveAsync(peer, room, pdus, null, stop);

    /// <summary>Whether further events of a server may wait, as far as all rooms together are concerned.</summary>
    internal bool HasSpaceFor(string peer) =>
        _stagedBytes.Allows(peer) && _stagedBytes.Allows(RoomMachine.StrangersShare);

    /// <summary>Asks storage, at once, for the events that a transaction has of several rooms.</summary>
    internal ValueTask<UnknownEvents> UnknownAsync(
        IReadOnlyCollection<(RoomNid Room, string EventId)> events, CancellationToken stop) =>
        UnknownEvents.ReadAsync(_directory, _eventsTable, events, stop);

    /// <inheritdoc cref="ReceiveAsync(string, RoomIdentity, IReadOnlyList{ReceivedPdu}, CancellationToken)"/>
    internal async ValueTask<RoomResult<ReceivedEvents>> ReceiveAsync(
        string peer,
        RoomIdentity room,
        IReadOnlyList<ReceivedPdu> pdus,
        UnknownEvents? unknown,
        CancellationToken stop)
    {
        var events = await Task.WhenAll(
            pdus.Select(pdu => _signatures.CheckAsync(room.Rules, pdu, stop, peer).AsTask()));
        var dropped = new Dictionary<string, DropReason>();
        var beganToWait = false;
        var isAwake = _slots.Wake(peer);
        var result = await InFederatedLaneAsync<Output>(
            room,
            async session =>
            {
                dropped.Clear();
                session.Unknown = unknown;

                // Beyond the bounds over all rooms, an event that would wait is dropped.
                var mayWait = _stagedBytes.Allows(peer);
                var inputs = Array.ConvertAll(
                    events, each => mayWait ? Input.NewReceived(peer, each) : Input.NewDecide(peer, each));
                if (isAwake) inputs = [Input.NewReached(peer), .. inputs];
                if (!_stagedBytes.Allows(RoomMachine.StrangersShare)) inputs = [Input.NoSpaceForStrangers, .. inputs];
                var waitedBefore = events
                    .Select(each => each.Pdu.EventId)
                    .Where(id => IsKept(session, id))
                    .ToHashSet(StringComparer.Ordinal);
                var output = await RunMachineAsync(session, inputs, null, stop);
                foreach (var (id, reason) in output.Dropped) dropped[id] = reason;
                beganToWait = false;
                foreach (var each in events)
                {
                    if (!IsKept(session, each.Pdu.EventId)) continue;
                    session.Stage(each.Pdu.EventId, peer, each.Pdu.Canonical, Now);
                    beganToWait |= !waitedBefore.Contains(each.Pdu.EventId);
                }

                return output;
            },
            stop);
        if (!result.IsOk) return result.Failure;
        _awaited.Take(room.Nid, result.Value);
        return new ReceivedEvents(dropped, beganToWait);
    }

    /// <summary>
    /// Decides one event of another server now, with the state before it known here, as for a join through this server.
    /// This server sends an accepted one to the room's other servers.
    /// </summary>
    /// <returns>The decision; null if the event is known already; or the failure if it was not accepted, or lacks
    /// others.</returns>
    internal async ValueTask<RoomResult<DecidedEvent?>> DecideAsync(
        string peer, RoomIdentity room, ReceivedEvent received, CancellationToken stop)
    {
        RoomFailure? undecided = null;
        var result = await InFederatedLaneAsync<Output>(
            room,
            async session =>
            {
                undecided = null;
                var output = await RunMachineAsync(
                    session, [Input.NewDecide(peer, received)], received.Pdu.EventId, stop);
                foreach (var (id, reason) in output.Dropped)
                {
                    // No failure of the session: what else was decided is written.
                    if (id == received.Pdu.EventId) undecided = Undecided(reason);
                }

                return output;
            },
            stop);
        if (!result.IsOk) return result.Failure;
        _awaited.Take(room.Nid, result.Value);
        if (undecided is not null) return undecided;
        var decided = Array.Find(result.Value.Decided, each => each.Event.EventId == received.Pdu.EventId);
        return decided is { Verdict.IsAccepted: false }
            ? new RoomFailure(RoomFailureKind.Forbidden, decided.Reason)
            : decided;
    }

    /// <summary>
    /// Receives events from before others as history, and waits until each is durable or dropped, for a bounded time.
    /// </summary>
    /// <param name="peer">The server that returned them.</param>
    /// <param name="room">The room.</param>
    /// <param name="history">The events.</param>
    /// <param name="below">The event below which they are numbered.</param>
    /// <returns>The number of events that were decided.</returns>
    internal async ValueTask<int> ReceiveHistoryAsync(
        string peer,
        RoomIdentity room,
        IReadOnlyList<ReceivedEvent> history,
        EventNid below,
        CancellationToken stop)
    {
        if (history.Count == 0) return 0;
        string[] ids = [.. history.Select(each => each.Pdu.EventId)];
        using var awaited = _awaited.Start(room.Nid, ids);
        var result = await InFederatedLaneAsync<bool>(
            room,
            async session =>
            {
                var older = await _eventsTable.RangeAsync(
                    room.Nid,
                    below,
                    EventNid.Of(room.Nid, EventNid.FirstHistoryOrdinal),
                    Direction.Backward,
                    1,
                    EventMarks.None,
                    stop);
                var after = older.Count > 0 ? older[0].Nid.Ordinal : EventNid.FirstHistoryOrdinal - 1;
                var place = Input.NewHistoryPlace(after, below.Ordinal);

                // Those that came in transactions wait for reasons of their own.
                var waiting = ids.Where(session.Machine.IsStaged).ToHashSet();
                var output = await RunMachineAsync(
                    session,
                    [place, .. history.Select(each => Input.NewHistory(peer, each))],
                    null,
                    stop);
                awaited.Take(output);
                awaited.Keep(id => session.Machine.IsStaged(id) && !waiting.Contains(id));
                return true;
            },
            stop);
        if (!result.IsOk) return 0;

        // What comes later than this comes for a later page.
        _ = await awaited.EndsAsync(_options.Receiving.HistoryTime, _time, stop);
        return awaited.Decided;
    }

    /// <summary>
    /// Gives the machine of each room its staged events again: after a start, and of the rooms of shards that are
    /// opened later.
    /// </summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await BeginAsync(static _ => true, stoppingToken);
        await foreach (var moved in _moved.Reader.ReadAllAsync(stoppingToken))
        {
            var opened = moved.Where(_gates.IsOpen).ToHashSet();
            if (opened.Count == 0) continue;
            await BeginAsync(room => opened.Contains(Authority.Room(room.RoomId).Shard), stoppingToken);
        }
    }

    private async ValueTask BeginAsync(Predicate<RoomIdentity> isIncluded, CancellationToken stop)
    {
        try
        {
            foreach (var room in await _stagedEventsTable.RoomsAsync(stop))
            {
                if (await _roomsTable.FindAsync(room, stop) is { } row && isIncluded(row.Identity))
                {
                    _resumer.Begin(row.Identity);
                }
            }
        }
#pragma warning disable CA1031 // The server serves without these events; each room reads its own again when it is used.
        catch (Exception fault) when (fault is not OperationCanceledException || !stop.IsCancellationRequested)
#pragma warning restore CA1031
        {
            NotResumed(fault);
        }
    }

    /// <summary>
    /// Tells a room's machine staged events again. Rows of events that do not wait are deleted.
    /// </summary>
    /// <param name="room">The room.</param>
    /// <param name="rows">The events. If there came others since they were read, the next session tells them.</param>
    /// <returns>Whether the room was not too busy, and whether an event that cannot be stored was given up.</returns>
    internal async ValueTask<(bool IsFree, bool HasGivenUp)> ResumeAsync(
        RoomIdentity room,
        IReadOnlyList<StagedEventRow> rows,
        CancellationToken stop)
    {
        var inputs = await Task.WhenAll(rows.Select(row => ResumedAsync(room, row, stop)));
        var result = await InFederatedLaneAsync<Output>(
            room,
            async session =>
            {
                if (await AreAllAsync(room, rows, stop)) _ = session.TakeUnsentStaged();
                session.KnowStaged(rows.Select(row => row.EventId));
                var output = await RunMachineAsync(session, [.. inputs.OfType<Input>()], null, stop);
                foreach (var row in rows)
                {
                    if (!IsKept(session, row.EventId)) session.Unstage(row.EventId);
                }

                return output;
            },
            stop,
            isResuming: true);
        if (!result.IsOk) return (result.Failure.Kind != RoomFailureKind.Busy, false);
        _awaited.Take(room.Nid, result.Value);
        return (true, Array.Exists(result.Value.Dropped, static each => each.Item2.IsNotStored));
    }

    /// <summary>Whether an event that is not decided has to be stored: its sender does not send it again.</summary>
    private static bool IsKept(LaneSession session, string eventId) =>
        session.Machine.IsStaged(eventId) || session.Machine.IsRemembered(eventId);

    /// <summary>
    /// Whether these are all staged events of a room now. The next session tells the others, if there came some since
    /// these were read.
    /// </summary>
    private async ValueTask<bool> AreAllAsync(
        RoomIdentity room, IReadOnlyList<StagedEventRow> rows, CancellationToken stop)
    {
        var known = rows.Select(row => row.EventId).ToHashSet(StringComparer.Ordinal);
        var now = await _stagedEventsTable.OfRoomAsync(room.Nid, rows.Count + 1, stop);
        return now.All(row => known.Contains(row.EventId));
    }

    private async Task<Input?> ResumedAsync(RoomIdentity room, StagedEventRow row, CancellationToken stop)
    {
        var read = room.Rules.ReadReceived(row.Json);
        if (!read.IsOk) return null;
        var received = await _signatures.CheckAsync(room.Rules, read.Value, stop);
        return Input.NewResumed(
            row.Peer, received, row.StagedAt > 0 ? row.StagedAt : Now, _resumedSearches.Next());
    }

    /// <inheritdoc/>
    ValueTask<bool> IMachineInputs.ReceiveAsync(
        RoomIdentity room, RoomMachine machine, Input input, CancellationToken stop) =>
        RunIfCurrentAsync(room, machine, [input], static () => { }, stop);

    /// <inheritdoc/>
    ValueTask<bool> IMachineInputs.ContinueAsync(
        RoomIdentity room, RoomMachine machine, Action begin, CancellationToken stop) =>
        RunIfCurrentAsync(room, machine, [], begin, stop);

    /// <summary>
    /// Tells a machine inputs, if it is still the room's: numbers of requests are those of one machine. `begin` is
    /// called in the lane, before that. False if the room is busy.
    /// </summary>
    private async ValueTask<bool> RunIfCurrentAsync(
        RoomIdentity room, RoomMachine machine, Input[] inputs, Action begin, CancellationToken stop)
    {
        var result = await InFederatedLaneAsync<Output?>(
            room,
            async session =>
            {
                begin();
                if (!ReferenceEquals(session.Machine, machine)) return default(Output);
                return await RunMachineAsync(session, inputs, null, stop);
            },
            stop);
        if (result is { IsOk: true, Value: { } output }) _awaited.Take(room.Nid, output);
        return result.Failure is not { Kind: RoomFailureKind.Busy };
    }

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private static RoomFailure Undecided(DropReason reason) => reason.IsMustNotWait
        ? new RoomFailure(RoomFailureKind.InvalidParam, "The events that the event follows are not known here.")
        : new RoomFailure(RoomFailureKind.Forbidden, $"The event cannot be decided: {reason}");

    /// <param name="session">The session in the room's lane.</param>
    /// <param name="inputs">The inputs.</param>
    /// <param name="forAnother">The id of an event that this server sends to the room's other servers.</param>
    private async ValueTask<Output> RunMachineAsync(
        LaneSession session, Input[] inputs, string? forAnother, CancellationToken stop)
    {
        var output = await session.ReceiveAsync([Input.NewAt(Now), .. inputs], stop);
        _stagedBytes.Set(session.Pending.Room.Nid, session.Machine.WaitingBytesByPeer);
        foreach (var (id, reason) in output.Remembered) Remembers(id, session.Pending.Room.RoomId, reason.ToString());
        foreach (var (id, reason) in output.Dropped)
        {
            if (!session.HasStaged(id)) continue;
            var room = session.Pending.Room;
            session.Write(new StagedEventGivenUp(room.Nid, id, reason.ToString(), _options.Receiving.GivenUpEvents));
            GaveUp(id, room.RoomId, reason.ToString());
        }

        await _appender.Writer.ReceiveAsync(session, output, forAnother, stop);
        _dummies.Consider(session.Pending);
        return output;
    }

    /// <summary>
    /// Runs a session in the lane of a room with other servers. The first one writes the indexes that such a room
    /// needs, in a batch of its own, because decisions look them up.
    /// </summary>
    private async ValueTask<RoomResult<T>> InFederatedLaneAsync<T>(
        RoomIdentity room,
        Func<LaneSession, ValueTask<RoomResult<T>>> act,
        CancellationToken stop,
        bool isResuming = false)
    {
        while (true)
        {
            var wasFederated = true;
            var result = await _lanes.EnterAsync<T>(
                room.Nid,
                async session =>
                {
                    wasFederated = session.Pending.IsFederated;
                    if (!isResuming && session.TakeUnsentStaged()) _resumer.Begin(room);
                    if (wasFederated) return await act(session);
                    await _authChains.FederateAsync(session, stop);
                    return default(T)!;
                },
                stop);
            if (wasFederated || !result.IsOk) return result;
        }
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{EventId} in {RoomId} is decided once what it lacks comes, which no server has now: {Reason}")]
    private partial void Remembers(string eventId, string roomId, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Gave up {EventId} in {RoomId}, which its server believes to be here: {Reason}")]
    private partial void GaveUp(string eventId, string roomId, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Events that wait for others were not read")]
    private partial void NotResumed(Exception fault);
}
