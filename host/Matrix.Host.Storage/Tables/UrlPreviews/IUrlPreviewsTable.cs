using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Media;

namespace Matrix.Host.Storage.Tables.UrlPreviews;

/// <summary>
/// Previews of pages. Client-Server API, "Content repository". A row takes the bytes of the address twice and of the
/// preview, some 600. Rows are deleted by age, number and the bytes of their images.
/// </summary>
public interface IUrlPreviewsTable
{
    /// <summary>The latest preview of a page that was made between two times; null if there is none.</summary>
    ValueTask<UrlPreviewRow?> FindAsync(string url, long from, long to, CancellationToken stop);

    /// <summary>The oldest previews.</summary>
    ValueTask<IReadOnlyList<UrlPreviewRow>> OldestAsync(int limit, CancellationToken stop);

    /// <summary>The number of previews, and the bytes of their images. It reads all rows.</summary>
    ValueTask<MediaUse> UseAsync(CancellationToken stop);
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
