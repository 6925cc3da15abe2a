using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Storage.Tables.Unread;

internal sealed class UnreadTable(IReads reads) : IUnreadTable
{
    private const string Columns = "event_nid, thread_root, kind";
    private const int NotShown =
        (int)(EventMarks.Rejected | EventMarks.SoftFailed | EventMarks.Outlier | EventMarks.WaitingRedaction);

    private static readonly Statement Notifying = Statement.Of("""
        SELECT COALESCE(thread_root, 0),
               SUM(CASE WHEN sender <> $4 AND (redacted_by IS NULL OR redacted_by > $7) THEN 1 ELSE 0 END),
               MAX(CASE WHEN sender = $4 AND marks & $6 = 0 THEN event_nid ELSE 0 END)
        FROM events
        WHERE event_nid > $1 AND event_nid <= $2 AND (notify_class & $3 <> 0 OR sender = $4) AND marks & $5 = 0
        GROUP BY COALESCE(thread_root, 0)
        """);

    private static readonly Statement OfRoom = Statement.Of($"""
        SELECT {Columns} FROM unread WHERE user_id = $1 AND event_nid > $2 AND event_nid <= $3
            AND NOT EXISTS (SELECT 1 FROM events e WHERE e.event_nid = unread.event_nid AND e.redacted_by <= $4)
        ORDER BY event_nid
        """);

    // Starts from the few redacted events: the plus keeps the database from scanning all events in between.
    private static readonly Statement Redacted = Statement.Of("""
        SELECT e.event_nid, COALESCE(e.thread_root, 0), e.notify_class, e.sender, COALESCE(u.kind, 0)
        FROM events e LEFT JOIN unread u ON u.user_id = $1 AND u.event_nid = e.event_nid
        WHERE e.redacted_by > $3 AND e.redacted_by <= $4 AND +e.event_nid > $2 AND +e.event_nid <= $3
            AND e.marks & $5 = 0
        """);

    private static readonly Statement OfUser = Statement.Of(
        $"SELECT {Columns} FROM unread WHERE user_id = $1 ORDER BY event_nid");

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
        .On<UnreadAdded>(Put, static (a, op) => a.Text(op.UserId).Nid(op.Event).Nid(op.ThreadRoot).Int((int)op.Kind))
        .On<UnreadCleared>(static (op, writes) =>
        {
            if (op.Thread is null)
            {
                writes.Run(
                    Clear, op, static (a, op) => a.Text(op.UserId).Nid(EventNid.FirstOf(op.Room)).Nid(op.Through));
            }
            else
            {
                writes.Run(ClearThread, op, static (a, op) => a
                    .Text(op.UserId).Nid(EventNid.FirstOf(op.Room)).Nid(op.Through).Nid(op.Thread ?? EventNid.None));
            }
        });

    public ValueTask<IReadOnlyList<NotifyingCount>> CountNotifyingAsync(
        RoomNid room, EventNid after, EventNid through, EventNid asOf, int notifyClasses, string userId,
        CancellationToken stop) => reads.ListAsync(
            Notifying,
            (after, through, asOf, notifyClasses, userId),
            static (a, q) => a
                .Nid(q.after).Nid(q.through).Int(q.notifyClasses).Text(q.userId).Int(NotShown)
                .Int((int)EventMarks.State).Nid(q.asOf),
            static row => new NotifyingCount(row.Nid(0), row.Int32(1), row.Nid(2)),
            stop);

    public ValueTask<IReadOnlyList<UnreadRow>> RowsAsync(
        string userId, RoomNid room, EventNid after, EventNid asOf, CancellationToken stop) =>
        reads.ListAsync(
            OfRoom,
            (userId, room, after, asOf),
            static (a, q) => a
                .Text(q.userId).Int(Math.Max(q.after.Value, EventNid.FirstOf(q.room).Value))
                .Nid(EventNid.LastOf(q.room)).Nid(q.asOf),
            Row,
            stop);

    public ValueTask<IReadOnlyList<RedactedUnread>> RedactedAsync(
        string userId, EventNid first, EventNid after, EventNid through, CancellationToken stop) => reads.ListAsync(
            Redacted,
            (userId, first, after, through),
            static (a, q) => a.Text(q.userId).Nid(q.first).Nid(q.after).Nid(q.through).Int(NotShown),
            static row =>
                new RedactedUnread(row.Nid(0), row.Nid(1), row.Int32(2), row.Text(3), (UnreadKind)row.Int64(4)),
            stop);

    public ValueTask<IReadOnlyList<UnreadRow>> RowsAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(OfUser, userId, static (a, user) => a.Text(user), Row, stop);

    private static UnreadRow Row(IRow row) => new(row.Nid(0), row.Nid(1), (UnreadKind)row.Int64(2));
}
