using Matrix.Host.Parts;

namespace Matrix.Host.Streams;

/// <summary>The bounds of sync.</summary>
public sealed record SyncOptions
{
    [Setting(
        "sync.idle_after",
        "A user who has not synced for this long is no longer followed in memory; the next sync reads more from "
            + "the database.")]
    public TimeSpan IdleAfter { get; init; } = TimeSpan.FromMinutes(15);

    [Setting("sync.longest_poll", "The longest long-poll, whatever timeout the client requests.")]
    public TimeSpan LongestPoll { get; init; } = TimeSpan.FromMinutes(5);

    [Setting("sync.poll_when_full", "How often a long-poll checks for news while memory has no space for its user.")]
    public TimeSpan PollWhenFull { get; init; } = TimeSpan.FromSeconds(2);

    [Setting(
        "sync.followed_rooms",
        "Pairs of user and room that are followed in memory; about 150 bytes each.",
        Least = 16)]
    public int MaxRoomSubscriptions { get; init; } = 500_000;

    [Setting(
        "sync.room_watches",
        "Requests that wait for events of one room each, for users who look into it; further ones get 429.",
        Least = 1)]
    public int MaxRoomWatches { get; init; } = 10_000;

    [Setting("sync.room_watches_of_user", "Such requests of one user.", Least = 1)]
    public int MaxRoomWatchesOfUser { get; init; } = 32;

    [Setting(
        "sync.timeline",
        "Events of a room in one response, if the client's filter has no limit.",
        Least = 1, Most = 1000)]
    public int DefaultTimelineLimit { get; init; } = 20;

    [Setting("sync.longest_timeline", "The most events of a room in one response.", Least = 1, Most = 1000)]
    public int MaxTimelineLimit { get; init; } = 200;

    [Setting(
        "sync.to_device",
        "The most messages to a device in one response; the next response has more.",
        Least = 1, Most = 10_000)]
    public int MaxToDevice { get; init; } = 100;

    [Setting(
        "sync.receipts",
        "The most receipts of other users in threads of a room, in one response, the newest of each user first. "
            + "Receipts of the main timeline always come.",
        Least = 1, Most = 100_000)]
    public int MaxReceipts { get; init; } = 1000;

    [Setting(
        "sync.sliding_connections",
        "Connections of sliding sync of one device; one more ends the one used longest ago.",
        Least = 1, Most = 1000)]
    public int MaxSlidingConnections { get; init; } = 16;

    [Setting("sync.sliding_lists", "Lists in one request of sliding sync.", Least = 1, Most = 1000)]
    public int MaxSlidingLists { get; init; } = 100;

    [Setting(
        "sync.sliding_subscriptions",
        "Room subscriptions in one request of sliding sync.",
        Least = 1, Most = 10_000)]
    public int MaxSlidingSubscriptions { get; init; } = 100;

    [Setting(
        "sync.sliding_rooms",
        "Rooms in one response of sliding sync; the next response has more.",
        Least = 1, Most = 100_000)]
    public int MaxSlidingRooms { get; init; } = 500;

    [Setting(
        "sync.sliding_threads",
        "Subscriptions to threads in one response, of sliding sync and of its companion endpoint.",
        Least = 1, Most = 10_000)]
    public int MaxSlidingThreads { get; init; } = 500;

    [Setting(
        "sync.sliding_bytes",
        "Bytes of rooms in one response of sliding sync, beyond which only the room at hand is completed; the "
            + "next response has more.",
        Least = 1 << 10, Most = 1L << 30)]
    public long SlidingBytes { get; init; } = 8L * 1024 * 1024;

    [Setting(
        "sync.sliding_pause",
        "How long a request of sliding sync still waits that another request of its connection ended.",
        Form = SettingForm.Timer)]
    public TimeSpan SlidingPause { get; init; } = TimeSpan.FromSeconds(1);

    [Setting(
        "sync.sliding_kept",
        "How long an unused connection of sliding sync is kept in the database. Then its client starts anew.")]
    public TimeSpan SlidingKept { get; init; } = TimeSpan.FromDays(14);

    [Setting("sync.typing_rooms", "Rooms with typing users; in further rooms nobody is shown typing.", Least = 1)]
    public int MaxTypingRooms { get; init; } = 10_000;

    [Setting("sync.typing_users", "Typing users shown in one room.", Least = 1, Most = 10_000)]
    public int MaxTypingUsers { get; init; } = 100;

    [Setting("sync.longest_typing", "The longest that a typing notification lasts.")]
    public TimeSpan LongestTyping { get; init; } = TimeSpan.FromMinutes(2);

    [Setting("sync.remote_typing", "How long a typing notification of another server lasts unless it is repeated.")]
    public TimeSpan RemoteTyping { get; init; } = TimeSpan.FromSeconds(60);

    [Setting("sync.typing_repeat", "How often other servers get the notification of a user who goes on typing.")]
    public TimeSpan TypingRepeat { get; init; } = TimeSpan.FromSeconds(20);

    [Setting("cache.unread_counts", "Unread counts.", Least = 64 << 10, Most = 16L << 30)]
    public long UnreadCacheBytes { get; init; } = 16L * 1024 * 1024;

    [Setting(
        "cache.sliding_connections",
        "Connections of sliding sync; others are in the database.",
        Least = 64 << 10, Most = 16L << 30)]
    public long SlidingConnectionBytes { get; init; } = 64L * 1024 * 1024;

    [Setting(
        "cache.sliding_rooms",
        "Rooms in order, for the lists of sliding sync.",
        Least = 64 << 10, Most = 16L << 30)]
    public long SlidingRoomsBytes { get; init; } = 64L * 1024 * 1024;

    [Setting(
        "cache.heroes",
        "Heroes: the members after whom unnamed rooms are named. As much again for the stamps of sliding sync.",
        Least = 64 << 10, Most = 1L << 30)]
    public long HeroCacheBytes { get; init; } = 2L * 1024 * 1024;
}
