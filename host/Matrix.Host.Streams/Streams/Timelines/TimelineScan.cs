using Matrix.Core.Sync;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Streams.Streams.Timelines;

/// <summary>
/// Collects the events of a timeline backward from its end, until a place at which the response ends. It is a struct,
/// because every room of a response has one.
/// </summary>
/// <param name="after">The last event that the client has; none for the start of the room.</param>
/// <param name="through">The last event that may be returned.</param>
/// <param name="limit">The most events.</param>
internal struct TimelineScan(TimelineQuery query, EventNid after, EventNid through, int limit)
{
    private long _bytes;

    /// <summary>The events to return, the newest first.</summary>
    public List<StoredEvent> Kept { get; } = [];

    /// <summary>The number after the events that are read next.</summary>
    public EventNid From { get; private set; } = new(through.Value + 1);

    /// <summary>The position before the first event to return.</summary>
    public TimelineToken Start { get; private set; } = TimelineToken.JustAfter(through);

    /// <summary>The earliest event that was looked at.</summary>
    public StoredEvent? First { get; private set; }

    /// <summary>Whether no event was left out so far.</summary>
    public bool IsWhole { get; private set; } = true;

    /// <summary>Whether the response ends before the next event.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Whether all events of the range were looked at.</summary>
    public bool IsExhausted { get; private set; }

    public readonly bool GoesOn => !IsExhausted && !IsFull;

    /// <summary>
    /// The latest of these events, and the first place at which the response has to end; no place if these are all.
    /// </summary>
    public readonly (IReadOnlyList<StoredEvent> Known, EventNid? Below) Above(
        TimelineGap? gap, IReadOnlyList<StoredEvent> rows)
    {
        // The client pages backward into a gap. What is before it is not returned here.
        var below = gap?.Below;
        if (gap is not null)
        {
            var first = gap.Below;
            rows = [.. rows.TakeWhile(stored => stored.Nid.Value >= first.Value)];
        }

        // What came to a gap is not new, and its state is not the current one.
        if (rows.Any(IsHistory))
        {
            rows = [.. rows.TakeWhile(static stored => !IsHistory(stored))];
            below = rows.Count > 0 ? rows[^1].Nid : From;
        }

        // A redaction that its event does not bring along is found where the event is.
        while (below is not null && rows.Count > 0 && FollowsItsEvent(rows[^1], after))
        {
            rows = [.. rows.SkipLast(1)];
            below = rows.Count > 0 ? rows[^1].Nid : From;
        }

        return (rows, below);
    }

    /// <summary>Adds the next events.</summary>
    /// <param name="known">The events.</param>
    /// <param name="seen">Those that are visible to the user.</param>
    /// <param name="below">The place at which the response has to end; null if it may go on.</param>
    /// <param name="isLast">Whether the range has no more.</param>
    public void Add(
        IReadOnlyList<StoredEvent> known, IReadOnlyList<StoredEvent> seen, EventNid? below, bool isLast)
    {
        IsExhausted = isLast;
        IsWhole &= seen.Count == known.Count;
        foreach (var stored in seen)
        {
            if (FollowsItsEvent(stored, after)) continue;
            if (!query.Allows(stored))
            {
                IsWhole = false;
                continue;
            }

            if (Kept.Count == limit || _bytes >= query.PageBytes)
            {
                IsFull = true;
                break;
            }

            Kept.Add(stored);
            _bytes += stored.Row.Json.Length;
            Start = TimelineToken.JustBefore(stored.Nid);
        }

        if (known.Count > 0) (First, From) = (known[^1], known[^1].Nid);
        if (below is { } place && !IsFull) (IsFull, Start) = (true, TimelineToken.JustBefore(place));
        if (GoesOn) Start = TimelineToken.JustBefore(From);
    }

    /// <summary>Whether it is a redaction from before the client's position that waited for its event.</summary>
    public static bool FollowsItsEvent(StoredEvent stored, EventNid after) =>
        stored.Nid.Value <= after.Value && (stored.Row.Marks & EventMarks.ShownLate) != 0;

    private static bool IsHistory(StoredEvent stored) => (stored.Row.Marks & EventMarks.Backfilled) != 0;
}
