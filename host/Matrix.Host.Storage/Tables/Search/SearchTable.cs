using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Storage.Tables.Search;

/// <summary>
/// The words of searchable events, which the core divides texts into, and the events that are still to be indexed.
/// v1.19 client-server-api#server-side-search
/// </summary>
/// <remarks>
/// A row takes about 30 bytes and twice its words: once as they are, to delete them, and once in the index. There is at
/// most one row for an event.
/// </remarks>
public sealed class SearchTable(IReads reads)
{
    private const string Columns = "d.event_nid, d.text_nid, d.ts, d.words";

    /// <summary>
    /// The key of message bodies. Rows of all other keys have one more word, by which they are found without those of
    /// messages: a private character, of which no word of a text is made.
    /// </summary>
    private const int BodyKind = 0;

    private const string NotOfBody = " \uE000";

    private const string Conditions = "(1 << d.kind) & $2 <> 0 AND d.ts <= $3";

    private const string BeforePlace = "d.ts <= $4 AND (d.ts < $4 OR d.event_nid < $6)";

    // The words contain nothing that has a meaning in a query.
    private const string PostgresQuery = "replace(replace($1, ' ', ' & '), '*', ':*')";
    private const string PostgresQueryOfRooms = "CAST(replace(replace($2, ' ', ' & '), '*', ':*') AS tsquery)";

    // CROSS JOIN makes SQLite begin with the index. The function allows PostgreSQL to use its own.
    private static readonly Statement Find = Statement.Of(
        $"""
        SELECT {Columns} FROM search_words w CROSS JOIN search_events d ON d.event_nid = -w.rowid
        WHERE w.search_words MATCH $1 AND {Conditions} LIMIT $4
        """,
        $"SELECT {Columns} FROM search_find({PostgresQuery}, $2, $3, $4) d");

    // Numbers of a room are one range; SQLite's index has them negative, the newest first. The function is the operator
    // @@ without its index: this query is for words that many events have, and reading a room backward finds some soon.
    // Its words are made once, not for each row.
    private static readonly Statement Newest = Statement.ByKeys(
        $"""
        SELECT {Columns} FROM search_words w CROSS JOIN search_events d ON d.event_nid = -w.rowid
        WHERE w.search_words MATCH $2
            AND w.rowid > -($1 + 1) * 4294967296 AND w.rowid <= -$1 * 4294967296
            AND (1 << d.kind) & $3 <> 0 AND {BeforePlace}
        ORDER BY w.rowid LIMIT $5
        """,
        $"""
        WITH q AS MATERIALIZED (SELECT {PostgresQueryOfRooms} AS words)
        SELECT h.event_nid, h.text_nid, h.ts, h.words FROM unnest($1) AS r (room_nid) CROSS JOIN q
        CROSS JOIN LATERAL (
            SELECT {Columns} FROM search_events d
            WHERE d.event_nid >= r.room_nid * 4294967296 AND d.event_nid < (r.room_nid + 1) * 4294967296
                AND ts_match_vq(d.tokens, q.words)
                AND (1 << d.kind) & $3 <> 0 AND {BeforePlace}
            ORDER BY d.event_nid DESC LIMIT $5) h
        """);

    private static readonly Statement Replaced = Statement.ByKeys(
        "SELECT DISTINCT parent_id FROM relations WHERE parent_id = KEY AND rel_type = 'm.replace'");

    private static readonly Statement Pending = Statement.Of(
        "SELECT first_nid, last_nid, position FROM search_pending ORDER BY first_nid DESC LIMIT $1");

    private static readonly Statement Delete = Statement.Of("DELETE FROM search_events WHERE event_nid = $1");

    // The times of the rows next to a row in its room. A number is that of the room, times 2^32, and an ordinal.
    private const string TsBelow = """
        (SELECT b.ts FROM search_events b WHERE b.event_nid < NID AND b.event_nid >= NID / 4294967296 * 4294967296
            ORDER BY b.event_nid DESC LIMIT 1)
        """;

    private const string TsAbove = """
        (SELECT b.ts FROM search_events b
            WHERE b.event_nid > NID AND b.event_nid < (NID / 4294967296 + 1) * 4294967296
            ORDER BY b.event_nid LIMIT 1)
        """;

    // Since the event was read it may have been redacted, or deleted with its room or by a purge.
    private static readonly Statement Put = Statement.Of(
        Insert("$1", "$2", "$3", "$4, $5, $6", "max", "min"),
        Insert("$1", "$2", "$3", "$4, $5, array_to_tsvector(string_to_array($6, ' '))", "GREATEST", "LEAST"));

    private static readonly Statement PutNew = Statement.OfRows(
        Insert("$1", "$1", "$2", "$3, $4, $5", "max", "min") + Once,
        Insert("$1", "$1", "$2", "$3, $4, array_to_tsvector(string_to_array($5, ' '))", "GREATEST", "LEAST") + Once,
        $"""
        INSERT INTO search_events (event_nid, text_nid, ts, kind, words, tokens)
        SELECT r.nid, r.nid,
            GREATEST(
                COALESCE({Of(TsBelow, "r.nid")}, r.ts),
                MAX(LEAST(r.ts, COALESCE({Of(TsAbove, "r.nid")}, r.ts)))
                    OVER (PARTITION BY r.nid / 4294967296 ORDER BY r.nid)),
            r.kind, r.words, array_to_tsvector(string_to_array(r.tokens, ' '))
        FROM unnest($1, $2, $3, $4, $5) AS r (nid, ts, kind, words, tokens)
        WHERE EXISTS (SELECT 1 FROM events WHERE event_nid = r.nid AND redacted_by IS NULL)
        {Once}
        """);

    private const string Once = " ON CONFLICT (event_nid) DO NOTHING";

    private static readonly Statement AddPending = Statement.Of("""
        INSERT INTO search_pending (first_nid, last_nid, position) VALUES ($1, $2, $3)
        ON CONFLICT (first_nid) DO UPDATE SET position = excluded.position,
            last_nid = CASE WHEN excluded.last_nid > search_pending.last_nid THEN excluded.last_nid
                ELSE search_pending.last_nid END
        """);

    private static readonly Statement AddEdited = Statement.Of("""
        INSERT INTO search_pending (first_nid, last_nid, position)
        SELECT event_nid, event_nid, $2 FROM search_events WHERE text_nid = $1 AND text_nid <> event_nid
        ON CONFLICT (first_nid) DO UPDATE SET position = excluded.position
        """);

    // An edit that was redacted or deleted since it was read: the event is to be indexed with what it has now.
    private static readonly Statement AddLostEdit = Statement.Of("""
        INSERT INTO search_pending (first_nid, last_nid, position)
        SELECT $1, $1, $3 WHERE EXISTS (SELECT 1 FROM events WHERE event_nid = $1)
            AND NOT EXISTS (SELECT 1 FROM events WHERE event_nid = $2 AND redacted_by IS NULL)
        ON CONFLICT (first_nid) DO UPDATE SET position = excluded.position
        """);

    private static readonly Statement DeleteRedacted = Statement.Of(
        "DELETE FROM search_events WHERE event_nid = $1 OR (text_nid = $1 AND text_nid <> event_nid)");

    private static readonly Statement DeletePending = Statement.Of(
        "DELETE FROM search_pending WHERE first_nid = $1 AND last_nid = $2 AND position = $3");

    // The range that is left keeps its end, and joins one that begins at the same event.
    private static readonly Statement MovePending = Statement.Of("""
        INSERT INTO search_pending (first_nid, last_nid, position)
        SELECT $4, last_nid, position FROM search_pending WHERE first_nid = $1 AND last_nid = $2 AND position = $3
        ON CONFLICT (first_nid) DO UPDATE SET position = excluded.position,
            last_nid = CASE WHEN excluded.last_nid > search_pending.last_nid THEN excluded.last_nid
                ELSE search_pending.last_nid END
        """);

    private static readonly Statement JoinPending = Statement.Of("""
        INSERT INTO search_pending (first_nid, last_nid, position)
        SELECT MIN(first_nid), MAX(last_nid), $1 FROM search_pending
            GROUP BY first_nid / 4294967296 HAVING COUNT(*) > 1
        ON CONFLICT (first_nid) DO UPDATE SET last_nid = excluded.last_nid, position = excluded.position
        """);

    private static readonly Statement DropJoined = Statement.Of("""
        DELETE FROM search_pending WHERE position <> $1 AND first_nid / 4294967296 IN (
            SELECT first_nid / 4294967296 FROM search_pending WHERE position = $1)
        """);

    // A row for each page.
    private static readonly Statement SegmentPages = Statement.Of(
        "SELECT COUNT(*) FROM search_words_idx GROUP BY segid", "SELECT CAST(0 AS bigint) WHERE false");

    // With a negative number all segments are merged, and not only those of one level.
    private static readonly Statement Merge = Statement.Of(
        "INSERT INTO search_words (search_words, rank) VALUES ('merge', -$1)",
        "SELECT CAST($1 AS bigint) WHERE false");

    internal static void Register(WriteHandlers handlers) => handlers
        .On<EventIndexed>(static (op, writes) =>
        {
            if (op.IsNew)
            {
                writes.Run(PutNew, op, static (a, op) => a
                    .Nid(op.Event).Int(op.Ts).Int(op.Kind).Int(op.Count).Text(WordsOf(op)));
                return;
            }

            writes.Run(Delete, op, static (a, op) => a.Nid(op.Event));
            writes.Run(Put, op, static (a, op) => a
                .Nid(op.Event).Nid(op.Text).Int(op.Ts).Int(op.Kind).Int(op.Count).Text(WordsOf(op)));
            if (op.Text == op.Event) return;
            writes.Run(AddLostEdit, op, static (a, op) => a.Nid(op.Event).Nid(op.Text).Position());
        })
        .On<SegmentsMerged>(Merge, static (a, op) => a.Int(op.Pages))
        .On<EventUnindexed>(Delete, static (a, op) => a.Nid(op.Event))
        .On<PendingRangesJoined>(static (op, writes) =>
        {
            writes.Run(JoinPending, op, static (a, _) => a.Position());
            writes.Run(DropJoined, op, static (a, _) => a.Position());
        })
        .On<RangeIndexed>(static (op, writes) =>
        {
            if (!op.Next.IsNone)
            {
                writes.Run(MovePending, op, static (a, op) =>
                    a.Nid(op.Range.First).Nid(op.Range.Last).Int(op.Range.Position).Nid(op.Next));
            }

            writes.Run(DeletePending, op, static (a, op) =>
                a.Nid(op.Range.First).Nid(op.Range.Last).Int(op.Range.Position));
        })
        .On<EventsAppended>(static (op, writes) =>
        {
            if (HistoryOf(op) is { } range)
            {
                writes.Run(AddPending, range, static (a, range) => a.Nid(range.First).Nid(range.Last).Position());
            }
        })
        .On<EventRedacted>(static (op, writes) =>
        {
            writes.Run(AddEdited, op, static (a, op) => a.Nid(op.Nid).Position());
            writes.Run(DeleteRedacted, op, static (a, op) => a.Nid(op.Nid));
        });

    /// <summary>Hits in all rooms, at most this many, in no order.</summary>
    public ValueTask<IReadOnlyList<SearchRow>> FindAsync(
        SearchWordsQuery query, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Find,
            (query, limit),
            static (a, q) => a.Text(WordsOf(q.query)).Int(q.query.Kinds).Int(q.query.ThroughTs).Int(q.limit),
            Row,
            stop);

    /// <summary>The newest hits of each of these rooms, at most this many of each. The cost follows the hits.</summary>
    public ValueTask<IReadOnlyList<SearchRow>> NewestAsync(
        IReadOnlyCollection<RoomNid> rooms, SearchWordsQuery query, int limit, CancellationToken stop) =>
        reads.ByKeysAsync(
            Newest,
            rooms,
            By.Room,
            (query, limit),
            static (a, q) => a
                .Text(WordsOf(q.query))
                .Int(q.query.Kinds)
                .Int(q.query.ThroughTs)
                .Int(q.limit)
                .Int(q.query.Before.Value),
            Row,
            stop);

    /// <summary>Those of these events that another event replaces (`m.replace`).</summary>
    public async ValueTask<IReadOnlySet<string>> ReplacedAsync(
        IReadOnlyCollection<string> eventIds, CancellationToken stop) =>
        (await reads.ByKeysAsync(Replaced, eventIds, By.EventId, static row => row.EventId(0), stop)).ToHashSet();

    /// <summary>Ranges of events that are to be indexed, at most this many.</summary>
    public ValueTask<IReadOnlyList<PendingRange>> PendingAsync(int limit, CancellationToken stop) =>
        reads.ListAsync(
            Pending,
            limit,
            static (a, limit) => a.Int(limit),
            static row => new PendingRange(row.Nid(0), row.Nid(1), row.Int64(2)),
            stop);

    /// <summary>The pages of each segment of SQLite's index. PostgreSQL's has none.</summary>
    public ValueTask<IReadOnlyList<long>> SegmentPagesAsync(CancellationToken stop) =>
        reads.ListAsync(SegmentPages, static row => row.Int64(0), stop);

    private static string WordsOf(EventIndexed indexed) =>
        indexed.Kind == BodyKind ? indexed.Words : indexed.Words + NotOfBody;

    private static string WordsOf(SearchWordsQuery query) =>
        (query.Kinds & (1 << BodyKind)) != 0 ? query.Words : query.Words + NotOfBody;

    private static string Of(string neighbour, string nid) => neighbour.Replace("NID", nid, StringComparison.Ordinal);

    /// <summary>Inserts a row with a time that is within those of its neighbours.</summary>
    private static string Insert(string nid, string text, string ts, string rest, string max, string min) => $"""
        INSERT INTO search_events (event_nid, text_nid, ts, kind, words, tokens)
        SELECT {nid}, {text},
            {max}(COALESCE({Of(TsBelow, nid)}, {ts}), {min}({ts}, COALESCE({Of(TsAbove, nid)}, {ts}))), {rest}
        WHERE EXISTS (SELECT 1 FROM events WHERE event_nid = {nid} AND redacted_by IS NULL)
            AND EXISTS (SELECT 1 FROM events WHERE event_nid = {text} AND redacted_by IS NULL)
        """;

    private static SearchRow Row(IRow row) => new(row.Nid(0), row.Nid(1), row.Int64(2), row.Int32(3));

    /// <summary>The range of the fetched history among new events; null if there is none.</summary>
    private static (EventNid First, EventNid Last)? HistoryOf(EventsAppended appended)
    {
        (EventNid First, EventNid Last)? range = null;
        for (var i = 0; i < appended.Events.Count; i++)
        {
            var row = appended.Events[i].Row;
            if ((row.Marks & EventMarks.Backfilled) == 0 || (row.Marks & StoredEvent.Hidden) != 0) continue;
            range = range is { } so
                ? (Least(so.First, row.Nid), Greatest(so.Last, row.Nid))
                : (row.Nid, row.Nid);
        }

        return range;
    }

    private static EventNid Least(EventNid a, EventNid b) => a.Value < b.Value ? a : b;

    private static EventNid Greatest(EventNid a, EventNid b) => a.Value > b.Value ? a : b;
}
