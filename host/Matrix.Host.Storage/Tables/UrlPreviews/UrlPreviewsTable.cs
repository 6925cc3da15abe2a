using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Media;

namespace Matrix.Host.Storage.Tables.UrlPreviews;

/// <summary>
/// Previews of pages. v1.19 client-server-api#content-repository. A row takes the bytes of the address twice and of the
/// preview, some 600. Rows are deleted by age, number and the bytes of their images.
/// </summary>
public sealed class UrlPreviewsTable(IReads reads)
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

    /// <summary>The latest preview of a page that was made between two times; null if there is none.</summary>
    public ValueTask<UrlPreviewRow?> FindAsync(string url, long from, long to, CancellationToken stop) =>
        reads.FirstAsync(
            Find, (url, from, to), static (a, q) => a.Text(q.url).Int(q.from).Int(q.to), Map, stop);

    /// <summary>The oldest previews.</summary>
    public ValueTask<IReadOnlyList<UrlPreviewRow>> OldestAsync(int limit, CancellationToken stop) =>
        reads.ListAsync(Oldest, limit, static (a, count) => a.Int(count), Map, stop);

    /// <summary>The number of previews, and the bytes of their images. It reads all rows.</summary>
    public ValueTask<MediaUse> UseAsync(CancellationToken stop) => reads.FirstAsync(
        Use, 0, static (_, _) => { }, static row => new MediaUse(row.Int64(0), row.Int64(1)), stop);

    internal static void Register(WriteHandlers handlers) => handlers
        .On<UrlPreviewStored>(static (op, writes) => writes.Run(Insert, op.Preview, static (a, preview) => a
            .Text(preview.Url).Int(preview.FetchedAt).Blob(preview.Body).TextOrNull(preview.MediaId)
            .Int(preview.ImageBytes)))
        .On<UrlPreviewDeleted>(static (op, writes) => writes.Run(
            Delete, op, static (a, op) => a.Text(op.Url).Int(op.FetchedAt)));

    private static UrlPreviewRow Map(IRow row) =>
        new(row.Text(0), row.Int64(1), row.Blob(2), row.TextOrNull(3), row.Int64(4));
}

/// <summary>A preview.</summary>
/// <param name="FetchedAt">When the page was read; milliseconds since the epoch.</param>
/// <param name="Body">The preview, as JSON.</param>
/// <param name="MediaId">The image, as media of this server; null for none.</param>
/// <param name="ImageBytes">The image's bytes; 0 for none.</param>
public sealed record UrlPreviewRow(
    string Url, long FetchedAt, ReadOnlyMemory<byte> Body, string? MediaId, long ImageBytes);

/// <summary>A preview was made.</summary>
public sealed record UrlPreviewStored(UrlPreviewRow Preview) : Change
{
    internal override int Weight => 400 + Preview.Body.Length;
}

/// <summary>A preview is deleted. Its image is not.</summary>
public sealed record UrlPreviewDeleted(string Url, long FetchedAt) : Change;
