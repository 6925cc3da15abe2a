using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Import.Sources;

namespace Matrix.Import.Verifying;

/// <summary>
/// Compares each room of Synapse's with ours, by the tables of both: current state, members, forward extremities and
/// the newest event.
/// </summary>
/// <param name="source">Synapse's database.</param>
/// <param name="target">Ours.</param>
/// <param name="leftOut">The events that the import left out by name: that they are missing is said already.</param>
internal sealed class RoomComparison(
    SynapseSource source, InspectedStorage target, IReadOnlySet<string> leftOut)
{
    private const long StateBytes = 64L << 20;
    private const int IdsAtOnce = 1_000;
    private const int Shown = 5;

    private readonly StateStore _states = new(target.State, StateBytes);

    /// <summary>The rooms that were compared.</summary>
    public long Compared { get; private set; }

    /// <summary>The differences, room by room in the order of the source.</summary>
    /// <param name="leftOutRooms">The rooms that the import left out by name.</param>
    /// <param name="stop">Ends the comparison.</param>
    public async IAsyncEnumerable<RoomDifference> DifferencesAsync(
        IReadOnlySet<string> leftOutRooms,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        await foreach (var row in source.RowsAsync(
            "SELECT DISTINCT room_id FROM current_state_events ORDER BY room_id", stop))
        {
            var roomId = row.Text(0);
            if (leftOutRooms.Contains(roomId)) continue;
            Compared++;
            if (await target.Rooms.FindAsync(roomId, stop) is not { } room)
            {
                yield return new RoomDifference(roomId, "room", "is there", "is missing");
                continue;
            }

            foreach (var difference in await OfRoomAsync(room, stop)) yield return difference;
        }
    }

    private static string Some(IEnumerable<string> ids)
    {
        var all = ids.Order(StringComparer.Ordinal).ToList();
        return all.Count == 0 ? "none"
            : string.Join(", ", all.Take(Shown)) + (all.Count > Shown ? $" and {all.Count - Shown} more" : "");
    }

    private static void Compare(
        List<RoomDifference> into, string roomId, string what, HashSet<string> theirs, HashSet<string> ours)
    {
        if (theirs.SetEquals(ours)) return;
        into.Add(new RoomDifference(roomId, what, Some(theirs.Except(ours)), Some(ours.Except(theirs))));
    }

    private async Task<List<RoomDifference>> OfRoomAsync(RoomRow room, CancellationToken stop)
    {
        var differences = new List<RoomDifference>();
        var state = new HashSet<string>();
        var members = new HashSet<string>();
        await foreach (var row in source.RowsAsync(
            "SELECT type, state_key, event_id, membership FROM current_state_events WHERE room_id = $1",
            stop,
            room.RoomId))
        {
            if (leftOut.Contains(row.Text(2))) continue;
            state.Add(row.Text(2));
            if (row.Text(0) == EventTypes.Member && row.Text(3) == "join") members.Add(row.Text(1));
        }

        var tree = await _states.AtAsync(room.Nid, room.Header.CurrentStep, stop);
        var (ours, joined) = (new HashSet<string>(), new HashSet<string>());
        foreach (var entries in tree.Entries().Chunk(IdsAtOnce))
        {
            var ids = await target.Events.IdsAsync(
                [.. entries.Select(entry => EventNid.Of(room.Nid, entry.Ordinal))], stop);
            ours.UnionWith(ids.Values);
        }

        for (var after = ""; ;)
        {
            var page = await target.Memberships.MembersAsync(
                room.Nid, MembershipSet.Join, after, IdsAtOnce, stop);
            joined.UnionWith(page.Select(static member => member.UserId));
            if (page.Count < IdsAtOnce) break;
            after = page[^1].UserId;
        }

        Compare(differences, room.RoomId, "state", state, ours);
        Compare(differences, room.RoomId, "members", members, joined);
        var theirs = await source.ListAsync(
            "SELECT event_id FROM event_forward_extremities WHERE room_id = $1",
            static row => row.Text(0),
            stop,
            room.RoomId);
        HashSet<string> found = [.. theirs.Where(id => !leftOut.Contains(id))];

        // A room whose extremities were all left out goes on from its last event.
        if (found.Count > 0 || theirs.Count == 0)
        {
            Compare(
                differences, room.RoomId, "forward extremities", found,
                [.. room.Header.Extremities.Select(static extremity => extremity.EventId)]);
        }

        await CompareNewestAsync(room, differences, stop);
        return differences;
    }

    private async Task CompareNewestAsync(
        RoomRow room, List<RoomDifference> differences, CancellationToken stop)
    {
        var theirs = await source.ListAsync(
            $"""
            SELECT event_id FROM events WHERE room_id = $1 AND stream_ordering > 0 AND NOT outlier
            ORDER BY stream_ordering DESC LIMIT $2
            """,
            static row => row.Text(0),
            stop,
            room.RoomId,
            1L + Math.Min(leftOut.Count, IdsAtOnce));
        var ours = await target.Events.RangeAsync(
            room.Nid, EventNid.LastOf(room.Nid), null, Direction.Backward, 1, EventMarks.Outlier, stop);
        var newest = theirs.FirstOrDefault(id => !leftOut.Contains(id));
        if (newest is not null && (ours.Count == 0 || ours[0].EventId != newest))
        {
            differences.Add(new RoomDifference(
                room.RoomId, "newest event", newest, ours.Count == 0 ? "none" : ours[0].EventId));
        }
    }
}
