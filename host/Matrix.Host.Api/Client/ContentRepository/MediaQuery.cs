using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.ContentRepository;

/// <summary>The query of a download, the same for clients and servers.</summary>
internal static class MediaQuery
{
    private static readonly TimeSpan _defaultWait = TimeSpan.FromSeconds(20);

    /// <summary>How long a download waits for a content that has not been uploaded.</summary>
    internal static TimeSpan ReadWait(QueryReader query) =>
        query.Number("timeout_ms") is { } milliseconds
            ? TimeSpan.FromMilliseconds(Math.Min(milliseconds, int.MaxValue))
            : _defaultWait;
}
