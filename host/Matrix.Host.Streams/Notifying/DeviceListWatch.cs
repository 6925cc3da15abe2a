using System.Threading.Channels;

namespace Matrix.Host.Streams.Notifying;

/// <summary>
/// Wakes the users who share a room with a user whose devices changed. A background task reads these users from the
/// database, so that the flush does not wait. A sync response made in the meantime includes the change too, because
/// every sync compares its token with the position of the newest change.
/// </summary>
internal sealed class DeviceListWatch(Notifier notifier, IStreamSource source) : IAsyncDisposable
{
    /// <summary>The most changes that wait; beyond that, every active user is woken.</summary>
    private const int Capacity = 1024;

    private readonly Channel<(string UserId, long Position)> _changes = Channel.CreateBounded<(string, long)>(
        new BoundedChannelOptions(Capacity) { SingleReader = true });

    private readonly CancellationTokenSource _stop = new();
    private Task? _watching;

    /// <summary>Starts the background task.</summary>
    public void Start() => _watching ??= Task.Run(() => WatchAsync(_stop.Token));

    /// <summary>Queues a change of a user's device list.</summary>
    public void Changed(string userId, long position)
    {
        if (!_changes.Writer.TryWrite((userId, position))) WakeAll(position);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_watching is not null) await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task WatchAsync(CancellationToken stop)
    {
        var wake = new List<UserStream>();
        await foreach (var (userId, position) in _changes.Reader.ReadAllAsync(stop))
        {
            try
            {
                foreach (string other in await source.SharingWithAsync(userId, stop))
                {
                    notifier.Touched(other)?.TouchDeviceLists(position, notifier.Ephemeral, wake);
                }
            }
            catch (Storage.Commits.StorageException)
            {
                WakeAll(position);
            }

            foreach (var stream in wake) stream.Wake(news: true);
            wake.Clear();
        }
    }

    private void WakeAll(long position)
    {
        var wake = new List<UserStream>();
        foreach (var stream in notifier.Active) stream.TouchDeviceLists(position, notifier.Ephemeral, wake);
        foreach (var stream in wake) stream.Wake(news: true);
    }
}
