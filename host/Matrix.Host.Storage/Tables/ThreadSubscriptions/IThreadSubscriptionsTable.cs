using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.ThreadSubscriptions;

/// <summary>
/// The threads to which local users are subscribed, and those to which they were: a row takes some 150 bytes, and a
/// limit for each user bounds their number. MSC4306.
/// </summary>
public interface IThreadSubscriptionsTable
{
    /// <summary>A user's row of a thread; null if they never were subscribed.</summary>
    ValueTask<ThreadSubscriptionRow?> FindAsync(RoomNid room, string rootId, string userId, CancellationToken stop);

    /// <summary>All rows of these users.</summary>
    ValueTask<IReadOnlyList<ThreadSubscriptionRow>> OfUsersAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop);

    /// <summary>The number of a user's rows. Reads as many index entries.</summary>
    ValueTask<int> CountAsync(string userId, CancellationToken stop);

    /// <summary>
    /// A user's rows that changed after a position, the latest before a place first, with the ids of their rooms.
    /// </summary>
    ValueTask<IReadOnlyList<ThreadChange>> ChangedAsync(
        string userId, long after, ThreadPlace before, int limit, CancellationToken stop);
}

/// <summary>How a user is subscribed to a thread.</summary>
public enum SubscriptionState
{
    /// <summary>No more.</summary>
    Unsubscribed = 0,

    /// <summary>By a client, because of an event in the thread.</summary>
    Automatic = 1,

    /// <summary>By the user.</summary>
    Manual = 2,
}

/// <summary>A user's subscription.</summary>
/// <param name="Position">The position of its last change.</param>
public sealed record ThreadSubscriptionRow(
    RoomNid Room, string RootId, string UserId, SubscriptionState State, long Position);

/// <summary>The place of a subscription among those of its user, by their last changes.</summary>
public readonly record struct ThreadPlace(long Position, RoomNid Room, string RootId)
{
    /// <summary>The place after the last change at this position.</summary>
    public static ThreadPlace EndOf(long position) => new(position + 1, default, "");
}

/// <summary>A subscription that changed.</summary>
public sealed record ThreadChange(string RoomId, SubscriptionState State, ThreadPlace Place);

/// <summary>
/// Subscribes a user to a thread. Not applied if they are subscribed already, except that the user's own wish replaces
/// a client's; nor by a client if the user unsubscribed after the event that caused it; nor beyond the limit.
/// </summary>
/// <param name="Cause">The position of the event that caused it; null if the user wishes it.</param>
/// <param name="Most">The most rows of a user.</param>
public sealed record ThreadSubscribed(RoomNid Room, string RootId, string UserId, long? Cause, int Most)
    : ConditionalChange;

/// <summary>Ends a subscription. Not applied if there is none.</summary>
public sealed record ThreadUnsubscribed(RoomNid Room, string RootId, string UserId) : ConditionalChange;

/// <summary>Drops the rows of the subscriptions that a user ended.</summary>
public sealed record EndedThreadsForgotten(string UserId) : Change;
