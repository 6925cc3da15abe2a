using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Search;

/// <summary>The words of a search, and bounds of its hits.</summary>
/// <param name="Words">
/// The words, with spaces between them; `*` after a word for words that begin with it. A hit has all of them.
/// </param>
/// <param name="Kinds">The searched keys, a bit for each.</param>
/// <param name="ThroughTs">The latest time of a hit.</param>
public sealed record SearchWordsQuery(string Words, int Kinds, long ThroughTs = long.MaxValue)
{
    /// <summary>
    /// Hits of the latest time come before this event by their numbers. Only <see cref="SearchTable.NewestAsync"/>
    /// heeds it.
    /// </summary>
    public EventNid Before { get; init; } = new(long.MaxValue);
}

/// <summary>An event that has all words of a search.</summary>
/// <param name="Text">The event whose text it is: the latest edit, or the event itself.</param>
/// <param name="Ts">
/// Its time: the `origin_server_ts`, within the times of the hits before and after it in the room. So the newest hits
/// of a room by their numbers are its newest ones by time, whatever its senders wrote.
/// </param>
/// <param name="Words">The number of its different words.</param>
public readonly record struct SearchRow(EventNid Event, EventNid Text, long Ts, int Words);

/// <summary>Events that are to be indexed, by their numbers.</summary>
/// <param name="Position">The position that put the range here.</param>
public readonly record struct PendingRange(EventNid First, EventNid Last, long Position);

/// <summary>
/// An event is indexed with these words, in place of earlier ones. Not if the event, or the one whose text it is, is
/// deleted or redacted; if only the latter is, the event is to be indexed again.
/// </summary>
/// <param name="Text">The event whose text it is: the latest edit, or the event itself.</param>
/// <param name="Ts">Its `origin_server_ts`, at most the present time.</param>
/// <param name="Kind">The searched key.</param>
/// <param name="Count">The number of words.</param>
/// <param name="Words">The words, with spaces between them.</param>
public sealed record EventIndexed(EventNid Event, EventNid Text, long Ts, int Kind, int Count, string Words) : Change
{
    /// <summary>
    /// Whether the event comes to the index for the first time, with its own text: there are no earlier words. If there
    /// are, they stay.
    /// </summary>
    public bool IsNew { get; init; }

    internal override int Weight => 200 + (3 * Words.Length);
}

/// <summary>
/// The segments of SQLite's index are merged by so many pages. Repeated, this leaves one segment. PostgreSQL does
/// nothing.
/// </summary>
public sealed record SegmentsMerged(int Pages) : Change;

/// <summary>An event has no words any more.</summary>
public sealed record EventUnindexed(EventNid Event) : Change;

/// <summary>A pending range is indexed up to an event. It stays as it is if it was put there again since.</summary>
/// <param name="Next">The first event that is not indexed; none if all are.</param>
public sealed record RangeIndexed(PendingRange Range, EventNid Next) : Change;

/// <summary>
/// The pending ranges of each room become one, from the first to the last event of all. Only an import makes so many
/// ranges that this is worth it.
/// </summary>
public sealed record PendingRangesJoined : Change;
