using Matrix.Host.Media.Store;
using Matrix.Host.Network.Slots;
using Matrix.Host.Storage.Tables.Media;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Media.Remote;

/// <summary>
/// Media of other servers. Each content is fetched once, for all who wait for it, and kept for a time.
/// </summary>
public sealed partial class RemoteMedia(
    RemoteFetch fetch,
    ContentRepository repository,
    MediaTable mediaTable,
    MediaOptions options,
    ServerPaces paces,
    TimeProvider time,
    ILogger<RemoteMedia> log) : IDisposable
{
    private static readonly MediaFailure _unknown = new(MediaFailureKind.NotFound, "There is no such media.");
    private static readonly MediaFailure _busy = new(
        MediaFailureKind.TooMany, "This server fetches too much from other servers at once.");

    private static readonly MediaFailure _notFetched = new(
        MediaFailureKind.Unreachable, "The content could not be fetched from its server.");

    private static readonly MediaFailure _fault = new(
        MediaFailureKind.Fault, "The content of another server could not be kept.");

    // Those of one server wait for sockets that events need, too.
    private readonly SharedWork<(string Origin, string MediaId), MediaFailure?> _work = new(
        new WorkBounds(options.RemoteFetchesWaiting, options.RemoteTime)
        {
            OfUser = options.RemoteFetchesWaitingOfUser,
            OfServer = options.RemoteFetchesWaitingOfServer,
        },
        new WorkSlots(
            new SlotBounds(options.RemoteFetches) { OfServer = options.RemoteFetchesOfServer }, paces, time),
        _busy,
        time,
        static failure => failure is null or { Kind: MediaFailureKind.NotFound or MediaFailureKind.NotYetUploaded });

    private readonly RecentFailures<(string Origin, string MediaId)> _failures = new(options.RemotePause, time);

    /// <summary>Servers that did not respond: each of their files would take as long.</summary>
    private readonly RecentFailures<string> _silent = new(options.RemotePause, time);

    /// <summary>The media of a URI of another server.</summary>
    /// <param name="origin">The server.</param>
    /// <param name="mediaId">The URI's second part.</param>
    /// <param name="wait">How long the other server may wait for a content that has not been uploaded.</param>
    /// <param name="who">The user, application service or address that asks.</param>
    /// <param name="mayFetch">Whether it is fetched if it is not here.</param>
    /// <param name="stop">Ends the waiting, not the fetch.</param>
    public async ValueTask<MediaResult<MediaRow>> FindAsync(
        string origin, string mediaId, TimeSpan wait, string who, bool mayFetch, CancellationToken stop)
    {
        var found = await mediaTable.FindAsync(origin, mediaId, stop);
        if (found is { IsQuarantined: false }
            && mayFetch
            && !await repository.HasFileAsync(found, stop))
        {
            // The copy is gone, as after a backup was restored without its files.
            await repository.DeleteAsync(found, stop);
            found = null;
        }

        if (found is null && mayFetch)
        {
            if (await FetchAsync((origin, mediaId), wait, who, stop) is { } failure)
            {
                return failure;
            }

            found = await mediaTable.FindAsync(origin, mediaId, stop);
        }

        return found is null or { IsQuarantined: true } ? _unknown : found;
    }

    /// <inheritdoc/>
    public void Dispose() => _work.Dispose();

    private async ValueTask<MediaFailure?> FetchAsync(
        (string Origin, string MediaId) media, TimeSpan wait, string who, CancellationToken stop)
    {
        if ((_silent.Find(media.Origin) ?? _failures.Find(media)) is { } failed) return failed;
        return await _work.RunAsync(
            media,
            new WorkCause(who, media.Origin),
            async ends =>
            {
                // Another file may have shown it while this one waited.
                if (_silent.Find(media.Origin) is { } silent) return silent;
                var longest = wait < options.LongestWait ? wait : options.LongestWait;
                var (failure, isSilent) = await fetch.RunAsync(media.Origin, media.MediaId, longest, ends);
                if (isSilent) _silent.Add(media.Origin, _notFetched);
                if (failure is not null and { Kind: not MediaFailureKind.NotYetUploaded })
                {
                    _failures.Add(media, failure);
                }

                return failure;
            },
            (fault, isEnded) =>
            {
                if (isEnded && fault is OperationCanceledException)
                {
                    _failures.Add(media, _notFetched);
                    return _notFetched;
                }

                // This server's failure, as of a full disk. The content may be asked for again.
                Failed(fault, media.Origin, media.MediaId);
                return _fault;
            },
            stop);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Media {MediaId} of {Server} could not be kept.")]
    private partial void Failed(Exception fault, string server, string mediaId);
}
