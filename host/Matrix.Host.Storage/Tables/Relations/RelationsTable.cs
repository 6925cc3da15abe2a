using Matrix.Core.Room;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Storage.Tables.Relations;

/// <summary>
/// Relations between events, and threads. v1.19 client-server-api#forming-relationships-between-events,
/// v1.19 client-server-api#threading
/// </summary>
public sealed class RelationsTable(IReads reads, StorageOptions options)
{
    // Events of other rooms can name the same parent; they do not count.
    private const string Participated = """
        CASE WHEN EXISTS (SELECT 1 FROM relations p WHERE p.parent_id = t.root_id AND p.rel_type = 'm.thread'
            AND p.sender = $2
                              AND p.event_nid >= t.room_nid * 4294967296
                                  AND p.event_nid < (t.room_nid + 1) * 4294967296)
               OR EXISTS (SELECT 1 FROM events p WHERE p.event_id = t.root_id AND p.sender = $2
                   AND p.event_nid / 4294967296 = t.room_nid)
             THEN 1 ELSE 0 END
        """;

    // The shorter path to an event that relates to two of the tree's is found first. UNION keeps one row of each depth,
    // and the reader keeps the first.
    private static readonly string Tree = """
        WITH RECURSIVE tree(event_nid, parent_id, depth) AS (
            SELECT event_nid, parent_id, CAST(1 AS BIGINT) FROM relations
            WHERE parent_id = $1 AND event_nid >= $2 AND event_nid <= $3
            UNION
            SELECT r.event_nid, r.parent_id, t.depth + 1
            FROM tree t JOIN events e ON e.event_nid = t.event_nid
                 JOIN relations r ON r.parent_id = e.event_id AND r.event_nid >= $2 AND r.event_nid <= $3
            WHERE t.depth < $4
        )
        SELECT r.event_nid, e.event_id, r.parent_id, r.rel_type, r.event_type, r.sender, MIN(t.depth)
        FROM tree t JOIN relations r ON r.event_nid = t.event_nid JOIN events e ON e.event_nid = t.event_nid
        WHERE ($5 IS NULL OR r.rel_type = $5) AND ($6 IS NULL OR r.event_type = $6) AND r.event_nid >= $7
            AND r.event_nid <= $8
            AND ($10 IS NULL OR r.sender = $10)
        GROUP BY r.event_nid, e.event_id, r.parent_id, r.rel_type, r.event_type, r.sender
        """;

    private static readonly Statement TreeForward = TreeStatement("ORDER BY r.event_nid LIMIT $9");
    private static readonly Statement TreeBackward = TreeStatement("ORDER BY r.event_nid DESC LIMIT $9");

    private const string Children = """
        SELECT r.event_nid, e.event_id, r.parent_id, r.rel_type, r.event_type, r.sender, 1
        FROM relations r JOIN events e ON e.event_nid = r.event_nid
        WHERE r.parent_id = $1 AND ($2 IS NULL OR r.rel_type = $2) AND ($3 IS NULL OR r.event_type = $3)
          AND r.event_nid >= $4 AND r.event_nid <= $5 AND ($7 IS NULL OR r.sender = $7)
        """;

    private static readonly Statement ChildrenForward = ChildrenStatement("ORDER BY r.event_nid LIMIT $6");
    private static readonly Statement ChildrenBackward = ChildrenStatement("ORDER BY r.event_nid DESC LIMIT $6");

    // Only events of the same room count: an event's number divided by 2^32 is its room's. Kinds: 1 replacement, 2
    // thread, 3 reference. References come first: their columns give the union its types. All replacements of the
    // latest time are read: the text of their ids decides between them, and the stored bytes have another order.
    private static readonly Statement Aggregations = Statement.ByKeys($"""
        SELECT 3, parent_id, event_nid, NULL, event_id, 0, 0 FROM (
            SELECT r.parent_id, r.event_nid, c.event_id, ROW_NUMBER() OVER (PARTITION BY r.parent_id
                ORDER BY r.event_nid) AS place
            FROM relations r JOIN events c ON c.event_nid = r.event_nid
            WHERE r.parent_id = KEY AND r.rel_type = 'm.reference' AND r.event_nid / 4294967296 = $3
        ) refs WHERE place <= $4
        UNION ALL
        SELECT 1, parent_id, event_nid, event_type, event_id, 0, 0 FROM (
            SELECT r.parent_id, r.event_nid, r.event_type, c.event_id,
                   RANK() OVER (PARTITION BY r.parent_id, r.event_type ORDER BY r.origin_server_ts DESC) AS place,
                   ROW_NUMBER() OVER (PARTITION BY r.parent_id, r.event_type
                       ORDER BY r.origin_server_ts DESC, r.event_nid DESC) AS nth
            FROM relations r JOIN events p ON p.event_id = r.parent_id AND p.sender = r.sender
                JOIN events c ON c.event_nid = r.event_nid
            WHERE r.parent_id = KEY AND r.rel_type = 'm.replace' AND r.event_nid / 4294967296 = $3
        ) replacements WHERE place = 1 AND nth <= $5
        UNION ALL
        SELECT 2, t.root_id, t.latest_nid, NULL, NULL, t.count, {Participated} FROM threads t WHERE t.root_id = KEY
            AND t.room_nid = $3
        """);

    private static readonly Statement HasThread = Statement.Of(
        "SELECT 1 FROM threads WHERE room_nid = $1 AND root_id = $2");

    private static readonly Statement ThreadSenders = Statement.Of("""
        SELECT sender, COUNT(*), MAX(event_nid) FROM relations
        WHERE parent_id = $1 AND rel_type = 'm.thread' AND event_nid >= $2 AND event_nid <= $3
        GROUP BY sender ORDER BY MAX(event_nid) DESC LIMIT $4
        """);

    private static readonly Statement Any = Statement.ByKeys(
        $"SELECT $1 WHERE {AnyOf("$1")}",
        $"SELECT r.room_nid FROM unnest($1) AS r (room_nid) WHERE {AnyOf("r.room_nid")}");

    private static readonly Statement Annotated = Statement.Of("""
        SELECT 1 FROM relations WHERE parent_id = $1 AND sender = $2 AND event_type = $3 AND annotation_key = $4
            AND rel_type = 'm.annotation'
            AND event_nid / 4294967296 = $5
        LIMIT 1
        """);

    private static readonly Statement Threads = Statement.Of($"""
        SELECT root_id, latest_nid, count, took_part FROM (
            SELECT t.root_id, t.latest_nid, t.count, {Participated} AS took_part FROM threads t
                WHERE t.room_nid = $1 AND t.latest_nid < $3
        ) found WHERE took_part >= $4 ORDER BY latest_nid DESC LIMIT $5
        """);

    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO relations (event_nid, parent_id, rel_type, event_type, sender, origin_server_ts, annotation_key)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """);

    private static readonly Statement MoveThread = Statement.Of("""
        INSERT INTO threads (room_nid, root_id, latest_nid, count) VALUES ($1, $2, $3, 1)
        ON CONFLICT (room_nid, root_id) DO UPDATE SET count = threads.count + 1,
            latest_nid = CASE WHEN excluded.latest_nid > threads.latest_nid THEN excluded.latest_nid
                ELSE threads.latest_nid END
        """);

    private static readonly Statement ShrinkThread = Statement.Of("""
        UPDATE threads SET count = count - 1, latest_nid = COALESCE((
            SELECT MAX(event_nid) FROM relations r WHERE r.parent_id = threads.root_id AND r.rel_type = 'm.thread'
                AND r.event_nid <> $1
                AND r.event_nid >= threads.room_nid * 4294967296
                    AND r.event_nid < (threads.room_nid + 1) * 4294967296), 0)
        WHERE room_nid = $2 AND root_id = (SELECT parent_id FROM relations WHERE event_nid = $1
            AND rel_type = 'm.thread')
        """);

    private static readonly Statement EndThread = Statement.Of("""
        DELETE FROM threads
        WHERE room_nid = $2 AND count <= 0 AND root_id = (SELECT parent_id FROM relations WHERE event_nid = $1
            AND rel_type = 'm.thread')
        """);

    private static readonly Statement Delete = Statement.Of("DELETE FROM relations WHERE event_nid = $1");

    internal static void Register(WriteHandlers handlers) => handlers
        .On<EventsAppended>(static (op, writes) =>
        {
            for (var i = 0; i < op.Events.Count; i++)
            {
                if (op.Events[i].Relation is { } relation) Put(op.Events[i], relation, writes);
            }
        })
        .On<EventRedacted>(static (op, writes) =>
        {
            writes.Run(ShrinkThread, op, static (a, op) => a.Nid(op.Nid).Room(op.Nid.Room));
            writes.Run(EndThread, op, static (a, op) => a.Nid(op.Nid).Room(op.Nid.Room));
            writes.Run(Delete, op, static (a, op) => a.Nid(op.Nid));
        });

    private static void Put(StoredEvent child, Relation relation, IWrites writes)
    {
        writes.Run(Insert, (child, relation), static (a, q) => a
            .Nid(q.child.Nid).EventId(q.relation.ParentId).Text(q.relation.RelType).Text(q.child.Pdu.Type)
            .Text(q.child.Row.Sender)
            .Int(q.child.OriginServerTs).TextOrNull(q.relation.Key));
        if (relation.RelType == "m.thread")
        {
            writes.Run(MoveThread, (child, relation), static (a, q) => a
                .Room(q.child.Nid.Room).EventId(q.relation.ParentId).Nid(q.child.Nid));
        }
    }

    /// <summary>
    /// Events that relate to a parent, in timeline order, starting next to <see cref="RelationsQuery.From"/>. With a
    /// depth above 1, also events that relate to these, up to <see cref="StorageOptions.MaxRelationDepth"/>.
    /// </summary>
    public ValueTask<IReadOnlyList<RelationRow>> ChildrenAsync(RelationsQuery query, CancellationToken stop)
    {
        var forward = query.Direction == Direction.Forward;
        var depth = Math.Min(query.Depth, options.MaxRelationDepth);
        var (low, high) = Bounds(query, forward);
        if (depth <= 1)
        {
            return reads.ListAsync(
                forward ? ChildrenForward : ChildrenBackward,
                (query, low, high),
                static (a, q) => a
                    .EventId(q.query.ParentId).TextOrNull(q.query.RelType).TextOrNull(q.query.EventType).Int(q.low)
                    .Int(q.high)
                    .Int(q.query.Limit).TextOrNull(q.query.Sender),
                RelationOf,
                stop);
        }

        return reads.ListAsync(
            forward ? TreeForward : TreeBackward,
            (query, depth, low, high),
            static (a, q) => a
                .EventId(q.query.ParentId).Nid(EventNid.FirstOf(q.query.Room)).Nid(EventNid.LastOf(q.query.Room))
                .Int(q.depth)
                .TextOrNull(q.query.RelType).TextOrNull(q.query.EventType).Int(q.low).Int(q.high).Int(q.query.Limit)
                .TextOrNull(q.query.Sender),
            RelationOf,
            stop);
    }

    /// <summary>The aggregations of these events, in one round trip; events without relations are left out.</summary>
    /// <param name="reader">The user for whom `current_user_participated` is computed.</param>
    public async ValueTask<IReadOnlyDictionary<string, Aggregation>> AggregationsAsync(
        RoomNid room, IReadOnlyCollection<string> parents, string reader, CancellationToken stop)
    {
        var rows = await reads.ByKeysAsync(
            Aggregations,
            parents,
            By.EventId,
            (room, reader),
            static (a, q) =>
                a.Text(q.reader).Room(q.room).Int(Aggregation.MaxReferences).Int(Aggregation.MaxSimultaneous),
            static row => (
                Kind: row.Int32(0),
                Parent: row.EventId(1),
                Event: row.Nid(2),
                Type: row.TextOrNull(3),
                Id: row.IsNull(4) ? null : row.EventId(4),
                Count: row.Int32(5),
                Participated: row.Bool(6)),
            stop);
        return rows.Where(row => row.Event.Room == room).GroupBy(row => row.Parent)
            .ToDictionary(group => group.Key, group => new Aggregation
            {
                Replacements =
                [
                    .. group.Where(row => row.Kind == 1).GroupBy(row => row.Type!)
                        .Select(ofType => new ReplacementRow(
                            ofType.Key, ofType.MaxBy(row => row.Id!, StringComparer.Ordinal).Event)),
                ],
                Thread = group.Where(row => row.Kind == 2)
                    .Select(row => new ThreadRow(row.Parent, row.Event, row.Count, row.Participated))
                    .FirstOrDefault(),
                References = [.. group.Where(row => row.Kind == 3).OrderBy(row => row.Event).Select(row => row.Id!)],
            });
    }

    /// <summary>Whether an event of the room is the root of a thread with at least one event.</summary>
    public async ValueTask<bool> HasThreadAsync(
        RoomNid room, string rootId, CancellationToken stop) => await reads.FirstAsync(
        HasThread, (room, rootId), static (a, q) => a.Room(q.room).EventId(q.rootId), static _ => true, stop);

    /// <summary>
    /// The senders of a thread's events up to one of them, the latest senders first; the root does not count.
    /// </summary>
    public ValueTask<IReadOnlyList<ThreadSender>> ThreadSendersAsync(
        RoomNid room, string rootId, EventNid through, int limit, CancellationToken stop) => reads.ListAsync(
            ThreadSenders,
            (room, rootId, through, limit),
            static (a, q) => a.EventId(q.rootId).Nid(EventNid.FirstOf(q.room)).Nid(q.through).Int(q.limit),
            static row => new ThreadSender(row.Text(0), row.Int32(1), row.Nid(2)),
            stop);

    /// <summary>Those of these rooms that have any event that relates to another, in one query.</summary>
    public ValueTask<IReadOnlyList<RoomNid>> AnyAsync(
        IReadOnlyCollection<RoomNid> rooms, CancellationToken stop) =>
        reads.ByKeysAsync(Any, rooms, By.Room, static row => row.Room(0), stop);

    /// <summary>
    /// Whether the sender has already annotated the parent with this type and key: a second such annotation is refused.
    /// </summary>
    public async ValueTask<bool> HasAnnotationAsync(
        RoomNid room, string parentId, string sender, string eventType, string key, CancellationToken stop) =>
            await reads.FirstAsync(
            Annotated,
            (room, parentId, sender, eventType, key),
            static (a, q) => a.EventId(q.parentId).Text(q.sender).Text(q.eventType).Text(q.key).Room(q.room),
            static _ => true,
            stop);

    /// <summary>Thread roots of a room, the one with the latest event first, a page at a time.</summary>
    /// <param name="before">Only threads whose latest event is before this one; null for the first page.</param>
    /// <param name="reader">The user for whom participation is computed.</param>
    /// <param name="participatedOnly">Only threads with an event of the reader, root included.</param>
    public ValueTask<IReadOnlyList<ThreadRow>> ThreadsAsync(
        RoomNid room, EventNid? before, string reader, bool participatedOnly, int limit, CancellationToken stop) =>
            reads.ListAsync(
            Threads,
            (room, reader, before, participatedOnly, limit),
            static (a, q) =>
                a.Room(q.room).Text(q.reader).Int(q.before?.Value ?? long.MaxValue).Bool(q.participatedOnly)
                    .Int(q.limit),
            static row => new ThreadRow(row.EventId(0), row.Nid(1), row.Int32(2), row.Bool(3)),
            stop);

    private static (long Low, long High) Bounds(RelationsQuery query, bool forward)
    {
        var first = EventNid.FirstOf(query.Room).Value;
        var last = EventNid.LastOf(query.Room).Value;
        return forward
            ? (query.From?.Value + 1 ?? first, query.Until?.Value ?? last)
            : (query.Until?.Value ?? first, query.From?.Value - 1 ?? last);
    }

    private static RelationRow RelationOf(IRow row) => new(
        row.Nid(0), row.EventId(1), row.EventId(2), row.Text(3), row.Text(4), row.Text(5), row.Int32(6));

    private static Statement ChildrenStatement(string order) => Statement.Of(Children + "\n" + order);

    private static Statement TreeStatement(string order) => Statement.Of(Tree + "\n" + order);

    private static string AnyOf(string room) => $"""
        EXISTS (SELECT 1 FROM relations
            WHERE event_nid >= {room} * 4294967296 AND event_nid < ({room} + 1) * 4294967296)
        """;
}
