namespace Matrix.Host.Rooms.Searching;

/// <summary>The limits of searches for messages, and of their index.</summary>
public sealed record SearchOptions
{
    /// <summary>How long events are gathered before they are indexed together.</summary>
    public TimeSpan IndexDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a search waits for events that are not indexed yet.</summary>
    public TimeSpan IndexWait { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How much of the time, in percent, the index takes while others write.</summary>
    public int IndexPercent { get; init; } = 8;

    /// <summary>How long the index may be behind. From then on it takes half of the time.</summary>
    public TimeSpan IndexBehind { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The most events that are indexed at once.</summary>
    public int IndexedAtOnce { get; init; } = 500;

    /// <summary>How long no message came, before the segments of SQLite's index are merged.</summary>
    public TimeSpan MergeAfter { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The pages, of 4 KB, that are merged at once.</summary>
    public int MergedPages { get; init; } = 64;

    /// <summary>The most different words of an event that are indexed.</summary>
    public int WordsOfEvent { get; init; } = 1000;

    /// <summary>The most words that a search looks for; further ones are ignored.</summary>
    public int WordsOfSearch { get; init; } = 20;

    /// <summary>The most hits in a page.</summary>
    public int PageHits { get; init; } = 100;

    /// <summary>The most events before a hit, and after it, that are returned with it.</summary>
    public int ContextEvents { get; init; } = 50;

    /// <summary>
    /// The most events of all rooms' state in a response. Of further rooms it has only the members whose events it has.
    /// </summary>
    public int StateEvents { get; init; } = 20_000;

    /// <summary>
    /// The most hits that are read of all rooms of the server. A word with more of them is searched room by room, the
    /// newest hits first.
    /// </summary>
    public int RareHits { get; init; } = 2000;

    /// <summary>Bytes of the memory for searches whose words many events have.</summary>
    public long FrequentBytes { get; init; } = 1 << 20;

    /// <summary>
    /// The most hits that are compared for their rank: the newest, shared evenly among the searched rooms.
    /// </summary>
    public int RankedHits { get; init; } = 10_000;

    /// <summary>The most rooms that are searched room by room; those joined last are preferred.</summary>
    public int SearchedRooms { get; init; } = 2000;
}
