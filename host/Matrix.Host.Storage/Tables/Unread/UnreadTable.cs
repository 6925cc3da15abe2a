using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Storage.Tables.Unread;

/// <summary>
/// Unread counts. Events that notify by default are counted from the events themselves. There is a row only where a
/// user's own rules evaluated an event differently (a highlight, a rule of their own).
/// v1.19 client-server-api#receiving-notifications
/// </summary>
public sealed class UnreadTable(IReads reads)
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

    private static readonly Statement Counted = Statement.Of("""
        SELECT event_nid, position, COALESCE(thread_root, 0), sender, notify_class, marks
        FROM events
        WHERE event_nid < $1 AND event_nid >= $2 AND marks & $3 = 0 AND redacted_by IS NULL
        ORDER BY event_nid DESC LIMIT $4
        """);

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

    internal static void Register(WriteHandlers handlers) => handlers
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

    /// <summary>
    /// For each thread: the number of other senders' events with one of these notify classes, after
    /// <paramref name="after"/> and up to <paramref name="through"/>, and the user's own last message there. Reads all
    /// events in between, so callers keep the result and next time read only newer events.
    /// </summary>
    /// <param name="after">The event before the first.</param>
    /// <param name="asOf">Events redacted up to this event do not count.</param>
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

    /// <summary>
    /// A user's own rows in a room after an event, in timeline order, without events that were redacted up to <paramref
    /// name="asOf"/>.
    /// </summary>
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

    /// <summary>
    /// The events to subtract from a count of those after <paramref name="first"/> and up to <paramref name="after"/>:
    /// those that a later redaction, up to <paramref name="through"/>, has redacted.
    /// </summary>
    public ValueTask<IReadOnlyList<RedactedUnread>> RedactedAsync(
        string userId, EventNid first, EventNid after, EventNid through, CancellationToken stop) => reads.ListAsync(
            Redacted,
            (userId, first, after, through),
            static (a, q) => a.Text(q.userId).Nid(q.first).Nid(q.after).Nid(q.through).Int(NotShown),
            static row =>
                new RedactedUnread(row.Nid(0), row.Nid(1), row.Int32(2), row.Text(3), (UnreadKind)row.Int64(4)),
            stop);

    /// <summary>A user's own rows in all rooms, ordered by room.</summary>
    public ValueTask<IReadOnlyList<UnreadRow>> RowsAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(OfUser, userId, static (a, user) => a.Text(user), Row, stop);

    /// <summary>
    /// The live events of a room that counts may count, the latest before one first. Redacted ones are left out.
    /// </summary>
    public ValueTask<IReadOnlyList<CountedEvent>> CountedAsync(EventNid before, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Counted,
            (before, limit),
            static (a, q) => a
                .Nid(q.before).Nid(EventNid.FirstLiveOf(q.before.Room))
                .Int(NotShown | (int)EventMarks.Backfilled).Int(q.limit),
            static row => new CountedEvent(
                row.Nid(0),
                row.Int64(1),
                row.Nid(2),
                row.Text(3),
                row.Int32(4),
                ((EventMarks)row.Int64(5) & EventMarks.State) != 0),
            stop);

    private static UnreadRow Row(IRow row) => new(row.Nid(0), row.Nid(1), (UnreadKind)row.Int64(2));
}

/// <summary>The number of events that notify in a thread.</summary>
/// <param name="ThreadRoot">None for the main timeline.</param>
/// <param name="LastOwn">The user's own last message there; none if there is none.</param>
public readonly record struct NotifyingCount(EventNid ThreadRoot, int Count, EventNid LastOwn);

/// <summary>An event as unread counts see it.</summary>
/// <param name="ThreadRoot">None for the main timeline.</param>
/// <param name="NotifyClass">The result of the default push rules.</param>
/// <param name="IsState">Whether it is a state event: a message reads what came before it, and a state event
/// not.</param>
public readonly record struct CountedEvent(
    EventNid Event, long Position, EventNid ThreadRoot, string Sender, int NotifyClass, bool IsState);

/// <summary>A redacted event with its unread result before the redaction.</summary>
/// <param name="ThreadRoot">None for the main timeline.</param>
/// <param name="NotifyClass">The result of the default push rules.</param>
/// <param name="Kind">The result of the user's own rules.</param>
public readonly record struct RedactedUnread(
    EventNid Event, EventNid ThreadRoot, int NotifyClass, string Sender, UnreadKind Kind);

/// <summary>The result of a user's own rules where it differs from the default.</summary>
[Flags]
public enum UnreadKind
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>It highlights and notifies. A rule that highlights without notifying counts as nothing.</summary>
    Highlight = 1,

    /// <summary>It notifies, though it does not by default.</summary>
    Notify = 2,

    /// <summary>It does not notify, though it does by default.</summary>
    Silent = 4,
}

/// <summary>An event for which a user's own rules differ from the default.</summary>
/// <param name="ThreadRoot">None for the main timeline.</param>
public readonly record struct UnreadRow(EventNid Event, EventNid ThreadRoot, UnreadKind Kind);

/// <summary>A user's own rules evaluated an event differently from the default.</summary>
public sealed record UnreadAdded(string UserId, EventNid Event, EventNid ThreadRoot, UnreadKind Kind) : Change;

/// <summary>
/// Deletes the rows up to the event that a user has read, in one thread (none for the main timeline) or in all threads
/// (null).
/// </summary>
public sealed record UnreadCleared(string UserId, RoomNid Room, EventNid Through, EventNid? Thread) : Change;
