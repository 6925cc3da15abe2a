using System.Collections.Concurrent;
using Matrix.Host.Media.Store;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Media;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Media.Remote;

/// <summary>
/// Media of other servers. Each content is fetched once, for all who wait for it, and kept for a time.
/// </summary>
public sealed partial class RemoteMedia(
    RemoteFetch fetch,
    ContentRepository repository,
    IStorage storage,
    MediaOptions options,
    TimeProvider time,
    ILogger<RemoteMedia> log) : IDisposable
{
    private const int MostFailures = 10_000;

    private static readonly MediaFailure _unknown = new(MediaFailureKind.NotFound, "There is no such media.");
    private static readonly MediaFailure _busy = new(
        MediaFailureKind.TooMany, "This server fetches too much from other servers at once.");

    private readonly ConcurrentDictionary<(string Origin, string MediaId), Task<MediaFailure?>> _running = new();
    private readonly ConcurrentDictionary<(string Origin, string MediaId), (MediaFailure Why, long Until)> _failed =
        new();

    private readonly ConcurrentDictionary<string, int> _ofServers = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _slots = new(options.RemoteFetches);
    private readonly CancellationTokenSource _closing = new();

    /// <summary>The media of a URI of another server.</summary>
    /// <param name="origin">The server.</param>
    /// <param name="mediaId">The URI's second part.</param>
    /// <param name="wait">How long the other server may wait for a content that has not been uploaded.</param>
    /// <param name="mayFetch">Whether it is fetched if it is not here.</param>
    /// <param name="stop">Ends the waiting, not the fetch.</param>
    public async ValueTask<MediaResult<MediaRow>> FindAsync(
        string origin, string mediaId, TimeSpan wait, bool mayFetch, CancellationToken stop)
    {
        var found = await storage.Media.FindAsync(origin, mediaId, stop).ConfigureAwait(false);
        if (found is { IsQuarantined: false }
            && mayFetch
            && !await repository.HasFileAsync(found, stop).ConfigureAwait(false))
        {
            // The copy is gone, as after a backup was restored without its files.
            await repository.DeleteAsync(found, stop).ConfigureAwait(false);
            found = null;
        }

        if (found is null && mayFetch)
        {
            if (await FetchAsync((origin, mediaId), wait, stop).ConfigureAwait(false) is { } failure) return failure;
            found = await storage.Media.FindAsync(origin, mediaId, stop).ConfigureAwait(false);
        }

        return found is null or { IsQuarantined: true } ? _unknown : found;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _closing.Cancel();
        _closing.Dispose();
        _slots.Dispose();
    }

    private async ValueTask<MediaFailure?> FetchAsync(
        (string Origin, string MediaId) media, TimeSpan wait, CancellationToken stop)
    {
        if (_failed.TryGetValue(media, out var failed) && Now < failed.Until) return failed.Why;
        if (_running.Count >= options.RemoteFetchesWaiting && !_running.ContainsKey(media)) return _busy;
        var starting = new TaskCompletionSource<MediaFailure?>(TaskCreationOptions.RunContinuationsAsynchronously);
        var running = _running.GetOrAdd(media, starting.Task);

        if (running == starting.Task)
        {
            // The others of this server wait for sockets that events need, too.
            if (_ofServers.AddOrUpdate(media.Origin, 1, static (_, count) => count + 1) > options.RemoteFetchesOfServer)
            {
                End(media, starting, _busy);
                return _busy;
            }

            // Not cancelled with this caller: others may wait for it.
            _ = Task.Run(() => RunAsync(media, wait, starting), CancellationToken.None);
        }

        return await running.WaitAsync(stop).ConfigureAwait(false);
    }

    private async Task RunAsync(
        (string Origin, string MediaId) media, TimeSpan wait, TaskCompletionSource<MediaFailure?> ended)
    {
        var failure = new MediaFailure(
            MediaFailureKind.Unreachable, "The content could not be fetched from its server.");
        using var clock = new CancellationTokenSource(options.RemoteTime, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token, clock.Token);
        try
        {
            await _slots.WaitAsync(both.Token).ConfigureAwait(false);
            try
            {
                var longest = wait < options.LongestWait ? wait : options.LongestWait;
                failure = await fetch.RunAsync(media.Origin, media.MediaId, longest, both.Token)
                    .ConfigureAwait(false);
            }
            finally
            {
                _slots.Release();
            }
        }
#pragma warning disable CA1031 // Those who wait get an error, whatever the reason is.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            if (!both.IsCancellationRequested) Failed(fault, media.Origin, media.MediaId);
        }
        finally
        {
            if (failure is not null and { Kind: not MediaFailureKind.NotYetUploaded }) Remember(media, failure);
            End(media, ended, failure);
        }
    }

    private void End(
        (string Origin, string MediaId) media, TaskCompletionSource<MediaFailure?> ended, MediaFailure? failure)
    {
        if (_ofServers.AddOrUpdate(media.Origin, 0, static (_, count) => count - 1) <= 0)
        {
            _ofServers.TryRemove(new(media.Origin, 0));
        }

        _running.TryRemove(media, out _);
        ended.TrySetResult(failure);
    }

    private void Remember((string Origin, string MediaId) media, MediaFailure failure)
    {
        if (_failed.Count >= MostFailures) _failed.Clear();
        _failed[media] = (failure, Now + (long)options.RemotePause.TotalMilliseconds);
    }

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    [LoggerMessage(Level = LogLevel.Warning, Message = "Media {MediaId} of {Server} could not be fetched.")]
    private partial void Failed(Exception fault, string server, string mediaId);
}
