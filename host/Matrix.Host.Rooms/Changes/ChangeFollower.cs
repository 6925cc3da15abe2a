using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Consumers;

namespace Matrix.Host.Rooms.Changes;

/// <summary>A consumer of room changes that must not miss one, nor handle one twice, whatever ends the process.</summary>
public interface IDurableConsumer
{
    /// <summary>Its name in the database.</summary>
    string Name { get; }

    /// <summary>Whether it begins with the changes of now; else with the first that there is.</summary>
    bool BeginsNow { get; }

    /// <summary>
    /// Handles changes. What they lead to goes into the batch, which becomes durable together with the consumer's position: if it does not, the
    /// same changes come again.
    /// </summary>
    ValueTask HandleAsync(RoomChanges changes, WriteBatch batch, CancellationToken stop);
}

/// <summary>
/// Hands the changes of rooms to a durable consumer, from its position on. The commit only wakes it: it reads from storage, at its own pace.
/// </summary>
public sealed class ChangeFollower : IChangeConsumer, IAsyncDisposable
{
    private readonly IDurableConsumer _consumer;
    private readonly RoomChangesReader _reader;
    private readonly IStorage _storage;
    private readonly RoomsOptions _options;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _news = new(1, 1);
    private readonly CancellationTokenSource _stop = new();
    private Task? _following;
    private long _through;

    /// <summary>Follows nothing until it is started.</summary>
    public ChangeFollower(IDurableConsumer consumer, RoomChangesReader reader, IStorage storage, RoomsOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(storage);
        _consumer = consumer;
        _reader = reader;
        _storage = storage;
        _options = options;
        _time = time;
        storage.Writer.AddConsumer(this);
    }

    /// <summary>The consumer has handled every change up to here.</summary>
    public long Through => Volatile.Read(ref _through);

    /// <summary>Begins.</summary>
    public void Start() => _following ??= Task.Run(() => FollowAsync(_stop.Token));

    /// <inheritdoc/>
    public void Take(Change change, long position)
    {
        // It is read from storage.
    }

    /// <inheritdoc/>
    public void End(long through) => Wake();

    /// <inheritdoc/>
    public void Missed(long through) => Wake();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        if (_following is not null) await _following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
        _news.Dispose();
    }

    private void Wake()
    {
        if (_news.CurrentCount > 0) return;
        try
        {
            _news.Release();
        }
        catch (Exception late) when (late is SemaphoreFullException or ObjectDisposedException)
        {
            // Woken already, or ended.
        }
    }

    private async Task FollowAsync(CancellationToken stop)
    {
        var failures = 0;
        long? position = null;
        while (true)
        {
            try
            {
                position ??= await _storage.Consumers.PositionAsync(_consumer.Name, stop).ConfigureAwait(false)
                    ?? (_consumer.BeginsNow ? _storage.Writer.PublishedPosition : 0);
                Volatile.Write(ref _through, position.Value);
                var changes = await _reader.AfterAsync(position.Value, stop).ConfigureAwait(false);
                if (changes.Changes.Count > 0)
                {
                    var batch = new WriteBatch();
                    await _consumer.HandleAsync(changes, batch, stop).ConfigureAwait(false);
                    await _storage.Writer.WriteAsync(batch.Add(new ConsumerAdvanced(_consumer.Name, changes.Through)), stop).ConfigureAwait(false);
                }

                position = changes.Through;
                Volatile.Write(ref _through, changes.Through);
                failures = 0;
                if (changes.Changes.Count == 0) await _news.WaitAsync(stop).ConfigureAwait(false);
            }
#pragma warning disable CA1031 // Whatever the consumer's fault is, it is tried again: nothing is skipped.
            catch (Exception) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
            {
                // Where it stands is read again: the batch may have been kept all the same.
                position = null;
                var pause = TimeSpan.FromSeconds(Math.Min(Math.Pow(2, failures++), _options.LongestConsumerPause.TotalSeconds));
                await Task.Delay(pause, _time, stop).ConfigureAwait(false);
            }
        }
    }
}
