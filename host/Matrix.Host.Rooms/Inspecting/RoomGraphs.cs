using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Followers;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Inspecting;

/// <summary>Reads the newest events of rooms' graphs.</summary>
public sealed class RoomGraphs(IEventsTable events, IFollowersTable followers)
{
    private const int MaxGaps = 1000;

    /// <summary>The newest events of a room, and its extremities whatever their age.</summary>
    /// <param name="limit">The most events beside the extremities.</param>
    public async ValueTask<InspectedGraph> NewestAsync(RoomRow room, int limit, CancellationToken stop)
    {
        var rows = await events.RangeAsync(
            room.Nid, EventNid.LastOf(room.Nid), null, Direction.Backward, limit, EventMarks.Outlier, stop);
        var extremities = room.Header.Extremities.Select(extremity => extremity.EventId).ToHashSet();
        var older = extremities.Except(rows.Select(row => row.EventId)).ToArray();
        var others = await events.FindManyAsync(room.Nid, older, stop);
        var gaps = await followers.GapsAsync(room.Nid, MaxGaps, stop);
        return new InspectedGraph(
            room.RoomId,
            [.. rows.Concat(others).Select(row => new StoredEvent(room.Identity, row))],
            extremities,
            gaps.ToHashSet());
    }
}
