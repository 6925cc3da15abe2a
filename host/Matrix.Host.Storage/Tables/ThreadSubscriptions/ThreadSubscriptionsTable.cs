using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Storage.Tables.ThreadSubscriptions;

/// <summary>
/// The threads to which local users are subscribed, and those to which they were: a row takes some 150 bytes, and a
/// limit for each user bounds their number. MSC4306.
/// </summary>
public sealed class ThreadSubscriptionsTable(IReads reads)
{
    private const string Columns = "room_nid, root_id, user_id, state, position";

    private static readonly Statement Find = Statement.Of(
        $"SELECT {Columns} FROM thread_subscriptions WHERE room_nid = $1 AND root_id = $2 AND user_id = $3");

    private static readonly Statement OfUsers = Statement.ByKeys(
        $"SELECT {Columns} FROM thread_subscriptions WHERE user_id = KEY");

    private static readonly Statement Count = Statement.Of(
        "SELECT COUNT(*) FROM thread_subscriptions WHERE user_id = $1");

    private static readonly Statement Changed = Statement.Of("""
        SELECT r.room_id, t.state, t.position, t.room_nid, t.root_id FROM thread_subscriptions t
        JOIN rooms r ON r.room_nid = t.room_nid
        WHERE t.user_id = $1 AND t.position > $2
            AND (t.position < $3 OR (t.position = $3 AND (t.room_nid, t.root_id) < ($4, $5)))
        ORDER BY t.position DESC, t.room_nid DESC, t.root_id DESC LIMIT $6
        """);

    private static readonly Statement Subscribe = Statement.Of("""
        INSERT INTO thread_subscriptions (room_nid, root_id, user_id, state, position)
        SELECT $1, $2, $3, $4, $5
        WHERE (SELECT COUNT(*) FROM thread_subscriptions WHERE user_id = $3) < $7
            OR EXISTS (SELECT 1 FROM thread_subscriptions WHERE room_nid = $1 AND root_id = $2 AND user_id = $3)
        ON CONFLICT (room_nid, root_id, user_id) DO UPDATE SET state = excluded.state, position = excluded.position
        WHERE (excluded.state = 2 AND thread_subscriptions.state <> 2)
            OR (thread_subscriptions.state = 0 AND thread_subscriptions.position < $6)
        """);

    private static readonly Statement Unsubscribe = Statement.Of("""
        UPDATE thread_subscriptions SET state = 0, position = $4
        WHERE room_nid = $1 AND root_id = $2 AND user_id = $3 AND state <> 0
        """);

    private static readonly Statement ForgetEnded = Statement.Of(
        "DELETE FROM thread_subscriptions WHERE user_id = $1 AND state = 0");

    private static readonly Statement Delete = Statement.Of("DELETE FROM thread_subscriptions WHERE user_id = $1");

    private static readonly Statement ForgetRoom = Statement.Of("""
        DELETE FROM thread_subscriptions WHERE room_nid = $1 AND user_id = $2
            AND EXISTS (SELECT 1 FROM memberships WHERE room_nid = $1 AND user_id = $2 AND forgotten = 1)
        """);

    internal static void Register(WriteHandlers handlers) => handlers
        .OnCondition<ThreadSubscribed>(Subscribe, static (a, op) => a
            .Room(op.Room).EventId(op.RootId).Text(op.UserId)
            .Int((int)(op.Cause is null ? SubscriptionState.Manual : SubscriptionState.Automatic)).Position()
            .Int(op.Cause ?? 0).Int(op.Most))
        .OnCondition<ThreadUnsubscribed>(Unsubscribe, static (a, op) => a
            .Room(op.Room).EventId(op.RootId).Text(op.UserId).Position())
        .On<EndedThreadsForgotten>(ForgetEnded, static (a, op) => a.Text(op.UserId))
        .On<AccountDataDeleted>(Delete, static (a, op) => a.Text(op.UserId))
        .On<RoomForgotten>(ForgetRoom, static (a, op) => a.Room(op.Room).Text(op.UserId));

    /// <summary>A user's row of a thread; null if they never were subscribed.</summary>
    public ValueTask<ThreadSubscriptionRow?> FindAsync(
        RoomNid room, string rootId, string userId, CancellationToken stop) => reads.FirstAsync(
            Find,
            (room, rootId, userId),
            static (a, q) => a.Room(q.room).EventId(q.rootId).Text(q.userId),
            static row => (ThreadSubscriptionRow?)Row(row),
            stop);

    /// <summary>All rows of these users.</summary>
    public ValueTask<IReadOnlyList<ThreadSubscriptionRow>> OfUsersAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop) =>
        reads.ByKeysAsync(OfUsers, userIds, By.Text, Row, stop);

    /// <summary>The number of a user's rows. Reads as many index entries.</summary>
    public ValueTask<int> CountAsync(string userId, CancellationToken stop) =>
        reads.FirstAsync(Count, userId, static (a, user) => a.Text(user), static row => row.Int32(0), stop);

    /// <summary>
    /// A user's rows that changed after a position, the latest before a place first, with the ids of their rooms.
    /// </summary>
    public ValueTask<IReadOnlyList<ThreadChange>> ChangedAsync(
        string userId, long after, ThreadPlace before, int limit, CancellationToken stop) => reads.ListAsync(
            Changed,
            (userId, after, before, limit),
            static (a, q) => a
                .Text(q.userId).Int(q.after).Int(q.before.Position).Room(q.before.Room).EventId(q.before.RootId)
                .Int(q.limit),
            static row => new ThreadChange(
                row.Text(0),
                (SubscriptionState)row.Int32(1),
                new ThreadPlace(row.Int64(2), row.Room(3), row.EventId(4))),
            stop);

    private static ThreadSubscriptionRow Row(IRow row) =>
        new(row.Room(0), row.EventId(1), row.Text(2), (SubscriptionState)row.Int32(3), row.Int64(4));
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
