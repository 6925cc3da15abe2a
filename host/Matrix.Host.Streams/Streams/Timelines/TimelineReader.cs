using Matrix.Core.Event;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Streams.Streams.Timelines;

/// <summary>The timeline of a room in a sync response.</summary>
/// <param name="Events">The events, oldest first.</param>
/// <param name="Limited">Whether events that belong to the response precede the first of these: cut off, not scanned,
/// or missing here.</param>
/// <param name="Start">The position before the first event, where backward pagination starts.</param>
/// <param name="IsWhole">Whether nothing between the first of these and the end is left out.</param>
internal sealed record Timeline(IReadOnlyList<StoredEvent> Events, bool Limited, TimelineToken Start, bool IsWhole);

/// <summary>What a response takes of the timelines of its rooms.</summary>
/// <param name="Ignored">The users whose messages are left out.</param>
/// <param name="Scan">The time for finding events that pass the filter, in all rooms together.</param>
/// <param name="PageBytes">The bytes after which a timeline ends; the rest comes later.</param>
internal sealed record TimelineQuery(
    EventFilter Filter, IReadOnlySet<string> Ignored, ScanBudget Scan, int PageBytes)
{
    /// <summary>Whether an event is sent to a user who may see it.</summary>
    public bool Allows(StoredEvent stored)
    {
        // State events of ignored users are sent, so that rooms look the same to everyone.
        if ((stored.Row.Marks & EventMarks.State) == 0 && Ignored.Contains(stored.Row.Sender)) return false;
        return TimelineReader.Admits(Filter, stored);
    }
}

/// <summary>Reads timelines: the last events of a range that pass the filter and are visible to the user.</summary>
internal sealed class TimelineReader(
    EventStore events, TimelineGaps gaps, Visibility visibility, SyncOptions options)
{
    /// <summary>Reads backward from the end.</summary>
    /// <param name="after">The last event that the client has; none for the start of the room.</param>
    /// <param name="through">The last event that may be returned.</param>
    /// <param name="reader">The user's membership at that end.</param>
    /// <param name="isEnd">Whether nothing follows for the user.</param>
    public async ValueTask<Timeline> ReadAsync(
        RoomIdentity room,
        EventNid after,
        EventNid through,
        Viewer reader,
        TimelineQuery query,
        CancellationToken stop,
        bool isEnd = false)
    {
        var floor = new EventNid(EventNid.FirstLiveOf(room.Nid).Value - 1);
        var isIncremental = after.Value > floor.Value;
        if (isIncremental) floor = after;
        if (through.Value <= floor.Value) return Empty(through, isWhole: true);

        int limit = query.Filter.Limit(options.DefaultTimelineLimit, options.MaxTimelineLimit);
        if (!query.Filter.AdmitsRoom(room.RoomId)) return Empty(through, isWhole: false);

        // What comes late to a gap follows the next event that clients are shown when it comes.
        var shown = await gaps.ShownAsync(room, floor, through, stop);
        if (!isEnd) through = shown.Through;
        if (through.Value <= floor.Value) return Empty(shown.After, isWhole: true);

        floor = shown.After;
        var scan = new TimelineScan(query, after, through, limit);
        for (bool again = false; scan.GoesOn && (!again || query.Scan.MayGoOn()); again = true)
        {
            // One more than returned, to learn whether there are more.
            int wanted = again ? ScanBudget.Page : Math.Min(limit + 1, ScanBudget.Page);
            var rows = await events.RangeAsync(
                room, scan.From, new EventNid(floor.Value + 1), Direction.Backward, wanted, stop);
            bool isLast = rows.Count < wanted;
            var gap = await gaps.LatestAsync(
                room, scan.From, rows, isLast ? floor : null, EventNid.None, atEnd: isEnd, stop);
            var (known, below) = scan.Above(gap, rows);
            var seen = await visibility.FilterAsync(room, known, reader, stop);
            scan.Add(known, seen, below, isLast);
        }

        bool isGap = scan.IsExhausted
            && floor.Value < EventNid.FirstLiveOf(room.Nid).Value
            && scan.First is { } oldest
            && oldest.Pdu.Type != EventTypes.Create;
        var (kept, start) = (scan.Kept, scan.Start);
        bool limited = scan.IsFull || !scan.IsExhausted || isGap;
        if (isIncremental)
        {
            // A client that pages back from a limited timeline to its position finds what lies between.
            var paged = new Page(floor, limited ? EventNid.Of(room.Nid, start.Before) : floor);
            var whole = await WithEarlierRedactionsAsync(room, kept, after, limit, paged, reader, query, stop);
            if (!whole && kept.Count > 0) (limited, start) = (true, TimelineToken.JustBefore(kept[^1].Nid));
        }

        kept.Reverse();
        return new Timeline(kept, limited, start, scan.IsWhole);
    }

    /// <summary>A timeline without events.</summary>
    private static Timeline Empty(EventNid through, bool isWhole) =>
        new([], false, TimelineToken.JustAfter(through), isWhole);

    /// <summary>
    /// Adds the redactions that came before their events. Such a redaction was not shown while its event was missing,
    /// and its place is before what the client has: it follows its event instead. v1.19 rooms/v3#handling-redactions
    /// </summary>
    /// <param name="room">The room.</param>
    /// <param name="kept">The events, the newest first. The oldest ones give way to redactions.</param>
    /// <param name="after">The last event before the client's position.</param>
    /// <param name="limit">The most events and redactions.</param>
    /// <param name="paged">What the client finds when it pages back from the timeline.</param>
    /// <param name="reader">The reader.</param>
    /// <param name="query">What the response takes.</param>
    /// <returns>Whether nothing had to be left out.</returns>
    private async ValueTask<bool> WithEarlierRedactionsAsync(
        RoomIdentity room,
        List<StoredEvent> kept,
        EventNid after,
        int limit,
        Page paged,
        Viewer reader,
        TimelineQuery query,
        CancellationToken stop)
    {
        List<EventNid>? earlier = null;
        foreach (var stored in kept)
        {
            var by = stored.Row.RedactedBy;
            if (!by.IsNone && by.Value <= after.Value && !paged.Has(by)) (earlier ??= []).Add(by);
        }

        if (earlier is null) return true;
        var found = await events.GetManyAsync(room, earlier, stop);

        // One that redacted its event as a part of a fetched state was shown when it came.
        var late = found.Where(each => each.IsShown && TimelineScan.FollowsItsEvent(each, after)).ToList();
        var seen = (await visibility.FilterAsync(room, late, reader, stop))
            .Where(query.Allows)
            .ToDictionary(each => each.Nid);
        StoredEvent[] newestFirst = [.. kept];
        kept.Clear();
        foreach (var stored in newestFirst)
        {
            var both = seen.Remove(stored.Row.RedactedBy, out var redaction) ? 2 : 1;
            if (kept.Count + both <= limit)
            {
                if (redaction is not null) kept.Add(redaction);
                kept.Add(stored);
                continue;
            }

            // An event has its redaction in `redacted_because` too. A timeline of one event has no place for both.
            if (kept.Count == 0) kept.Add(stored);

            // The page begins before the oldest of these now, and has all from before the client's position.
            var longer = paged with { Through = after };
            kept.RemoveAll(each => longer.Has(each.Nid));
            return false;
        }

        return true;
    }

    /// <summary>The events after one, through another.</summary>
    private readonly record struct Page(EventNid After, EventNid Through)
    {
        public bool Has(EventNid nid) => nid.Value > After.Value && nid.Value <= Through.Value;
    }

    /// <summary>Whether a filter admits an event; the filter's rooms are checked elsewhere.</summary>
    public static bool Admits(EventFilter filter, StoredEvent stored) =>
        filter.AdmitsAll
        || filter.Admits(
            stored.Pdu.Type, stored.Row.Sender, filter.LooksAtUrl && EventFilter.HasUrl(stored.Pdu.Content));
}
