using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Streams;

namespace Matrix.Host.Sync.V3;

/// <summary>The timeline of a room in a sync answer.</summary>
/// <param name="Events">The events, oldest first.</param>
/// <param name="Limited">Whether events that the client is to have lie before the first of these: cut off, not looked for, or not here.</param>
/// <param name="Start">The place before the first one: where paging backward begins.</param>
/// <param name="IsWhole">Whether nothing between the first of these and the end is left out.</param>
internal sealed record Timeline(IReadOnlyList<StoredEvent> Events, bool Limited, TimelineToken Start, bool IsWhole);

/// <summary>Reads timelines: the last events of a stretch that the filter lets through and the user may see.</summary>
internal sealed class TimelineReader(EventStore events, Visibility visibility, SyncOptions options)
{
    /// <summary>Reads backward from the end.</summary>
    /// <param name="room">The room.</param>
    /// <param name="after">The last event that the client has; none for the beginning of the room.</param>
    /// <param name="through">The last event that may be shown.</param>
    /// <param name="reader">How the user stands to the room at that end.</param>
    /// <param name="pass">The filter and whom the user ignores.</param>
    /// <param name="stop">Cancels reading.</param>
    public async ValueTask<Timeline> ReadAsync(
        RoomIdentity room, EventNid after, EventNid through, Viewer reader, SyncPass pass, CancellationToken stop)
    {
        var floor = after.Value >= EventNid.FirstLiveOf(room.Nid).Value ? after : new EventNid(EventNid.FirstLiveOf(room.Nid).Value - 1);
        if (through.Value <= floor.Value) return new Timeline([], false, TimelineToken.JustAfter(through), IsWhole: true);

        int limit = pass.Filter.Timeline.Limit(options.DefaultTimelineLimit, options.MaxTimelineLimit);
        if (!pass.Filter.Timeline.AdmitsRoom(room.RoomId)) return new Timeline([], false, TimelineToken.JustAfter(through), IsWhole: false);

        var kept = new List<StoredEvent>();
        var from = new EventNid(through.Value + 1);
        var start = TimelineToken.JustAfter(through);
        StoredEvent? first = null;
        bool exhausted = false;
        bool full = false;
        bool hidden = false;
        bool passedOver = false;
        for (bool again = false; !exhausted && !full && (!again || pass.Scan.MayGoOn()); again = true)
        {
            // One more than is shown tells whether there are more.
            int wanted = again ? Math.Max(limit + 1, ScanBudget.Page) : limit + 1;
            var rows = await events.RangeAsync(room, from, new EventNid(floor.Value + 1), Direction.Backward, wanted, stop).ConfigureAwait(false);
            exhausted = rows.Count < wanted;
            var seen = await visibility.FilterAsync(room, rows, reader, stop).ConfigureAwait(false);
            hidden |= seen.Count < rows.Count;
            foreach (var stored in seen)
            {
                if (!Allows(stored, pass))
                {
                    passedOver = true;
                    continue;
                }

                if (kept.Count == limit)
                {
                    full = true;
                    break;
                }

                kept.Add(stored);
                start = TimelineToken.JustBefore(stored.Nid);
            }

            if (rows.Count > 0) (first, from) = (rows[^1], rows[^1].Nid);
            if (!exhausted && !full) start = TimelineToken.JustBefore(from);
        }

        kept.Reverse();
        bool isGap = exhausted && floor.Value < EventNid.FirstLiveOf(room.Nid).Value && first is { } oldest && oldest.Pdu.Type != "m.room.create";
        return new Timeline(kept, full || !exhausted || isGap, start, IsWhole: !hidden && !passedOver);
    }

    private static bool Allows(StoredEvent stored, SyncPass pass)
    {
        // State is sent whoever sent it, so that rooms look the same to those who ignore someone.
        if ((stored.Row.Marks & EventMarks.State) == 0 && pass.Ignored.Contains(stored.Row.Sender)) return false;
        return StateSection.Admits(pass.Filter.Timeline, stored);
    }
}
