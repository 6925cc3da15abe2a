using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Events;

internal sealed class EventsTable(IReads reads) : IEventsTable
{
    private const string Columns = """
        e.event_nid, e.event_id, e.position, e.step, e.marks, e.notify_class, e.sender, e.thread_root, e.redacted_by,
        e.sent_as_device, e.sent_as_txn
        """;

    /// <summary>The columns of both databases, ten arguments; the JSON is inserted in another way on each.</summary>
    public const string InsertColumns =
        "event_nid, event_id, position, step, marks, notify_class, sender, thread_root, sent_as_device, sent_as_txn";

    private const string InSqlite =
        $"SELECT {Columns}, j.json FROM events e JOIN event_json j ON j.json_id = e.json_id";

    private const string InPostgres = $"SELECT {Columns}, e.json FROM events e";

    private const string InRoom = "e.event_nid >= $2 AND e.event_nid <= $3";

    private static readonly Statement ById = Of($"WHERE e.event_id = $1 AND {InRoom}");
    private static readonly Statement ByNid = Of("WHERE e.event_nid = $1");
    private static readonly Statement ByIds = ByKeys($"WHERE e.event_id = KEY AND {InRoom}");
    private static readonly Statement ByIdAnywhere = Of("WHERE e.event_id = $1 ORDER BY e.event_nid LIMIT $2");
    private static readonly Statement ByNids = ByKeys("WHERE e.event_nid = KEY");

    private static readonly Statement NidsOfIds = Statement.ByKeys(
        $"SELECT e.event_id, e.event_nid FROM events e WHERE e.event_id = KEY AND {InRoom}");

    private static readonly Statement Known = Statement.ByKeys(
        "SELECT e.event_id FROM events e WHERE e.event_id = KEY GROUP BY e.event_id");

    private static readonly Statement IdsOfNids = Statement.ByKeys(
        "SELECT event_id, event_nid FROM events WHERE event_nid = KEY");

    private static readonly Statement LengthsOfNids = Statement.ByKeys(
        """
        SELECT e.event_nid, length(j.json) FROM events e JOIN event_json j ON j.json_id = e.json_id
        WHERE e.event_nid = KEY
        """,
        "SELECT e.event_nid, length(e.json) FROM events e WHERE e.event_nid = KEY");

    private static readonly Statement After = Of("""
        WHERE e.event_nid > $1 AND e.event_nid <= $2 AND e.marks & $3 = 0 ORDER BY e.event_nid LIMIT $4
        """);

    private static readonly Statement Before = Of("""
        WHERE e.event_nid < $1 AND e.event_nid >= $2 AND e.marks & $3 = 0 ORDER BY e.event_nid DESC LIMIT $4
        """);

    // CROSS JOIN and unary + make SQLite read the few commits first, and then the events of each.
    private const string InCommit =
        "e.event_nid >= c.event_nid AND e.event_nid < c.event_nid + c.ordinals AND +e.position = +c.position";

    private const string Committed =
        "WHERE c.position > $1 AND c.position <= $2 ORDER BY c.position, e.event_nid LIMIT $3";

    private static readonly Statement ByPosition = Statement.Of(
        $"""
        SELECT {Columns}, j.json FROM commits c CROSS JOIN events e ON {InCommit}
        JOIN event_json j ON j.json_id = e.json_id {Committed}
        """,
        $"SELECT {Columns}, e.json FROM commits c JOIN events e ON {InCommit} {Committed}");

    private static readonly Statement CommitsBack = Statement.Of("""
        SELECT position, event_nid, ordinals FROM commits WHERE position <= $1
        ORDER BY position DESC, event_nid DESC LIMIT $2
        """);

    private static readonly Statement ByRedaction = ByKeys("WHERE e.redacted_by = KEY");

    // The positions of live events rise with their numbers, so a binary search finds the last event at or before a
    // position, beginning with the newest event. Events that were fetched later into a gap are left out (mark 16). It
    // needs no index. Events up to `low` are at or before the position,
    // events after `high` are later, and `found` is the position of the event at `middle`.
    private const string Halving = """
        WITH RECURSIVE search(first, low, middle, high, found) AS (
            SELECT f.first, f.first - 1, f.last, f.last, (SELECT position FROM events WHERE event_nid = f.last)
            FROM (
                SELECT r.room_nid * 4294967296 + 2147483648 AS first,
                       COALESCE((SELECT event_nid FROM events
                                 WHERE event_nid >= r.room_nid * 4294967296 + 2147483648
                                   AND event_nid < (r.room_nid + 1) * 4294967296
                                 ORDER BY event_nid DESC LIMIT 1), r.room_nid * 4294967296 + 2147483647) AS last
                FROM rooms r WHERE r.room_nid = KEY
            ) f
            UNION ALL
            SELECT first,
                   CASE WHEN found <= $2 THEN middle ELSE low END,
                   CASE WHEN found <= $2 THEN (middle + high + 1) / 2 ELSE (low + middle) / 2 END,
                   CASE WHEN found <= $2 THEN high ELSE middle - 1 END,
                   COALESCE((SELECT position FROM events
                             WHERE event_nid <= CASE WHEN found <= $2
                                   THEN (middle + high + 1) / 2 ELSE (low + middle) / 2 END
                               AND event_nid >= first AND marks & 16 = 0
                             ORDER BY event_nid DESC LIMIT 1), 0)
            FROM search WHERE low < high
        )
        SELECT (SELECT event_nid FROM events
                WHERE event_nid <= low AND event_nid >= first AND marks & 16 = 0 ORDER BY event_nid DESC LIMIT 1)
        FROM search WHERE low >= high
        """;

    private static readonly Statement LastAt = Statement.ByKeys(Halving);

    // A second redaction does not change redacted_by: unread counts have taken the first one into account.
    private static readonly Statement Redact = Statement.Of(
        "UPDATE events SET redacted_by = COALESCE(redacted_by, $2) WHERE event_nid = $1");

    private static readonly Statement ReplaceJson = Statement.Of(
        sqlite: "UPDATE event_json SET json = $2 WHERE json_id = (SELECT json_id FROM events WHERE event_nid = $1)",
        postgres: "UPDATE events SET json = $2 WHERE event_nid = $1");

    private static readonly Statement Remark = Statement.Of("UPDATE events SET marks = $2 WHERE event_nid = $1");

    private static readonly Statement Refuse = Statement.Of(
        "INSERT INTO refused_events (event_nid, clause, reason) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING");

    private static readonly Statement Refusal = Statement.Of(
        "SELECT clause, reason FROM refused_events WHERE event_nid = $1");

    private static readonly Statement Renumbered = Statement.ByKeys(
        "SELECT outlier_nid, event_nid FROM renumbered_events WHERE outlier_nid = KEY");

    private static readonly Statement Renumber = Statement.Of(
        "INSERT INTO renumbered_events (outlier_nid, event_nid) VALUES ($1, $2)");

    private static readonly Statement LastOutlier = Statement.Of("""
        SELECT MAX(nid) FROM (
            SELECT MAX(event_nid) AS nid FROM events WHERE event_nid > $1 AND event_nid < $2
            UNION ALL
            SELECT MAX(outlier_nid) FROM renumbered_events WHERE outlier_nid > $1 AND outlier_nid < $2) numbers
        """);

    private static readonly Statement DeleteRefusal = Statement.Of("DELETE FROM refused_events WHERE event_nid = $1");

    // PostgreSQL has the JSON in the same row.
    private static readonly Statement DeleteJson = Statement.Of(
        sqlite: "DELETE FROM event_json WHERE json_id = (SELECT json_id FROM events WHERE event_nid = $1)",
        postgres: "DELETE FROM events WHERE event_nid = $1");

    private static readonly Statement Delete = Statement.Of("DELETE FROM events WHERE event_nid = $1");

    private static readonly Statement StatePage = Of("""
        WHERE e.event_nid > $1 AND e.event_nid <= $2 AND e.marks & 1 = 1 ORDER BY e.event_nid LIMIT $3
        """);

    private static readonly Statement AwaitTarget = Statement.Of(
        "INSERT INTO waiting_redactions (room_nid, redaction_nid, target_id) VALUES ($1, $2, $3)");

    private static readonly Statement TrimWaiting = Statement.Of("""
        DELETE FROM waiting_redactions WHERE room_nid = $1 AND redaction_nid NOT IN (
            SELECT redaction_nid FROM waiting_redactions WHERE room_nid = $1 ORDER BY redaction_nid DESC LIMIT $2)
        """);

    private static readonly Statement EndWaiting = Statement.Of(
        "DELETE FROM waiting_redactions WHERE room_nid = $1 AND target_id = $2");

    private static readonly Statement WaitingFor = Statement.Of("""
        SELECT redaction_nid FROM waiting_redactions WHERE room_nid = $1 AND target_id = $2
        ORDER BY redaction_nid LIMIT $3
        """);

    private static readonly Statement Waiting = Statement.Of(
        "SELECT redaction_nid FROM waiting_redactions WHERE room_nid = $1 ORDER BY redaction_nid LIMIT $2");

    /// <summary>Registers the changes of events. Inserting an event differs between the databases.</summary>
    public static void Register(WriteHandlers handlers, Action<EventRow, IWrites> insert) => handlers
        .On<EventsAppended>((op, writes) =>
        {
            for (var i = 0; i < op.Events.Count; i++)
            {
                insert(op.Events[i].Row, writes);
            }
        })
        .On<EventRedacted>(static (op, writes) =>
        {
            writes.Run(Redact, op, static (a, op) => a.Nid(op.Nid).Nid(op.By));
            writes.Run(ReplaceJson, op, static (a, op) => a.Nid(op.Nid).Blob(op.Redacted.Row.Json));
        })
        .On<RedactionWaits>(static (op, writes) =>
        {
            writes.Run(
                AwaitTarget, op, static (a, op) => a.Room(op.Redaction.Room).Nid(op.Redaction).EventId(op.TargetId));
            writes.Run(TrimWaiting, op, static (a, op) => a.Room(op.Redaction.Room).Int(op.Keep));
        })
        .On<EventRefused>(Refuse, static (a, op) => a.Nid(op.Nid).Text(op.Clause).Text(op.Reason))
        .On<OutlierRenumbered>(static (op, writes) =>
        {
            writes.Run(DeleteRefusal, op, static (a, op) => a.Nid(op.Outlier));
            writes.Run(DeleteJson, op, static (a, op) => a.Nid(op.Outlier));
            writes.Run(Delete, op, static (a, op) => a.Nid(op.Outlier));
            writes.Run(Renumber, op, static (a, op) => a.Nid(op.Outlier).Nid(op.Live));
        })
        .On<WaitingRedactionsDropped>(EndWaiting, static (a, op) => a.Room(op.Room).EventId(op.TargetId))
        .On<EventMarksChanged>(Remark, static (a, op) => a.Nid(op.Nid).Int((int)op.Marks));

    /// <summary>The arguments of <see cref="InsertColumns"/>.</summary>
    public static IArguments BindInsert(IArguments arguments, EventRow row) => arguments
        .Nid(row.Nid).EventId(row.EventId).Position().Int(row.Step).Int((int)row.Marks).Int(row.NotifyClass)
        .Text(row.Sender).NidOrNull(row.ThreadRoot)
        .TextOrNull(row.Transaction?.DeviceId).TextOrNull(row.Transaction?.TransactionId);

    private static IArguments BindRoom(IArguments arguments, RoomNid room) =>
        arguments.Nid(EventNid.FirstOf(room)).Nid(EventNid.LastOf(room));

    public ValueTask<EventRow?> FindAsync(RoomNid room, string eventId, CancellationToken stop) =>
        reads.FirstAsync(
            ById, (room, eventId), static (a, q) => BindRoom(a.EventId(q.eventId), q.room), Row, stop);

    public ValueTask<IReadOnlyList<EventRow>> FindAnywhereAsync(string eventId, int limit, CancellationToken stop) =>
        reads.ListAsync(
            ByIdAnywhere, (eventId, limit), static (a, q) => a.EventId(q.eventId).Int(q.limit), Row, stop);

    public ValueTask<IReadOnlyList<PurgeableEvent>> PurgeableAsync(
        EventNid after, EventNid before, int limit, CancellationToken stop) => reads.ListAsync(
            EventPurges.Candidates,
            (after, before, limit),
            static (a, q) => a.Nid(q.after).Nid(q.before).Room(q.before.Room).Int(q.limit),
            static row => new PurgeableEvent(row.Nid(0), row.Text(1)),
            stop);

    public ValueTask<IReadOnlyList<(EventNid Nid, string EventId)>> OfSenderAsync(
        EventNid before, string sender, int limit, CancellationToken stop) => reads.ListAsync(
            EventPurges.OfSender,
            (before, sender, limit),
            static (a, q) => a.Nid(q.before).Nid(EventNid.FirstOf(q.before.Room)).Text(q.sender).Int(q.limit),
            static row => (row.Nid(0), row.EventId(1)),
            stop);

    public ValueTask<EventRow?> FindAsync(EventNid nid, CancellationToken stop) =>
        reads.FirstAsync(ByNid, nid, static (a, nid) => a.Nid(nid), Row, stop);

    public ValueTask<IReadOnlyList<EventRow>> FindManyAsync(
        RoomNid room, IReadOnlyCollection<string> eventIds, CancellationToken stop) =>
        reads.ByKeysAsync(
            ByIds, eventIds, By.EventId, room, static (a, room) => BindRoom(a, room), Row, stop);

    public ValueTask<IReadOnlyList<EventRow>> FindManyAsync(
        IReadOnlyCollection<EventNid> nids, CancellationToken stop) =>
        reads.ByKeysAsync(ByNids, nids, By.Nid, Row, stop);

    public async ValueTask<IReadOnlySet<string>> KnownAsync(
        IReadOnlyCollection<string> eventIds, CancellationToken stop) =>
        (await reads.ByKeysAsync(Known, eventIds, By.EventId, static row => row.EventId(0), stop)).ToHashSet();

    public async ValueTask<IReadOnlyDictionary<string, EventNid>> NidsAsync(
        RoomNid room, IReadOnlyCollection<string> eventIds, CancellationToken stop)
    {
        var rows = await reads.ByKeysAsync(
            NidsOfIds,
            eventIds,
            By.EventId,
            room,
            static (a, room) => BindRoom(a, room),
            static row => (Id: row.EventId(0), Nid: row.Nid(1)),
            stop);
        return rows.DistinctBy(row => row.Nid).ToDictionary(row => row.Id, row => row.Nid);
    }

    public async ValueTask<IReadOnlyDictionary<EventNid, string>> IdsAsync(
        IReadOnlyCollection<EventNid> nids, CancellationToken stop)
    {
        var rows = await reads.ByKeysAsync(
            IdsOfNids, nids, By.Nid, static row => (Id: row.EventId(0), Nid: row.Nid(1)), stop);
        return rows.DistinctBy(row => row.Nid).ToDictionary(row => row.Nid, row => row.Id);
    }

    public async ValueTask<IReadOnlyDictionary<EventNid, int>> LengthsAsync(
        IReadOnlyCollection<EventNid> nids, CancellationToken stop)
    {
        var rows = await reads.ByKeysAsync(
            LengthsOfNids, nids, By.Nid, static row => (Nid: row.Nid(0), Length: row.Int32(1)), stop);
        return rows.DistinctBy(row => row.Nid).ToDictionary(row => row.Nid, row => row.Length);
    }

    public ValueTask<IReadOnlyList<EventNid>> WaitingRedactionsAsync(
        RoomNid room, string? targetId, int limit, CancellationToken stop) =>
        targetId is null
            ? reads.ListAsync(
                Waiting, (room, limit), static (a, q) => a.Room(q.room).Int(q.limit), static row => row.Nid(0), stop)
            : reads.ListAsync(
                WaitingFor,
                (room, targetId, limit),
                static (a, q) => a.Room(q.room).EventId(q.targetId).Int(q.limit),
                static row => row.Nid(0),
                stop);

    public ValueTask<IReadOnlyList<EventRow>> RangeAsync(
        RoomNid room,
        EventNid from,
        EventNid? until,
        Direction direction,
        int limit,
        EventMarks without,
        CancellationToken stop)
    {
        var forward = direction == Direction.Forward;
        var end = until ?? (forward ? EventNid.LastOf(room) : EventNid.FirstOf(room));
        return reads.ListAsync(
            forward ? After : Before,
            (from, end, without, limit),
            static (a, q) => a.Nid(q.from).Nid(q.end).Int((int)q.without).Int(q.limit),
            Row,
            stop);
    }

    public ValueTask<IReadOnlyList<EventRow>> AfterPositionAsync(
        long after, long through, int limit, CancellationToken stop) =>
        reads.ListAsync(
            ByPosition,
            (after, through, limit),
            static (a, q) => a.Int(q.after).Int(q.through).Int(q.limit),
            Row,
            stop);

    public ValueTask<IReadOnlyList<CommitRow>> CommitsBackAsync(long from, int limit, CancellationToken stop) =>
        reads.ListAsync(
            CommitsBack,
            (from, limit),
            static (a, q) => a.Int(q.from).Int(q.limit),
            static row => new CommitRow(row.Int64(0), row.Nid(1), (uint)row.Int64(2)),
            stop);

    public async ValueTask<uint> LastOutlierAsync(RoomNid room, CancellationToken stop) =>
        (await reads.FirstAsync(
            LastOutlier,
            (First: EventNid.FirstOf(room), End: EventNid.Of(room, EventNid.FirstHistoryOrdinal)),
            static (a, q) => a.Nid(q.First).Nid(q.End),
            static row => row.Nid(0),
            stop)).Ordinal;

    public async ValueTask<IReadOnlyDictionary<EventNid, EventNid>> RenumberedAsync(
        IReadOnlyCollection<EventNid> outliers, CancellationToken stop)
    {
        var rows = await reads.ByKeysAsync(
            Renumbered, outliers, By.Nid, static row => (Outlier: row.Nid(0), Live: row.Nid(1)), stop);
        return rows.DistinctBy(row => row.Outlier).ToDictionary(row => row.Outlier, row => row.Live);
    }

    public ValueTask<EventRefused?> RefusalAsync(EventNid nid, CancellationToken stop) => reads.FirstAsync(
        Refusal,
        nid,
        static (a, nid) => a.Nid(nid),
        row => new EventRefused(nid, row.Text(0), row.Text(1)),
        stop);

    public ValueTask<IReadOnlyList<EventRow>> StateEventsAsync(
        RoomNid room, EventNid after, int limit, CancellationToken stop) =>
        reads.ListAsync(
            StatePage,
            (after, Last: EventNid.LastOf(room), limit),
            static (a, q) => a.Nid(q.after).Nid(q.Last).Int(q.limit),
            Row,
            stop);

    public ValueTask<IReadOnlyList<EventRow>> RedactedByAsync(
        IReadOnlyCollection<EventNid> redactions, CancellationToken stop) =>
        reads.ByKeysAsync(ByRedaction, redactions, By.Nid, Row, stop);

    public async ValueTask<EventNid> LastNidAtAsync(RoomNid room, long position, CancellationToken stop) =>
        (await LastNidsAtAsync([room], position, stop)).GetValueOrDefault(room);

    public async ValueTask<IReadOnlyDictionary<RoomNid, EventNid>> LastNidsAtAsync(
        IReadOnlyCollection<RoomNid> rooms, long position, CancellationToken stop)
    {
        var nids = await reads.ByKeysAsync(
            LastAt, rooms, By.Room, position, static (a, at) => a.Int(at), static row => row.Nid(0), stop);
        return nids.Where(nid => !nid.IsNone).DistinctBy(nid => nid.Room).ToDictionary(nid => nid.Room);
    }

    private static EventRow Row(IRow row) => new(
        row.Nid(0),
        row.EventId(1),
        row.Int64(2),
        row.Int32(3),
        (EventMarks)row.Int64(4),
        row.Int32(5),
        row.Text(6),
        row.Nid(7),
        row.Nid(8),
        row.TextOrNull(9) is { } device ? new SentAs(device, row.Text(10)) : null,
        row.Blob(11));

    private static Statement Of(string which) => Statement.Of($"{InSqlite} {which}", $"{InPostgres} {which}");

    private static Statement ByKeys(string which) => Statement.ByKeys($"{InSqlite} {which}", $"{InPostgres} {which}");
}
