using Matrix.Host.Media.Store;
using Matrix.Host.Network.Slots;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Media;
using Matrix.Host.Storage.Tables.UrlPreviews;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Media.Previews;

/// <summary>
/// Previews of pages. v1.19 client-server-api#content-repository. A page is fetched once for all who wait for it, and
/// its preview is kept for a time.
/// </summary>
public sealed partial class UrlPreviews : IDisposable
{
    private static readonly MediaFailure _busy = new(
        MediaFailureKind.TooMany, "This server fetches too many pages at once.");

    private static readonly MediaFailure _failed = new(
        MediaFailureKind.Unreachable, "The page could not be fetched.");

    private readonly PreviewFetch _fetch;
    private readonly ContentRepository _repository;
    private readonly UrlPreviewsTable _urlPreviewsTable;
    private readonly IStorageWriter _writer;
    private readonly MediaOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<UrlPreviews> _log;
    private readonly SharedWork<string, MediaResult<ReadOnlyMemory<byte>>> _work;
    private readonly RecentFailures<string> _failures;

    /// <summary>Creates the previews.</summary>
    public UrlPreviews(
        PreviewFetch fetch,
        ContentRepository repository,
        UrlPreviewsTable urlPreviewsTable,
        IStorageWriter writer,
        MediaOptions options,
        ServerPaces paces,
        TimeProvider time,
        ILogger<UrlPreviews> log)
    {
        (_fetch, _repository, _urlPreviewsTable, _writer) = (fetch, repository, urlPreviewsTable, writer);
        (_options, _time, _log) = (options, time, log);
        _work = new(
            new WorkBounds(options.PreviewsWaiting, options.PreviewTime) { OfUser = options.PreviewsPerUser },
            new WorkSlots(new SlotBounds(options.PreviewsAtOnce), paces, time),
            _busy,
            time,
            static preview => preview.IsOk);
        _failures = new(options.RemotePause, time);
    }

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The preview of a page, as the response's JSON.</summary>
    /// <param name="who">The user or application service that asks.</param>
    /// <param name="url">An absolute address, http or https.</param>
    /// <param name="at">The time at which the page is wanted, in milliseconds since the epoch; null for now.</param>
    public async ValueTask<MediaResult<ReadOnlyMemory<byte>>> OfAsync(
        string who, Uri url, long? at, CancellationToken stop)
    {
        // Without the fragment and user information.
        var key = url.GetComponents(UriComponents.HttpRequestUrl, UriFormat.UriEscaped);
        var now = Now;
        if (at is { } then && then < now && await KnownAsync(key, then, stop) is { } old)
        {
            return old.Body;
        }

        if (await KnownAsync(key, now, stop) is { } known) return known.Body;
        if (_failures.Find(key) is { } failure) return failure;
        return await _work.RunAsync(
            key,
            new WorkCause(who, url.IdnHost),
            ends => MakeAsync(key, new Uri(key), ends),
            (fault, isEnded) => Fail(key, fault, isEnded),
            stop);
    }

    /// <inheritdoc/>
    public void Dispose() => _work.Dispose();

    /// <summary>What the page was about this time.</summary>
    private ValueTask<UrlPreviewRow?> KnownAsync(string url, long at, CancellationToken stop)
    {
        var fresh = (long)_options.PreviewFresh.TotalMilliseconds;
        return _urlPreviewsTable.FindAsync(url, at - fresh, at + fresh, stop);
    }

    private async ValueTask<MediaResult<ReadOnlyMemory<byte>>> MakeAsync(
        string key, Uri url, CancellationToken stop)
    {
        var fetched = await _fetch.RunAsync(url, stop);
        if (!fetched.IsOk)
        {
            _failures.Add(key, fetched.Failure);
            return fetched.Failure;
        }

        using var image = fetched.Value.Image;
        var now = Now;
        var mediaId = MediaId.Create();
        var body = PreviewBody.Write(fetched.Value.Facts, image, $"mxc://{_options.ServerName}/{mediaId}");
        var row = new UrlPreviewRow(key, now, body, image is null ? null : mediaId, image?.File.Size ?? 0);
        var stored = new UrlPreviewStored(row);
        if (image is null)
        {
            await _writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(stored), stop);
            return (ReadOnlyMemory<byte>)body;
        }

        var media = new MediaRow(
            _options.ServerName, mediaId, image.File.Hash, image.File.Size, image.ContentType, null, null, now, now,
            null, false);
        await _repository.KeepAsync(image.File, media, isNew: true, stop, stored);
        return (ReadOnlyMemory<byte>)body;
    }

    private MediaResult<ReadOnlyMemory<byte>> Fail(string key, Exception fault, bool isEnded)
    {
        if (!isEnded) NotMade(fault);
        _failures.Add(key, _failed);
        return _failed;
    }

    // Without the address: it may tell what users write about.
    [LoggerMessage(Level = LogLevel.Warning, Message = "A preview of a page could not be made.")]
    private partial void NotMade(Exception fault);
}
