using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Media;

namespace Matrix.Host.Storage.Tables.UrlPreviews;

internal sealed class UrlPreviewsTable(IReads reads) : IUrlPreviewsTable
{
    private const string Columns = "p.url, p.fetched_at, p.body, p.media_id, p.image_bytes";

    private static readonly Statement Find = Statement.Of($"""
        SELECT {Columns} FROM url_previews p WHERE p.url = $1 AND p.fetched_at BETWEEN $2 AND $3
        ORDER BY p.fetched_at DESC LIMIT 1
        """);

    private static readonly Statement Oldest = Statement.Of(
        $"SELECT {Columns} FROM url_previews p ORDER BY p.fetched_at LIMIT $1");

    private static readonly Statement Use = Statement.Of(
        "SELECT COUNT(*), CAST(COALESCE(SUM(image_bytes), 0) AS BIGINT) FROM url_previews");

    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO url_previews (url, fetched_at, body, media_id, image_bytes) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (url, fetched_at) DO NOTHING
        """);

    private static readonly Statement Delete = Statement.Of(
        "DELETE FROM url_previews WHERE url = $1 AND fetched_at = $2");

    public ValueTask<UrlPreviewRow?> FindAsync(string url, long from, long to, CancellationToken stop) =>
        reads.FirstAsync(
            Find, (url, from, to), static (a, q) => a.Text(q.url).Int(q.from).Int(q.to), Map, stop);

    public ValueTask<IReadOnlyList<UrlPreviewRow>> OldestAsync(int limit, CancellationToken stop) =>
        reads.ListAsync(Oldest, limit, static (a, count) => a.Int(count), Map, stop);

    public ValueTask<MediaUse> UseAsync(CancellationToken stop) => reads.FirstAsync(
        Use, 0, static (_, _) => { }, static row => new MediaUse(row.Int64(0), row.Int64(1)), stop);

    public static void Register(WriteHandlers handlers) => handlers
        .On<UrlPreviewStored>(static (op, writes) => writes.Run(Insert, op.Preview, static (a, preview) => a
            .Text(preview.Url).Int(preview.FetchedAt).Blob(preview.Body).TextOrNull(preview.MediaId)
            .Int(preview.ImageBytes)))
        .On<UrlPreviewDeleted>(static (op, writes) => writes.Run(
            Delete, op, static (a, op) => a.Text(op.Url).Int(op.FetchedAt)));

    private static UrlPreviewRow Map(IRow row) =>
        new(row.Text(0), row.Int64(1), row.Blob(2), row.TextOrNull(3), row.Int64(4));
}
