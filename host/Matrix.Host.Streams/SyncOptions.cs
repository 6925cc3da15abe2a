namespace Matrix.Host.Streams;

/// <summary>The bounds of sync.</summary>
public sealed record SyncOptions
{
    /// <summary>The most (user, room) pairs in memory for users who sync; about 150 bytes each.</summary>
    public int MaxRoomSubscriptions { get; init; } = 500_000;

    /// <summary>A user who has not synced for this long is evicted; the next sync reads the database.</summary>
    public TimeSpan IdleAfter { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>The longest long-poll, whatever timeout the client requests.</summary>
    public TimeSpan LongestPoll { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often a long-poll checks for news while memory has no space for its user.</summary>
    public TimeSpan PollWhenFull { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The most requests that wait for events of one room each, for users who look into it.</summary>
    public int MaxRoomWatches { get; init; } = 10_000;

    /// <summary>The most such requests of one user.</summary>
    public int MaxRoomWatchesOfUser { get; init; } = 32;

    /// <summary>Events of a room's timeline, if the filter does not say.</summary>
    public int DefaultTimelineLimit { get; init; } = 20;

    /// <summary>The most events of a room's timeline, whatever the filter says.</summary>
    public int MaxTimelineLimit { get; init; } = 200;

    /// <summary>The most to-device messages in one response. Client-Server API, "Send-to-Device messaging".</summary>
    public int MaxToDevice { get; init; } = 100;

    /// <summary>
    /// The most receipts of other users in threads of a room, in one response. Those of the main timeline always come.
    /// </summary>
    public int MaxReceipts { get; init; } = 1000;

    /// <summary>The most rooms with typing users.</summary>
    public int MaxTypingRooms { get; init; } = 10_000;

    /// <summary>The most typing users of one room; more are not shown.</summary>
    public int MaxTypingUsers { get; init; } = 100;

    /// <summary>Bytes of cached unread counts.</summary>
    public long UnreadCacheBytes { get; init; } = 16L * 1024 * 1024;

    /// <summary>Bytes of cached heroes, the members after whom unnamed rooms are named.</summary>
    public long HeroCacheBytes { get; init; } = 2L * 1024 * 1024;

    /// <summary>The most connections of sliding sync of a device; one more ends the one used longest ago.</summary>
    public int MaxSlidingConnections { get; init; } = 16;

    /// <summary>The most lists in one request of sliding sync. MSC4186, "Request Body".</summary>
    public int MaxSlidingLists { get; init; } = 100;

    /// <summary>The most subscriptions in one request of sliding sync.</summary>
    public int MaxSlidingSubscriptions { get; init; } = 100;

    /// <summary>The most rooms in one response of sliding sync; the next response has more.</summary>
    public int MaxSlidingRooms { get; init; } = 500;

    /// <summary>The most subscriptions to threads in one response; the client asks for the others.</summary>
    public int MaxSlidingThreads { get; init; } = 500;

    /// <summary>
    /// The bytes of rooms in one response of sliding sync after which the next response has the others.
    /// </summary>
    public long SlidingBytes { get; init; } = 8L * 1024 * 1024;

    /// <summary>
    /// How long a request of sliding sync still waits that another request of its connection ended: two clients that
    /// use one connection would end each other's requests without a pause.
    /// </summary>
    public TimeSpan SlidingPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long an unused connection of sliding sync is kept in the database.</summary>
    public TimeSpan SlidingKept { get; init; } = TimeSpan.FromDays(14);

    /// <summary>Bytes of the connections of sliding sync in memory; others are in the database.</summary>
    public long SlidingConnectionBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>Bytes of the rooms, in order, of users who use sliding sync.</summary>
    public long SlidingRoomsBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>The longest that a typing notification lasts.</summary>
    public TimeSpan LongestTyping { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// How long a typing notification of another server lasts unless it is repeated. It has no timeout of its own, and
    /// the one that ends it may be lost. Servers repeat it after up to 40 seconds.
    /// </summary>
    public TimeSpan RemoteTyping { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How often other servers get the notification of a user who goes on typing.</summary>
    public TimeSpan TypingRepeat { get; init; } = TimeSpan.FromSeconds(20);
}
