using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.V3;

/// <summary>Where a room stood at a position.</summary>
/// <param name="LastNid">The end of its timeline.</param>
/// <param name="Step">Its current state.</param>
internal readonly record struct RoomPosition(EventNid LastNid, int Step);

/// <summary>Finds where rooms stood: in the snapshot, in what the notifier remembers, or in the database.</summary>
internal sealed class RoomPositions(IStorage storage, Notifier notifier)
{
    /// <summary>Where a room stood at a position. A question to the database only if the position is long ago.</summary>
    public async ValueTask<RoomPosition> AtAsync(RoomSnapshot snapshot, long position, CancellationToken stop)
    {
        if (snapshot.Position <= position) return new RoomPosition(snapshot.LastEvent, snapshot.Step);
        if (notifier.Room(snapshot.Room.Nid) is { } stream && stream.TryAt(position, out var past)) return new RoomPosition(past.LastNid, past.Step);
        return new RoomPosition(
            await storage.Events.LastNidAtAsync(snapshot.Room.Nid, position, stop).ConfigureAwait(false),
            await storage.Rooms.CurrentStepAtAsync(snapshot.Room.Nid, position, stop).ConfigureAwait(false));
    }

    /// <summary>The same for many rooms and one position, with two questions at most.</summary>
    public async ValueTask<Dictionary<RoomNid, RoomPosition>> AtAsync(IReadOnlyCollection<RoomSnapshot> snapshots, long position, CancellationToken stop)
    {
        var positions = new Dictionary<RoomNid, RoomPosition>(snapshots.Count);
        List<RoomNid>? asked = null;
        foreach (var snapshot in snapshots)
        {
            var room = snapshot.Room.Nid;
            if (snapshot.Position <= position) positions[room] = new RoomPosition(snapshot.LastEvent, snapshot.Step);
            else if (notifier.Room(room) is { } stream && stream.TryAt(position, out var past)) positions[room] = new RoomPosition(past.LastNid, past.Step);
            else (asked ??= []).Add(room);
        }

        if (asked is null) return positions;
        var nids = await storage.Events.LastNidsAtAsync(asked, position, stop).ConfigureAwait(false);
        var steps = await storage.Rooms.CurrentStepsAtAsync(asked, position, stop).ConfigureAwait(false);
        foreach (var room in asked) positions[room] = new RoomPosition(nids.GetValueOrDefault(room), steps.GetValueOrDefault(room));
        return positions;
    }
}
