using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Servers;

/// <summary>The state before an event. It has a place among the served states until it is disposed.</summary>
/// <param name="State">The state events; none if only an auth chain was wanted.</param>
/// <param name="AuthChain">Their auth chain.</param>
public sealed record ServedState(IReadOnlyList<Pdu> State, IReadOnlyList<Pdu> AuthChain, ServedPlace Place)
    : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Place.Dispose();
}

/// <summary>
/// Events and states that servers in a room may fetch. Rejected events are not served.
/// v1.19 server-server-api#retrieving-events, v1.19 server-server-api#backfilling-and-retrieving-missing-events
/// </summary>
public sealed class ServedHistory(
    ServerAccess access,
    ServerVisibility visibility,
    ServedStates states,
    AuthChains authChains,
    ReplacedState replaced,
    EventStore events,
    RoomSnapshots rooms,
    RoomsTable roomsTable,
    IEventsTable eventsTable,
    RoomsOptions options)
{
    /// <summary>One event, of any room that the server is in.</summary>
    public async ValueTask<RoomResult<Pdu>> EventAsync(string server, string eventId, CancellationToken stop)
    {
        var rows = await eventsTable.FindAnywhereAsync(eventId, options.MaxRoomsOfEvent, stop);
        foreach (var row in rows)
        {
            if ((row.Marks & EventMarks.Rejected) != 0) continue;
            if (await roomsTable.FindAsync(row.Nid.Room, stop) is not { } room) continue;
            if (await rooms.FindAsync(room.Identity.RoomId, stop) is not { } snapshot) continue;
            if (!await access.IsJoinedAsync(server, snapshot, stop)) continue;
            var shown = await visibility.ShowAsync(snapshot, server, [new StoredEvent(snapshot.Room, row)], stop);
            return shown[0];
        }

        return NoEvent;
    }

    /// <summary>The state before an event, and its auth chain.</summary>
    public async ValueTask<RoomResult<ServedState>> StateAsync(
        string server, string roomId, string eventId, CancellationToken stop)
    {
        var found = await FindAsync(server, roomId, eventId, stop);
        if (!found.IsOk) return found.Failure;
        var stored = found.Value;
        if ((stored.Row.Marks & EventMarks.Outlier) != 0) return NoState;
        return await InPlaceAsync(
            server,
            async () =>
            {
                var before = await replaced.StateBeforeAsync(stored.Room.Nid, stored, stop);
                return await ReadAsync(stored.Room, before, null, stop);
            },
            stop);
    }

    /// <summary>The auth chain of an event.</summary>
    public async ValueTask<RoomResult<ServedState>> AuthChainAsync(
        string server, string roomId, string eventId, CancellationToken stop)
    {
        var found = await FindAsync(server, roomId, eventId, stop);
        if (!found.IsOk) return found.Failure;
        return await InPlaceAsync(
            server,
            async () => ([], await authChains.OfAsync(found.Value.Room, [found.Value.Pdu], stop)),
            stop);
    }

    /// <summary>These events and those before them, the latest first.</summary>
    public async ValueTask<RoomResult<Pdu[]>> BackfillAsync(
        string server, string roomId, IReadOnlyCollection<string> from, int limit, CancellationToken stop)
    {
        var entered = await access.ReadAsync(server, roomId, stop);
        if (!entered.IsOk) return entered.Failure;
        var room = entered.Value.Room;
        string[] named = [.. from.Take(options.MaxNamedEvents)];
        var walked = await WalkAsync(room, named, [], 0, Math.Min(limit, options.MaxBackfill), stop);
        return await visibility.ShowAsync(entered.Value, server, walked, stop);
    }

    /// <summary>The events between those that the server has and those whose previous events it lacks.</summary>
    /// <param name="earliest">Events that it has.</param>
    /// <param name="latest">Events whose previous events it lacks.</param>
    public async ValueTask<RoomResult<Pdu[]>> MissingAsync(
        string server,
        string roomId,
        IReadOnlyCollection<string> earliest,
        IReadOnlyCollection<string> latest,
        int limit,
        long minDepth,
        CancellationToken stop)
    {
        var entered = await access.ReadAsync(server, roomId, stop);
        if (!entered.IsOk) return entered.Failure;
        var room = entered.Value.Room;
        earliest = [.. earliest.Take(options.MaxNamedEvents)];
        latest = [.. latest.Take(options.MaxNamedEvents)];
        var known = await eventsTable.FindManyAsync(room.Nid, latest, stop);
        var previous = known.SelectMany(row => new StoredEvent(room, row).Pdu.PrevEvents).ToHashSet();
        var without = earliest.Concat(latest).ToHashSet();
        var walked = await WalkAsync(
            room, [.. previous], without, minDepth, Math.Min(limit, options.MaxMissingEvents), stop);
        var shown = await visibility.ShowAsync(entered.Value, server, walked, stop);
        Array.Sort(shown, static (a, b) => a.Depth.CompareTo(b.Depth));
        return shown;
    }

    /// <summary>A state with its auth chain, and that of one more event.</summary>
    internal ValueTask<RoomResult<ServedState>> StateAsync(
        string server, RoomIdentity room, StateTree state, Pdu? beside, CancellationToken stop) =>
        InPlaceAsync(server, () => ReadAsync(room, state, beside, stop), stop);

    /// <summary>Reads a state in a place, which it keeps until it is disposed.</summary>
    private async ValueTask<RoomResult<ServedState>> InPlaceAsync(
        string server, Func<ValueTask<(Pdu[] State, Pdu[] AuthChain)>> read, CancellationToken stop)
    {
        if (await states.EnterAsync(server, stop) is not { } place) return ServedStates.TooMany;
        try
        {
            var (state, chain) = await read();
            return new ServedState(state, chain, place);
        }
        catch
        {
            place.Dispose();
            throw;
        }
    }

    private async ValueTask<(Pdu[] State, Pdu[] AuthChain)> ReadAsync(
        RoomIdentity room, StateTree state, Pdu? beside, CancellationToken stop)
    {
        var nids = state.Entries().Select(entry => EventNid.Of(room.Nid, entry.Ordinal)).ToArray();
        var stored = await events.GetManyAsync(room, nids, stop);
        var pdus = stored.Select(each => each.Pdu).ToArray();
        var chain = await authChains.OfAsync(room, beside is null ? pdus : pdus.Append(beside), stop);
        return (pdus, chain);
    }

    /// <summary>The event of a room that the server is in; not a rejected one.</summary>
    private async ValueTask<RoomResult<StoredEvent>> FindAsync(
        string server, string roomId, string eventId, CancellationToken stop)
    {
        var entered = await access.ReadAsync(server, roomId, stop);
        if (!entered.IsOk) return entered.Failure;
        var stored = await events.ByIdAsync(entered.Value.Room, eventId, stop);
        return stored is null || (stored.Row.Marks & EventMarks.Rejected) != 0 ? NoEvent : stored;
    }

    /// <summary>
    /// These events and their previous events, the deepest first: a query for each depth. So no event that is left out
    /// comes after one that is returned, though branches differ in length. Rejected events are walked through and left
    /// out; outliers, whose place is not known, end the walk.
    /// </summary>
    private async ValueTask<IReadOnlyList<StoredEvent>> WalkAsync(
        RoomIdentity room,
        IReadOnlyCollection<string> from,
        HashSet<string> without,
        long minDepth,
        int limit,
        CancellationToken stop)
    {
        var seen = new HashSet<string>(from);
        var walked = new List<StoredEvent>();
        var waiting = new PriorityQueue<StoredEvent, long>();
        var next = from.Where(id => !without.Contains(id)).ToArray();
        for (var levels = 0; walked.Count < limit && levels < options.MaxWalkLevels; levels++)
        {
            var rows = next.Length == 0
                ? []
                : await eventsTable.FindManyAsync(room.Nid, next, stop);
            foreach (var row in rows.Where(static row => (row.Marks & EventMarks.Outlier) == 0))
            {
                var stored = events.Known(row.Nid) ?? new StoredEvent(room, row);
                if (stored.Pdu.Depth >= minDepth) waiting.Enqueue(stored, -stored.Pdu.Depth);
            }

            if (!waiting.TryPeek(out _, out var deepest)) break;
            var level = new List<StoredEvent>();
            while (waiting.TryPeek(out _, out var depth) && depth == deepest) level.Add(waiting.Dequeue());
            walked.AddRange(level.Where(stored => (stored.Row.Marks & EventMarks.Rejected) == 0)
                .Take(limit - walked.Count));
            next = [.. level.SelectMany(stored => stored.Pdu.PrevEvents)
                .Where(id => !without.Contains(id) && seen.Add(id))];
        }

        return walked;
    }

    private static RoomFailure NoEvent { get; } = new(
        RoomFailureKind.NotFound, "This server has no such event that your server may read.");

    private static RoomFailure NoState { get; } = new(
        RoomFailureKind.NotFound, "This server does not know the state at that event.");
}
