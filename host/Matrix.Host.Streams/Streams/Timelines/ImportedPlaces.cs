using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Streams.Streams.Timelines;

/// <summary>
/// Finds the places that an imported server's tokens name. It orders pages by depth, and by arrival where depths are
/// equal. Here live events have the order of arrival, so that a place among them may lie a few events apart: then the
/// page repeats some rather than leave one out. History has the imported order, with the negative numbers of its
/// arrival as positions.
/// </summary>
internal sealed class ImportedPlaces(IEventsTable eventsTable, EventStore events)
{
    /// <summary>The events on either side that may come on the other one by depth.</summary>
    private const int Reach = 100;

    /// <summary>The event that the place of a token comes after.</summary>
    /// <param name="isEnd">Whether the events before the place are wanted: at the end of a page backward, none of them
    /// may be left out. Otherwise none after it.</param>
    public async ValueTask<EventNid> BehindAsync(
        RoomIdentity room, ImportedToken token, bool isEnd, CancellationToken stop)
    {
        if (token.Depth is not { } depth) return await LastAsync(room, token, isEnd, stop);
        var position = token.Events.Least;
        if (position < 0) return await InHistoryAsync(room, depth, position, stop);
        var place = await LastAsync(room, token, isEnd, stop);
        var live = EventNid.FirstLiveOf(room.Nid);
        if (isEnd)
        {
            var later = await events.RangeAsync(room, place, null, Direction.Forward, Reach, stop);
            return later.LastOrDefault(each => !IsAfter(each, depth, position))?.Nid ?? place;
        }

        var earlier = await events.RangeAsync(
            room, new EventNid(place.Value + 1), live, Direction.Backward, Reach, stop);
        return earlier.LastOrDefault(each => IsAfter(each, depth, position)) is { } first
            ? new EventNid(first.Nid.Value - 1)
            : place;
    }

    /// <summary>The last live event at a position; the end of history if there is none.</summary>
    private async ValueTask<EventNid> LastAsync(
        RoomIdentity room, ImportedToken token, bool isEnd, CancellationToken stop)
    {
        var position = isEnd ? token.Events.Greatest : token.Events.Least;
        var last = await eventsTable.LastNidAtAsync(room.Nid, position, stop);
        if (!last.IsNone) return last;

        // Forward from 0 is from the beginning of the room.
        return position == 0 && !isEnd
            ? EventNid.FirstOf(room.Nid)
            : new EventNid(EventNid.FirstLiveOf(room.Nid).Value - 1);
    }

    /// <summary>The last event of history that does not come after a depth and position.</summary>
    private async ValueTask<EventNid> InHistoryAsync(
        RoomIdentity room, long depth, long position, CancellationToken stop)
    {
        var low = EventNid.Of(room.Nid, EventNid.FirstHistoryOrdinal - 1).Value;
        var high = EventNid.FirstLiveOf(room.Nid).Value - 1;

        // Events up to `low` do not come after the place, and events after `high` do.
        while (low < high)
        {
            var middle = low + ((high - low + 1) / 2);
            var at = await events.RangeAsync(
                room, new EventNid(middle + 1), new EventNid(low + 1), Direction.Backward, 1, stop);
            if (at.Count == 0 || !IsAfter(at[0], depth, position)) low = middle;
            else high = at[0].Nid.Value - 1;
        }

        return new EventNid(low);
    }

    private static bool IsAfter(StoredEvent stored, long depth, long position) =>
        (stored.Pdu.Depth, stored.Row.Position).CompareTo((depth, position)) > 0;
}
