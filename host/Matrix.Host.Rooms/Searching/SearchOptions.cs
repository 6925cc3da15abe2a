using Matrix.Host.Parts;

namespace Matrix.Host.Rooms.Searching;

/// <summary>The limits of searches for messages, and of their index.</summary>
public sealed record SearchOptions
{
    [Setting(
        "search.index_delay",
        "How long events are gathered before they are indexed together. A search does not wait for that.",
        Form = SettingForm.Timer)]
    public TimeSpan IndexDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    [Setting(
        "search.index_wait",
        "How long a search waits for events that are not indexed yet.",
        Form = SettingForm.Timer)]
    public TimeSpan IndexWait { get; init; } = TimeSpan.FromSeconds(1);

    [Setting(
        "search.index_percent",
        "How much of the time, in percent, indexing takes while messages are sent. A search that waits for the "
            + "index ends its pause.",
        Least = 1, Most = 100)]
    public int IndexPercent { get; init; } = 8;

    [Setting(
        "search.index_behind",
        "How long the index may be behind the messages. From then on indexing takes half of the time.",
        Form = SettingForm.Timer)]
    public TimeSpan IndexBehind { get; init; } = TimeSpan.FromMinutes(1);

    [Setting("search.indexed_at_once", "Events that are indexed in one transaction.", Least = 1, Most = 10_000)]
    public int IndexedAtOnce { get; init; } = 500;

    [Setting(
        "search.merge_after",
        "How long no message came, before the parts of SQLite's index are merged, which makes searches faster.",
        Form = SettingForm.Timer)]
    public TimeSpan MergeAfter { get; init; } = TimeSpan.FromSeconds(2);

    [Setting("search.merged_pages", "Pages of 4 KB that are merged in one transaction.", Least = 1, Most = 10_000)]
    public int MergedPages { get; init; } = 64;

    [Setting(
        "search.words_of_event",
        "Different words of one event that are indexed; further ones are not found.",
        Least = 1, Most = 50_000)]
    public int WordsOfEvent { get; init; } = 1000;

    [Setting("search.words", "Words that one search looks for; further ones are ignored.", Least = 1, Most = 1000)]
    public int WordsOfSearch { get; init; } = 20;

    [Setting("search.page", "The most hits in one response.", Least = 1, Most = 1000)]
    public int PageHits { get; init; } = 100;

    [Setting("search.context", "The most events before a hit, and after it, that are returned with it.", Most = 1000)]
    public int ContextEvents { get; init; } = 50;

    [Setting(
        "search.state",
        "The most events of all rooms' state in one response. Of further rooms it has only the members who sent "
            + "its events.",
        Most = 1_000_000)]
    public int StateEvents { get; init; } = 20_000;

    [Setting(
        "search.rare_hits",
        "A word with at most so many hits in all rooms of the server is looked up at once, others room by room, "
            + "the newest first.",
        Least = 1, Most = 100_000)]
    public int RareHits { get; init; } = 2000;

    [Setting(
        "search.frequent_cache",
        "Memory for the searches of which it is known that they have more hits than search.rare_hits.",
        Least = 16 << 10, Most = 1L << 30)]
    public long FrequentBytes { get; init; } = 1 << 20;

    [Setting(
        "search.ranked_hits",
        "The newest hits that are compared for their rank, shared evenly among the searched rooms.",
        Least = 1, Most = 1_000_000)]
    public int RankedHits { get; init; } = 10_000;

    [Setting(
        "search.rooms",
        "Rooms of a user that are searched room by room: those joined last.",
        Least = 1, Most = 100_000)]
    public int SearchedRooms { get; init; } = 2000;
}
