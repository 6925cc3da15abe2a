using Matrix.Core.State;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.Timelines;

/// <summary>A room's timeline end and current state at a position.</summary>
internal readonly record struct RoomPosition(EventNid LastNid, int Step);

/// <summary>Finds positions of rooms: in the snapshot, in the notifier's memory, or in the database.</summary>
internal sealed class RoomPositions(
    RoomsTable roomsTable, IEventsTable eventsTable, StateStore states, Notifier notifier)
{
    /// <summary>The room at a position. Reads the database only if the position is old.</summary>
    public async ValueTask<RoomPosition> AtAsync(RoomSnapshot snapshot, long position, CancellationToken stop)
    {
        if (snapshot.Position <= position) return new RoomPosition(snapshot.LastEvent, snapshot.Step);
        if (notifier.Room(snapshot.Room.Nid) is { } stream && stream.TryAt(position, out var past))
        {
            return new RoomPosition(past.LastNid, past.Step);
        }

        return new RoomPosition(
            await eventsTable.LastNidAtAsync(snapshot.Room.Nid, position, stop),
            await roomsTable.CurrentStepAtAsync(snapshot.Room.Nid, position, stop));
    }

    /// <summary>The same for several rooms and one position, with at most two queries.</summary>
    public async ValueTask<Dictionary<RoomNid, RoomPosition>> AtAsync(
        IReadOnlyCollection<RoomSnapshot> snapshots, long position, CancellationToken stop)
    {
        var positions = new Dictionary<RoomNid, RoomPosition>(snapshots.Count);
        List<RoomNid>? asked = null;
        foreach (var snapshot in snapshots)
        {
            var room = snapshot.Room.Nid;
            if (snapshot.Position <= position) positions[room] = new RoomPosition(snapshot.LastEvent, snapshot.Step);
            else if (notifier.Room(room) is { } stream && stream.TryAt(position, out var past))
            {
                positions[room] = new RoomPosition(past.LastNid, past.Step);
            }
            else (asked ??= []).Add(room);
        }

        if (asked is null) return positions;
        var nids = await eventsTable.LastNidsAtAsync(asked, position, stop);
        var steps = await roomsTable.CurrentStepsAtAsync(asked, position, stop);
        foreach (var room in asked)
        {
            positions[room] = new RoomPosition(nids.GetValueOrDefault(room), steps.GetValueOrDefault(room));
        }

        return positions;
    }

    /// <summary>The room's state at a step, which is mostly the current one.</summary>
    public ValueTask<StateTree> StateAsync(RoomSnapshot snapshot, int step, CancellationToken stop) =>
        step == snapshot.Step ? ValueTask.FromResult(snapshot.State) : states.AtAsync(snapshot.Room.Nid, step, stop);
}
