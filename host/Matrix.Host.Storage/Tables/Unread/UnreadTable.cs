using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Storage.Tables.Unread;

internal sealed class UnreadTable(IReads reads) : IUnreadTable
{
    private const string Columns = "event_nid, thread_root, kind";
    private const int NotShown = (int)(EventStanding.Rejected | EventStanding.SoftFailed | EventStanding.Outlier);

    private static readonly Statement Notifying = Statement.Of("""
        SELECT COALESCE(thread_root, 0),
               SUM(CASE WHEN sender <> $4 AND redacted_by IS NULL THEN 1 ELSE 0 END),
               MAX(CASE WHEN sender = $4 AND standing & $6 = 0 THEN event_nid ELSE 0 END)
        FROM events
        WHERE event_nid > $1 AND event_nid <= $2 AND (notify_class & $3 <> 0 OR sender = $4) AND standing & $5 = 0
        GROUP BY COALESCE(thread_root, 0)
        """);

    private static readonly Statement OfRoom = Statement.Of($"""
        SELECT {Columns} FROM unread WHERE user_id = $1 AND event_nid > $2 AND event_nid <= $3 ORDER BY event_nid
        """);

    private static readonly Statement OfUser = Statement.Of($"SELECT {Columns} FROM unread WHERE user_id = $1 ORDER BY event_nid");

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO unread (user_id, event_nid, thread_root, kind) VALUES ($1, $2, $3, $4)
        ON CONFLICT (user_id, event_nid) DO UPDATE SET thread_root = excluded.thread_root, kind = excluded.kind
        """);

    private static readonly Statement Clear = Statement.Of("""
        DELETE FROM unread WHERE user_id = $1 AND event_nid >= $2 AND event_nid <= $3
        """);

    private static readonly Statement ClearThread = Statement.Of("""
        DELETE FROM unread WHERE user_id = $1 AND event_nid >= $2 AND event_nid <= $3 AND thread_root = $4
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .On<InsertUnread>(Put, static (a, op) => a.Text(op.UserId).Nid(op.Event).Nid(op.ThreadRoot).Int((int)op.Kind))
        .On<ClearUnread>(static (op, writes) =>
        {
            if (op.Thread is null)
            {
                writes.Run(Clear, op, static (a, op) => a.Text(op.UserId).Nid(EventNid.FirstOf(op.Room)).Nid(op.Through));
            }
            else
            {
                writes.Run(ClearThread, op, static (a, op) => a
                    .Text(op.UserId).Nid(EventNid.FirstOf(op.Room)).Nid(op.Through).Nid(op.Thread ?? EventNid.None));
            }
        });

    public ValueTask<IReadOnlyList<NotifyingCount>> CountNotifyingAsync(
        RoomNid room, EventNid after, EventNid through, int notifyClasses, string userId, CancellationToken stop) => reads.ListAsync(
            Notifying,
            (after, through, notifyClasses, userId),
            static (a, q) => a.Nid(q.after).Nid(q.through).Int(q.notifyClasses).Text(q.userId).Int(NotShown).Int((int)EventStanding.State),
            static row => new NotifyingCount(row.Nid(0), row.Int32(1), row.Nid(2)),
            stop);

    public ValueTask<IReadOnlyList<UnreadRow>> RowsAsync(string userId, RoomNid room, EventNid after, CancellationToken stop) =>
        reads.ListAsync(
            OfRoom,
            (userId, room, after),
            static (a, q) => a.Text(q.userId).Int(Math.Max(q.after.Value, EventNid.FirstOf(q.room).Value)).Nid(EventNid.LastOf(q.room)),
            Row,
            stop);

    public ValueTask<IReadOnlyList<UnreadRow>> RowsAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(OfUser, userId, static (a, user) => a.Text(user), Row, stop);

    private static UnreadRow Row(IRow row) => new(row.Nid(0), row.Nid(1), (UnreadKind)row.Int64(2));
}
