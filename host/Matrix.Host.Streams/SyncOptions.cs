namespace Matrix.Host.Streams;

/// <summary>The bounds of sync.</summary>
public sealed record SyncOptions
{
    /// <summary>How many (user, room) pairs are kept in memory for users who sync; about 150 bytes each.</summary>
    public int MaxRoomSubscriptions { get; init; } = 500_000;

    /// <summary>A user who has not synced for so long is forgotten; the next sync asks the database.</summary>
    public TimeSpan IdleAfter { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>The longest that a long-poll waits, whatever the client asks for.</summary>
    public TimeSpan LongestPoll { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often a long-poll looks while there is no room in memory for its user.</summary>
    public TimeSpan PollWhenFull { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Events in a room's timeline if the filter does not say.</summary>
    public int DefaultTimelineLimit { get; init; } = 20;

    /// <summary>Events in a room's timeline at most, whatever the filter says.</summary>
    public int MaxTimelineLimit { get; init; } = 200;

    /// <summary>To-device messages in one answer at most. Client-Server API, "Send-to-Device messaging".</summary>
    public int MaxToDevice { get; init; } = 100;

    /// <summary>Others' receipts in threads of a room, in one answer at most. Those of the main timeline always come.</summary>
    public int MaxReceipts { get; init; } = 1000;

    /// <summary>Rooms with someone typing at most.</summary>
    public int MaxTypingRooms { get; init; } = 10_000;

    /// <summary>Users who type in one room at most; more are not shown.</summary>
    public int MaxTypingUsers { get; init; } = 100;

    /// <summary>Bytes of unread counts kept in memory.</summary>
    public long UnreadCacheBytes { get; init; } = 16L * 1024 * 1024;

    /// <summary>Bytes of lists of members after whom nameless rooms are called.</summary>
    public long HeroCacheBytes { get; init; } = 2L * 1024 * 1024;

    /// <summary>The longest that a typing notification lasts.</summary>
    public TimeSpan LongestTyping { get; init; } = TimeSpan.FromMinutes(2);
}
