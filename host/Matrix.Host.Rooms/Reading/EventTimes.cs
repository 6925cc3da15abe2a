using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Reading;

/// <summary>
/// Finds the event of a timeline that is closest to a time. Client-Server API and Server-Server API,
/// `timestamp_to_event`.
/// </summary>
/// <remarks>
/// The times of a timeline rise, but for events whose server has a wrong clock or that came late. A binary search finds
/// the place, and the events around it are compared one by one.
/// </remarks>
public sealed class EventTimes(EventStore events, RoomsOptions options)
{
    /// <summary>
    /// The events at or after a time, or at or before it, the closest first, as far as they are near the place.
    /// </summary>
    public async ValueTask<IReadOnlyList<StoredEvent>> NearAsync(
        RoomIdentity room, EventNid through, long timestamp, bool forwards, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(room);
        var low = EventNid.Of(room.Nid, EventNid.FirstHistoryOrdinal - 1).Value;
        var high = through.Value;

        // Events up to `low` are before the time, and events after `high` are not.
        while (low < high)
        {
            var middle = low + ((high - low + 1) / 2);
            var at = await events.RangeAsync(
                room, new EventNid(middle + 1), new EventNid(low + 1), Direction.Backward, 1, stop)
                .ConfigureAwait(false);
            if (at.Count == 0) low = middle;
            else if (at[0].OriginServerTs < timestamp) low = middle;
            else high = at[0].Nid.Value - 1;
        }

        var near = new List<StoredEvent>();
        var half = options.MaxEventsNearTime / 2;
        near.AddRange(await events.RangeAsync(
            room, new EventNid(low + 1), null, Direction.Backward, half, stop).ConfigureAwait(false));
        near.AddRange(await events.RangeAsync(
            room, new EventNid(low), through, Direction.Forward, half, stop).ConfigureAwait(false));
        var admitted = near.Where(stored => forwards
            ? stored.OriginServerTs >= timestamp
            : stored.OriginServerTs <= timestamp);
        return forwards
            ? [.. admitted.OrderBy(stored => stored.OriginServerTs).ThenBy(stored => stored.Nid)]
            : [.. admitted.OrderByDescending(stored => stored.OriginServerTs).ThenByDescending(each => each.Nid)];
    }
}
