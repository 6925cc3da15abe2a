using System.Globalization;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Storage.Tables.AuthChains;

internal sealed class AuthChainsTable(IReads reads) : IAuthChainsTable
{
    private static readonly Statement Citing = Statement.Of(
        "SELECT citing_nid FROM auth_citations WHERE cited_nid = $1 ORDER BY citing_nid DESC LIMIT $2");

    // The numbers come as one text, because a recursion from each of them would read shared chains many times.
    private static readonly Statement Chain = Statement.Of(
        """
        WITH RECURSIVE chain (nid) AS (
            SELECT CAST(value AS INTEGER) FROM json_each('[' || $1 || ']')
            UNION SELECT c.cited_nid FROM chain JOIN auth_citations c ON c.citing_nid = chain.nid)
        SELECT nid FROM chain
        """,
        """
        WITH RECURSIVE chain (nid) AS (
            SELECT CAST(value AS BIGINT) FROM unnest(string_to_array($1, ',')) AS value
            UNION SELECT c.cited_nid FROM chain JOIN auth_citations c ON c.citing_nid = chain.nid)
        SELECT nid FROM chain
        """);

    private static readonly Statement Heights = Statement.ByKeys(
        "SELECT event_nid, height FROM auth_heights WHERE event_nid = KEY");

    private static readonly Statement InsertCitation = Statement.Of(
        "INSERT INTO auth_citations (cited_nid, citing_nid) VALUES ($1, $2) ON CONFLICT DO NOTHING");

    private static readonly Statement InsertHeight = Statement.Of(
        "INSERT INTO auth_heights (event_nid, height) VALUES ($1, $2) ON CONFLICT DO NOTHING");

    private static readonly Statement CopyCitations = Statement.Of("""
        INSERT INTO auth_citations (cited_nid, citing_nid)
        SELECT c.live, a.citing_nid FROM auth_citations a, (SELECT $2 + 0 AS live) c WHERE a.cited_nid = $1
        ON CONFLICT DO NOTHING
        """);

    private static readonly Statement CopyHeight = Statement.Of("""
        INSERT INTO auth_heights (event_nid, height)
        SELECT c.live, h.height FROM auth_heights h, (SELECT $2 + 0 AS live) c WHERE h.event_nid = $1
        ON CONFLICT DO NOTHING
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .On<OutlierRenumbered>(static (op, writes) =>
        {
            writes.Run(CopyCitations, op, static (a, op) => a.Nid(op.Outlier).Nid(op.Live));
            writes.Run(CopyHeight, op, static (a, op) => a.Nid(op.Outlier).Nid(op.Live));
        })
        .On<AuthEventsIndexed>(static (op, writes) =>
        {
            if (op.Height != AuthEventsIndexed.UnknownHeight)
            {
                writes.Run(InsertHeight, op, static (a, op) => a.Nid(op.Event).Int(op.Height));
            }

            foreach (var authEvent in op.AuthEvents)
            {
                writes.Run(InsertCitation, (authEvent, op.Event), static (a, q) => a.Nid(q.authEvent).Nid(q.Event));
            }
        });

    public ValueTask<IReadOnlyList<EventNid>> CitingAsync(EventNid authEvent, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Citing,
            (authEvent, limit),
            static (a, q) => a.Nid(q.authEvent).Int(q.limit),
            static row => row.Nid(0),
            stop);

    public async ValueTask<IReadOnlyList<EventNid>> ChainAsync(
        IReadOnlyCollection<EventNid> events, CancellationToken stop) =>
        events.Count == 0
            ? []
            : await reads.ListAsync(
                Chain,
                string.Join(',', events.Select(nid => nid.Value.ToString(CultureInfo.InvariantCulture))),
                static (a, numbers) => a.Text(numbers),
                static row => row.Nid(0),
                stop);

    public async ValueTask<IReadOnlyDictionary<EventNid, int>> HeightsAsync(
        IReadOnlyCollection<EventNid> events, CancellationToken stop)
    {
        var rows = await reads.ByKeysAsync(
            Heights, events, By.Nid, static row => (Nid: row.Nid(0), Height: row.Int32(1)), stop);
        return rows.DistinctBy(row => row.Nid).ToDictionary(row => row.Nid, row => row.Height);
    }
}
