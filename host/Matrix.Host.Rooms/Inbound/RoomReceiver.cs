using Matrix.Core.Event;
using Matrix.Core.Room.Incoming;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Receives events of other servers: checks their signatures, and has the room's machine decide them in the room's
/// lane. An event that waits for others is stored before its sender gets a response. Server-Server API, "Checks
/// performed on receipt of a PDU".
/// </summary>
public sealed class RoomReceiver
{
    private readonly RoomSender _sender;
    private readonly EventAppender _appender;
    private readonly AuthChainWriter _authChains;
    private readonly SignatureChecker _signatures;
    private readonly MissingEventsFetcher _fetcher;
    private readonly IStorage _storage;
    private readonly RoomsOptions _options;
    private readonly TimeProvider _time;
    private readonly AwaitedEvents _awaited = new();

    internal RoomReceiver(
        LaneDirectory lanes,
        RoomSender sender,
        EventAppender appender,
        AuthChainWriter authChains,
        SignatureChecker signatures,
        MissingEventsFetcher fetcher,
        IStorage storage,
        RoomsOptions options,
        TimeProvider time)
    {
        _storage = storage;
        _options = options;
        _time = time;
        _sender = sender;
        _appender = appender;
        _authChains = authChains;
        _signatures = signatures;
        _fetcher = fetcher;
        fetcher.Ended = TakeAsync;
        lanes.Asked = fetcher.Start;
    }

    /// <summary>
    /// Receives events of one room that a server sent in a transaction. When this returns, each is decided or durably
    /// staged, or dropped for the returned reason.
    /// </summary>
    /// <returns>The reasons of dropped events, by event id; or the failure of the room.</returns>
    public async ValueTask<RoomResult<IReadOnlyDictionary<string, string>>> ReceiveAsync(
        string peer, RoomIdentity room, IReadOnlyList<ReceivedPdu> pdus, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(pdus);
        ArgumentNullException.ThrowIfNull(room);
        var events = await Task.WhenAll(
            pdus.Select(pdu => _signatures.CheckAsync(room.Rules, pdu, stop).AsTask())).ConfigureAwait(false);
        var dropped = new Dictionary<string, string>();
        var result = await InFederatedLaneAsync<bool>(
            room,
            async session =>
            {
                dropped.Clear();
                var inputs = Array.ConvertAll(events, each => Input.NewReceived(peer, each));
                var output = await TellAsync(session, inputs, null, stop).ConfigureAwait(false);
                foreach (var (id, reason) in output.Dropped) dropped[id] = reason.ToString();
                foreach (var each in events)
                {
                    if (session.Machine.IsStaged(each.Pdu.EventId))
                    {
                        session.Stage(each.Pdu.EventId, peer, each.Pdu.Canonical);
                    }
                }

                return true;
            },
            stop).ConfigureAwait(false);
        return result.IsOk ? dropped : result.Failure;
    }

    /// <summary>
    /// Decides one event of another server now, with the state before it known here, as for a join through this server.
    /// This server sends an accepted one to the room's other servers.
    /// </summary>
    /// <returns>The decision; null if the event is known already, or waits for others; or the failure if it was not
    /// accepted.</returns>
    internal async ValueTask<RoomResult<DecidedEvent?>> DecideAsync(
        string peer, RoomIdentity room, ReceivedEvent received, CancellationToken stop)
    {
        var decided = await InFederatedLaneAsync<DecidedEvent?>(
            room,
            async session =>
            {
                var output = await TellAsync(
                    session, [Input.NewReceived(peer, received)], received.Pdu.EventId, stop).ConfigureAwait(false);
                return output.Decided.FirstOrDefault(each => each.Event.EventId == received.Pdu.EventId);
            },
            stop).ConfigureAwait(false);
        return decided is { IsOk: true, Value: { Verdict.IsAccepted: false } refused }
            ? new RoomFailure(RoomFailureKind.Forbidden, refused.Reason)
            : decided;
    }

    /// <summary>
    /// Receives events from before others as history. When this returns, each is durable or dropped.
    /// </summary>
    /// <param name="peer">The server that returned them.</param>
    /// <param name="room">The room.</param>
    /// <param name="history">The events.</param>
    /// <param name="below">The event below which they are numbered. No other call may number events there
    /// meanwhile.</param>
    /// <param name="stop">Cancels waiting.</param>
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
                var older = await _storage.Events.RangeAsync(
                    room.Nid,
                    below,
                    EventNid.Of(room.Nid, EventNid.FirstHistoryOrdinal),
                    Direction.Backward,
                    1,
                    EventMarks.None,
                    stop).ConfigureAwait(false);
                var after = older.Count > 0 ? older[0].Nid.Ordinal : EventNid.FirstHistoryOrdinal - 1;
                var place = Input.NewHistoryPlace(after, below.Ordinal);
                var output = await TellAsync(
                    session,
                    [place, .. history.Select(each => Input.NewHistory(peer, each))],
                    null,
                    stop).ConfigureAwait(false);
                awaited.Take(output);
                awaited.Keep(session.Machine.IsStaged);
                return true;
            },
            stop).ConfigureAwait(false);
        if (!result.IsOk) return 0;

        // A room that lost its undurable decisions has forgotten what was staged, and ends nothing.
        while (!await awaited.EndsAsync(_options.Receiving.HistoryWait, _time, stop).ConfigureAwait(false))
        {
            var isStaged = await _sender.InLaneAsync<bool>(
                room.Nid, session => new(ids.Any(session.Machine.IsStaged)), stop).ConfigureAwait(false);
            if (!isStaged.IsOk || !isStaged.Value) break;
        }

        return awaited.Decided;
    }

    /// <summary>Tells the machines of all rooms their staged events again, after a start.</summary>
    public async Task ResumeAsync(CancellationToken stop)
    {
        foreach (var room in await _storage.StagedEvents.RoomsAsync(stop).ConfigureAwait(false))
        {
            var row = await _storage.Rooms.FindAsync(room, stop).ConfigureAwait(false);
            if (row is not null) _fetcher.Start(row.Identity, stop => ResumeAsync(row.Identity.Nid, stop));
        }
    }

    /// <summary>Tells a room's machine its staged events again. Rows of events that do not wait are deleted.</summary>
    private async ValueTask ResumeAsync(RoomNid nid, CancellationToken stop)
    {
        if (await _storage.Rooms.FindAsync(nid, stop).ConfigureAwait(false) is not { Identity: var room }) return;
        var rows = await _storage.StagedEvents.OfRoomAsync(nid, _options.Receiving.Staged, stop).ConfigureAwait(false);
        var inputs = new List<Input>(rows.Count);
        foreach (var row in rows)
        {
            var read = room.Rules.ReadReceived(row.Json);
            if (!read.IsOk) continue;
            var received = await _signatures.CheckAsync(room.Rules, read.Value, stop).ConfigureAwait(false);
            inputs.Add(Input.NewReceived(row.Peer, received));
        }

        _ = await InFederatedLaneAsync<bool>(
            room,
            async session =>
            {
                _ = session.TakeUntold();
                session.KnowStaged(rows.Select(row => row.EventId));
                _ = await TellAsync(session, [.. inputs], null, stop).ConfigureAwait(false);
                foreach (var row in rows)
                {
                    if (!session.Machine.IsStaged(row.EventId)) session.Unstage(row.EventId);
                }

                return true;
            },
            stop).ConfigureAwait(false);
    }

    /// <summary>Gives a machine the response to one of its requests, or a resolution that it waits for.</summary>
    private async ValueTask TakeAsync(
        RoomIdentity room, RoomMachine machine, Input ended, CancellationToken stop)
    {
        var result = await InFederatedLaneAsync<Output?>(
            room,
            async session =>
            {
                // Numbers of requests are those of one machine.
                if (!ReferenceEquals(session.Machine, machine)) return default(Output);
                return await TellAsync(session, [ended], null, stop).ConfigureAwait(false);
            },
            stop).ConfigureAwait(false);
        if (result is { IsOk: true, Value: { } output }) _awaited.Take(room.Nid, output);
    }

    /// <param name="session">The session in the room's lane.</param>
    /// <param name="inputs">The inputs.</param>
    /// <param name="forAnother">The id of an event that this server sends to the room's other servers.</param>
    /// <param name="stop">Cancels reading.</param>
    private async ValueTask<Output> TellAsync(
        LaneSession session, Input[] inputs, string? forAnother, CancellationToken stop)
    {
        var now = Input.NewAt(_time.GetUtcNow().ToUnixTimeMilliseconds());
        var output = await session.TellAsync([now, .. inputs], stop).ConfigureAwait(false);
        await _appender.Writer.ReceiveAsync(session, output, forAnother, stop).ConfigureAwait(false);
        return output;
    }

    /// <summary>
    /// Runs a session in the lane of a room with other servers. The first one writes the indexes that such a room
    /// needs, in a batch of its own, because decisions look them up.
    /// </summary>
    private async ValueTask<RoomResult<T>> InFederatedLaneAsync<T>(
        RoomIdentity room, Func<LaneSession, ValueTask<RoomResult<T>>> act, CancellationToken stop)
    {
        while (true)
        {
            var wasFederated = true;
            var result = await _sender.InLaneAsync<T>(
                room.Nid,
                async session =>
                {
                    wasFederated = session.Pending.IsFederated;
                    if (session.TakeUntold()) _fetcher.Start(room, stop => ResumeAsync(room.Nid, stop));
                    if (wasFederated) return await act(session).ConfigureAwait(false);
                    await _authChains.FederateAsync(session, stop).ConfigureAwait(false);
                    return default(T)!;
                },
                stop).ConfigureAwait(false);
            if (wasFederated || !result.IsOk) return result;
        }
    }
}
