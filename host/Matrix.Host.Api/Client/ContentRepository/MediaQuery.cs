using Matrix.Host.Api.Http;
using Matrix.Host.Media.Thumbnails;

namespace Matrix.Host.Api.Client.ContentRepository;

/// <summary>The queries of downloads and thumbnails, the same for clients and servers.</summary>
internal static class MediaQuery
{
    /// <summary>More than any image has each way.</summary>
    private const int MostPixels = 1 << 20;

    private static readonly TimeSpan _defaultWait = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Whether other servers are asked, at the deprecated paths, and how long to wait. The other paths have no such
    /// parameter.
    /// </summary>
    internal static (bool MayFetch, TimeSpan Wait) ReadOlder(QueryReader query) =>
        (query.Flag("allow_remote", otherwise: true), ReadWait(query));

    /// <summary>The same for thumbnails.</summary>
    internal static (bool MayFetch, (ThumbnailRequest Asked, TimeSpan Wait) Thumbnail) ReadOlderThumbnail(
        QueryReader query) => (query.Flag("allow_remote", otherwise: true), ReadThumbnail(query));

    /// <summary>How long a download waits for a content that has not been uploaded.</summary>
    internal static TimeSpan ReadWait(QueryReader query) =>
        query.Number("timeout_ms") is { } milliseconds
            ? TimeSpan.FromMilliseconds(Math.Min(milliseconds, int.MaxValue))
            : _defaultWait;

    /// <summary>The thumbnail that is wanted, and how long to wait for its content.</summary>
    internal static (ThumbnailRequest Asked, TimeSpan Wait) ReadThumbnail(QueryReader query)
    {
        var asked = new ThumbnailRequest(
            Dimension(query, "width"),
            Dimension(query, "height"),
            query.OneOf("method", "crop", "scale") == "crop",
            query.Flag("animated"));
        return (asked, ReadWait(query));
    }

    private static int Dimension(QueryReader query, string name)
    {
        if (query.RequiredText(name).Length == 0) query.Refuse(MatrixError.InvalidParam, $"`{name}` is empty.");
        return (int)Math.Min(query.Number(name, 1) ?? 1, MostPixels);
    }
}
