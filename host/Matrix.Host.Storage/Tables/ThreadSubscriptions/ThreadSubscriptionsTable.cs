using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Storage.Tables.ThreadSubscriptions;

internal sealed class ThreadSubscriptionsTable(IReads reads) : IThreadSubscriptionsTable
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

    public static void Register(WriteHandlers handlers) => handlers
        .OnCondition<ThreadSubscribed>(Subscribe, static (a, op) => a
            .Room(op.Room).EventId(op.RootId).Text(op.UserId)
            .Int((int)(op.Cause is null ? SubscriptionState.Manual : SubscriptionState.Automatic)).Position()
            .Int(op.Cause ?? 0).Int(op.Most))
        .OnCondition<ThreadUnsubscribed>(Unsubscribe, static (a, op) => a
            .Room(op.Room).EventId(op.RootId).Text(op.UserId).Position())
        .On<EndedThreadsForgotten>(ForgetEnded, static (a, op) => a.Text(op.UserId))
        .On<AccountDataDeleted>(Delete, static (a, op) => a.Text(op.UserId))
        .On<RoomForgotten>(ForgetRoom, static (a, op) => a.Room(op.Room).Text(op.UserId));

    public ValueTask<ThreadSubscriptionRow?> FindAsync(
        RoomNid room, string rootId, string userId, CancellationToken stop) => reads.FirstAsync(
            Find,
            (room, rootId, userId),
            static (a, q) => a.Room(q.room).EventId(q.rootId).Text(q.userId),
            static row => (ThreadSubscriptionRow?)Row(row),
            stop);

    public ValueTask<IReadOnlyList<ThreadSubscriptionRow>> OfUsersAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop) =>
        reads.ByKeysAsync(OfUsers, userIds, By.Text, Row, stop);

    public ValueTask<int> CountAsync(string userId, CancellationToken stop) =>
        reads.FirstAsync(Count, userId, static (a, user) => a.Text(user), static row => row.Int32(0), stop);

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
