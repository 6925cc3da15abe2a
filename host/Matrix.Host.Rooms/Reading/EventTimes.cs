using System.Runtime.CompilerServices;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Reading;

/// <summary>
/// Finds the event of a timeline that is closest to a time.
/// v1.19 client-server-api#get_matrixclientv1roomsroomidtimestamp_to_event
/// </summary>
/// <remarks>
/// The times of a timeline rise, but for events whose server has a wrong clock or that came late. A binary search finds
/// the place, and the events around it are compared one by one.
/// </remarks>
public sealed class EventTimes(
    EventStore events, TimelineGaps gaps, RoomsOptions options, ReadingOptions reading, TimeProvider time)
{
    /// <summary>
    /// The events at or after a time, or at or before it: first those near the place, the closest first, then others
    /// page by page, for a bounded time.
    /// </summary>
    public async IAsyncEnumerable<IReadOnlyList<StoredEvent>> FromAsync(
        RoomIdentity room,
        EventNid through,
        long timestamp,
        bool forwards,
        [EnumeratorCancellation] CancellationToken stop)
    {
        var place = await PlaceAsync(room, through, timestamp, stop);
        var half = options.MaxEventsNearTime / 2;
        var before = await events.RangeAsync(room, new EventNid(place.Value + 1), null, Direction.Backward, half, stop);
        var after = await events.RangeAsync(room, place, through, Direction.Forward, half, stop);
        yield return Admitted(before.Concat(after));

        var last = forwards ? after : before;
        var scan = new ScanBudget(time, reading.LongestScan);
        for (var wanted = half; last.Count == wanted && scan.MayGoOn(); wanted = ScanBudget.Page)
        {
            last = await events.RangeAsync(
                room,
                last[^1].Nid,
                forwards ? through : null,
                forwards ? Direction.Forward : Direction.Backward,
                ScanBudget.Page,
                stop);
            yield return Admitted(last);
        }

        IReadOnlyList<StoredEvent> Admitted(IEnumerable<StoredEvent> read) => forwards
            ? [.. read.Where(each => each.OriginServerTs >= timestamp)
                .OrderBy(each => each.OriginServerTs).ThenBy(each => each.Nid)]
            : [.. read.Where(each => each.OriginServerTs <= timestamp)
                .OrderByDescending(each => each.OriginServerTs).ThenByDescending(each => each.Nid)];
    }

    /// <summary>The gap of the timeline in which events of a time may be missing; null if there is none.</summary>
    public async ValueTask<TimelineGap?> GapAsync(
        RoomIdentity room, EventNid through, long timestamp, CancellationToken stop)
    {
        var place = await PlaceAsync(room, through, timestamp, stop);
        var after = await events.RangeAsync(room, place, through, Direction.Forward, 1, stop);
        if (after.Count == 0) return null;
        var before = await events.RangeAsync(room, new EventNid(place.Value + 1), null, Direction.Backward, 1, stop);
        return await gaps.LatestAsync(
            room,
            new EventNid(after[0].Nid.Value + 1),
            [.. after, .. before],
            before.Count == 0 ? EventNid.FirstOf(room.Nid) : null,
            EventNid.None,
            atEnd: false,
            stop);
    }

    /// <summary>The number up to which events are before the time.</summary>
    private async ValueTask<EventNid> PlaceAsync(
        RoomIdentity room, EventNid through, long timestamp, CancellationToken stop)
    {
        var low = EventNid.Of(room.Nid, EventNid.FirstHistoryOrdinal - 1).Value;
        var high = through.Value;

        // Events up to `low` are before the time, and events after `high` are not.
        while (low < high)
        {
            var middle = low + ((high - low + 1) / 2);
            var at = await events.RangeAsync(
                room, new EventNid(middle + 1), new EventNid(low + 1), Direction.Backward, 1, stop);
            if (at.Count == 0) low = middle;
            else if (at[0].OriginServerTs < timestamp) low = middle;
            else high = at[0].Nid.Value - 1;
        }

        return new EventNid(low);
    }
}
