using Matrix.Core.Event;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Followers;

namespace Matrix.Host.Rooms.Reading;

/// <summary>A place of a timeline where events are missing.</summary>
/// <param name="Below">The event after the place that clients see, or the end of the timeline.</param>
/// <param name="Place">The event after the place, which clients may not see, such as a redaction that waits.</param>
/// <param name="Followers">Events that name missing ones in `prev_events`, the earliest first; none if the events came
/// while the timeline was read.</param>
public sealed record TimelineGap(EventNid Below, EventNid Place, IReadOnlyList<EventNid> Followers)
{
    /// <summary>Whether the events came while the timeline was read: another read has them.</summary>
    public bool IsFilled => Followers.Count == 0;
}

/// <summary>
/// Finds the places of a timeline where events are missing. Before an event whose previous events were missing, numbers
/// are free.
/// </summary>
public sealed class TimelineGaps(EventStore events, IFollowersTable followers)
{
    /// <summary>
    /// The most numbers between an event that names a missing one and the place where that belongs, and the most such
    /// events of a place. The gaps of a branch further up stay open.
    /// </summary>
    private const int Reach = 1000;

    /// <summary>The marks of events that clients were not shown when they came.</summary>
    private const EventMarks NotShownThen = EventStore.Hidden | EventMarks.Backfilled | EventMarks.ShownLate;

    /// <summary>The latest gap in a part of a timeline; null if there is none.</summary>
    /// <param name="room">The room.</param>
    /// <param name="from">The number after those of the part.</param>
    /// <param name="newestFirst">The events of the part, the newest first.</param>
    /// <param name="end">The number before those of the part; null if there are more events before these.</param>
    /// <param name="passed">An event whose gap is known; none if there is none.</param>
    /// <param name="atEnd">Whether a gap after the latest of these events counts, which only a hidden event
    /// shows.</param>
    public async ValueTask<TimelineGap?> LatestAsync(
        RoomIdentity room,
        EventNid from,
        IReadOnlyList<StoredEvent> newestFirst,
        EventNid? end,
        EventNid passed,
        bool atEnd,
        CancellationToken stop)
    {
        // Most parts have no free numbers.
        var next = newestFirst.Count > 0 ? newestFirst[0].Nid : end;
        EventNid? above = null;
        if (next is { } first && from.Value - first.Value > 1)
        {
            above = (await events.GetAsync(room, from, stop))?.Nid ?? (atEnd ? from : null);
        }

        var part = new Part(room, from, newestFirst, end, above);
        if (!part.HasHole) return null;
        var open = await followers.OpenAsync(
            part.First,
            new EventNid(Math.Min(part.Top.Value + Reach, EventNid.LastOf(part.Top.Room).Value)),
            Reach,
            stop);
        var gap = open.Count > 0 ? await LatestAsync(part, open, passed, stop) : null;
        return await FilledAsync(part, gap?.Below ?? part.First, stop) ?? gap;
    }

    /// <summary>A part of a timeline, and the event after it if free numbers lie between.</summary>
    private readonly record struct Part(
        RoomIdentity Room, EventNid From, IReadOnlyList<StoredEvent> NewestFirst, EventNid? End, EventNid? Above)
    {
        /// <summary>The latest event of the part or after it.</summary>
        public EventNid Top => Above ?? NewestFirst[0].Nid;

        /// <summary>The first number of the part.</summary>
        public EventNid First =>
            End is { } end ? new(end.Value + 1) : NewestFirst.Count > 0 ? NewestFirst[^1].Nid : Top;

        /// <summary>Whether no number is free before the first event.</summary>
        public bool IsWhole => NewestFirst.Count == 0
            || NewestFirst[^1].Pdu.Type == EventTypes.Create
            || End is not { } end
            || NewestFirst[^1].Nid.Value - end.Value <= 1;

        /// <summary>Whether numbers are free.</summary>
        public bool HasHole
        {
            get
            {
                if (Above is not null || !IsWhole) return true;
                for (var i = 1; i < NewestFirst.Count; i++)
                {
                    if (NewestFirst[i - 1].Nid.Value - NewestFirst[i].Nid.Value > 1) return true;
                }

                return false;
            }
        }

        /// <summary>The number before the free ones that follow an event; -1 is the event after the part.</summary>
        public EventNid FloorOf(int index) => index + 1 < NewestFirst.Count
            ? NewestFirst[index + 1].Nid
            : End ?? (NewestFirst.Count > 0 ? NewestFirst[^1].Nid : Top);
    }

    /// <summary>The latest gap among these followers of missing events.</summary>
    private async ValueTask<TimelineGap?> LatestAsync(
        Part part, IReadOnlyList<EventNid> open, EventNid passed, CancellationToken stop)
    {
        var newestFirst = part.NewestFirst;

        // What comes after free numbers further up follows the missing events of that place.
        var ceiling = open[^1].Value <= part.Top.Value
            ? long.MaxValue
            : await EndOfRunAsync(part.Top, open[^1], stop) + 1;
        for (var i = part.Above is null ? 0 : -1; i < newestFirst.Count; i++)
        {
            var below = i < 0 ? part.Top : newestFirst[i].Nid;
            var isHole = i + 1 < newestFirst.Count
                ? below.Value - newestFirst[i + 1].Nid.Value > 1
                : i < 0 || !part.IsWhole;
            if (!isHole) continue;

            // Events that clients do not see lie in holes, too.
            var before = ceiling;
            var floor = part.FloorOf(i).Value;
            EventNid[] ofGap =
            [
                .. open.Where(nid => nid.Value > floor && nid.Value < before && nid.Value - below.Value <= Reach),
            ];
            if (ofGap.Length > 0 && below != passed)
            {
                return new TimelineGap(below, ofGap[0].Value < below.Value ? ofGap[0] : below, ofGap);
            }

            ceiling = below.Value;
        }

        return null;
    }

    /// <summary>
    /// The latest place down to a number at which events came after the part was read and before its gaps were: that
    /// gap has no followers any more, and the part lacks these events. Null if there is none.
    /// </summary>
    private async ValueTask<TimelineGap?> FilledAsync(Part part, EventNid lowest, CancellationToken stop)
    {
        var known = part.NewestFirst.TakeWhile(each => each.Nid.Value >= lowest.Value).ToList();
        if (part.From.Value - lowest.Value <= known.Count) return null;
        var now = await events.RangeAsync(part.Room, part.From, lowest, Direction.Backward, known.Count + 1, stop);
        for (var i = 0; i < now.Count; i++)
        {
            if (i < known.Count && now[i].Nid == known[i].Nid) continue;
            var below = i > 0 ? now[i - 1].Nid : part.From;
            return new TimelineGap(below, below, []);
        }

        return null;
    }

    /// <summary>
    /// The last event up to one that clients were shown when it came. After it, hidden events may have been the first
    /// to follow missing ones: a client that has the events up to this one was not told of that gap, nor of what came
    /// there since.
    /// </summary>
    public async ValueTask<EventNid> LastShownAsync(RoomIdentity room, EventNid last, CancellationToken stop)
    {
        var at = await events.GetAsync(room, last, stop);
        if (at is null || (at.Row.Marks & NotShownThen) == 0) return last;
        var first = EventNid.FirstLiveOf(room.Nid);
        var earlier = await events.RangeAsync(room, last, first, Direction.Backward, 1, NotShownThen, stop);
        return earlier.Count > 0 ? earlier[0].Nid : new EventNid(first.Value - 1);
    }

    /// <summary>
    /// The same for both ends of a part of a timeline: after the first one, or at it, if no event of the part was
    /// shown when it came.
    /// </summary>
    public async ValueTask<(EventNid After, EventNid Through)> ShownAsync(
        RoomIdentity room, EventNid after, EventNid through, CancellationToken stop)
    {
        EventNid[] read = after.Value < EventNid.FirstLiveOf(room.Nid).Value ? [through] : [after, through];
        var ends = await events.GetManyAsync(room, read, stop);
        bool WasShown(EventNid nid) => ends.All(each => each.Nid != nid || (each.Row.Marks & NotShownThen) == 0);
        var last = through;
        if (!WasShown(through))
        {
            var found = await events.RangeAsync(
                room, through, new EventNid(after.Value + 1), Direction.Backward, 1, NotShownThen, stop);
            last = found.Count > 0 ? found[0].Nid : after;
        }

        // Nothing is read back from the first end if the part is empty.
        return (
            WasShown(after) || last == after ? after : await LastShownAsync(room, after, stop),
            last);
    }

    /// <summary>The last of the numbers after one that are used without a free one between.</summary>
    private async ValueTask<long> EndOfRunAsync(EventNid first, EventNid last, CancellationToken stop)
    {
        EventNid[] after = [.. Enumerable.Range(1, (int)(last.Value - first.Value))
            .Select(n => new EventNid(first.Value + n))];
        var used = await events.IdsAsync(after, stop);
        return after.TakeWhile(used.ContainsKey).LastOrDefault(first).Value;
    }
}
