namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of searches for messages and users.</summary>
    private static ConfigKey[] SearchKeys() =>
    [
        Key(
            "search.index_delay", ConfigTypes.TimerDuration, c => c.Search.IndexDelay,
            "How long events are gathered before they are indexed together. A search does not wait for that."),
        Key(
            "search.index_wait", ConfigTypes.TimerDuration, c => c.Search.IndexWait,
            "How long a search waits for events that are not indexed yet."),
        Key(
            "search.index_percent", ConfigTypes.Whole(1, 100), c => c.Search.IndexPercent,
            "How much of the time, in percent, indexing takes while messages are sent. A search that waits for the "
                + "index ends its pause."),
        Key(
            "search.index_behind", ConfigTypes.TimerDuration, c => c.Search.IndexBehind,
            "How long the index may be behind the messages. From then on indexing takes half of the time."),
        Key(
            "search.indexed_at_once", ConfigTypes.Whole(1, 10_000), c => c.Search.IndexedAtOnce,
            "Events that are indexed in one transaction."),
        Key(
            "search.merge_after", ConfigTypes.TimerDuration, c => c.Search.MergeAfter,
            "How long no message came, before the parts of SQLite's index are merged, which makes searches faster."),
        Key(
            "search.merged_pages", ConfigTypes.Whole(1, 10_000), c => c.Search.MergedPages,
            "Pages of 4 KB that are merged in one transaction."),
        Key(
            "search.words_of_event", ConfigTypes.Whole(1, 50_000), c => c.Search.WordsOfEvent,
            "Different words of one event that are indexed; further ones are not found."),
        Key(
            "search.words", ConfigTypes.Whole(1, 1000), c => c.Search.WordsOfSearch,
            "Words that one search looks for; further ones are ignored."),
        Key(
            "search.page", ConfigTypes.Whole(1, 1000), c => c.Search.PageHits,
            "The most hits in one response."),
        Key(
            "search.context", ConfigTypes.Whole(0, 1000), c => c.Search.ContextEvents,
            "The most events before a hit, and after it, that are returned with it."),
        Key(
            "search.state", ConfigTypes.Whole(0, 1_000_000), c => c.Search.StateEvents,
            "The most events of all rooms' state in one response. Of further rooms it has only the members who sent "
                + "its events."),
        Key(
            "search.rare_hits", ConfigTypes.Whole(1, 100_000), c => c.Search.RareHits,
            "A word with at most so many hits in all rooms of the server is looked up at once, others room by room, "
                + "the newest first."),
        Key(
            "search.frequent_cache", ConfigTypes.Bytes(16 << 10, 1L << 30), c => c.Search.FrequentBytes,
            "Memory for the searches of which it is known that they have more hits than search.rare_hits."),
        Key(
            "search.ranked_hits", ConfigTypes.Whole(1, 1_000_000), c => c.Search.RankedHits,
            "The newest hits that are compared for their rank, shared evenly among the searched rooms."),
        Key(
            "search.rooms", ConfigTypes.Whole(1, 100_000), c => c.Search.SearchedRooms,
            "Rooms of a user that are searched room by room: those joined last."),
        Key(
            "user_directory.all_local_users", ConfigTypes.Flag, c => c.UserDirectory.AllLocalUsers,
            "Whether everyone finds all users of this server. Otherwise a search finds users in public and "
                + "world-readable rooms, and those who share a room with the searching user."),
        Key(
            "user_directory.index_delay", ConfigTypes.TimerDuration, c => c.UserDirectory.IndexDelay,
            "How long changes are gathered before the users' entries are made again. A search does not wait for that."),
        Key(
            "user_directory.index_wait", ConfigTypes.TimerDuration, c => c.UserDirectory.IndexWait,
            "How long a search waits for changes that the directory does not have yet."),
        Key(
            "user_directory.entries_at_once", ConfigTypes.Whole(1, 10_000), c => c.UserDirectory.EntriesAtOnce,
            "Entries that are made in one transaction."),
        Key(
            "user_directory.words", ConfigTypes.Whole(1, 1000), c => c.UserDirectory.WordsOfUser,
            "Words of a user's name and id by which the user is found."),
        Key(
            "user_directory.rooms", ConfigTypes.Whole(1, 100_000), c => c.UserDirectory.RoomsOfUser,
            "Rooms of a user that are looked at for a public one: those joined last."),
        Key(
            "user_directory.results", ConfigTypes.Whole(1, 10_000), c => c.UserDirectory.Results,
            "The most users in one response."),
        Key(
            "user_directory.ranked", ConfigTypes.Whole(1, 100_000), c => c.UserDirectory.RankedUsers,
            "Matches that are compared for their rank."),
        Key(
            "user_directory.checked", ConfigTypes.Whole(1, 100_000), c => c.UserDirectory.CheckedUsers,
            "Matches in no public room whose rooms are looked up one by one. If there are more, the members of the "
                + "searching user's rooms are read."),
    ];
}
