using System.Diagnostics.Metrics;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Consumers;

namespace Matrix.Host.Rooms.Changes;

/// <summary>A consumer of room changes that handles each change exactly once, also across crashes.</summary>
public interface IDurableConsumer
{
    /// <summary>Its name in the database.</summary>
    string Name { get; }

    /// <summary>Whether a new consumer begins with the next change; otherwise with the first one stored.</summary>
    bool BeginsNow { get; }

    /// <summary>
    /// Handles changes. It adds its own changes to the batch, which becomes durable together with the consumer's
    /// position. If that fails, it gets the same changes again.
    /// </summary>
    ValueTask HandleAsync(RoomChanges changes, WriteBatch batch, CancellationToken stop);
}

/// <summary>
/// Passes the changes of rooms to a durable consumer, from its position on. A commit only wakes it; it reads the
/// changes from storage, at its own pace.
/// </summary>
public sealed class ChangeFollower : IChangeConsumer, IAsyncDisposable
{
    private static readonly Meter _meter = new("Matrix.Host.Changes");

    private static readonly Counter<long> _failures = _meter.CreateCounter<long>(
        "matrix_consumer_failures", "{attempt}", "Attempts of a durable consumer that failed and are retried.");

    private readonly IDurableConsumer _consumer;
    private readonly RoomChangesReader _reader;
    private readonly IConsumersTable _consumersTable;
    private readonly IStorageWriter _writer;
    private readonly RoomsOptions _options;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _news = new(1, 1);
    private readonly CancellationTokenSource _stop = new();
    private Task? _following;
    private long _through;

    /// <summary>Creates a follower, which does nothing until it is started.</summary>
    public ChangeFollower(
        IDurableConsumer consumer,
        RoomChangesReader reader,
        IConsumersTable consumersTable,
        IStorageWriter writer,
        RoomsOptions options,
        TimeProvider time)
    {
        _consumer = consumer;
        _reader = reader;
        _consumersTable = consumersTable;
        _writer = writer;
        _options = options;
        _time = time;
        writer.AddConsumer(this);
    }

    /// <summary>The consumer has handled all changes up to this position.</summary>
    public long Through => Volatile.Read(ref _through);

    /// <summary>Starts to follow.</summary>
    public void Start() => _following ??= Task.Run(() => FollowAsync(_stop.Token));

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        // The follower reads changes from storage.
    }

    /// <inheritdoc/>
    public void End(long through) => Wake();

    /// <inheritdoc/>
    public void Missed(long through) => Wake();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
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
            // Already awake, or disposed.
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
                position ??= await _consumersTable.PositionAsync(_consumer.Name, stop)
                    ?? (_consumer.BeginsNow ? _writer.PublishedPosition : 0);
                Volatile.Write(ref _through, position.Value);
                var changes = await _reader.AfterAsync(position.Value, stop);
                if (changes.Changes.Count > 0)
                {
                    var batch = new WriteBatch(Authority.Duty(_consumer.Name));
                    await _consumer.HandleAsync(changes, batch, stop);
                    await _writer.WriteAsync(
                        batch.Add(new ConsumerAdvanced(_consumer.Name, changes.Through)), stop);
                }

                position = changes.Through;
                Volatile.Write(ref _through, changes.Through);
                failures = 0;
                if (changes.Changes.Count == 0) await _news.WaitAsync(stop);
            }
#pragma warning disable CA1031 // Every failure is retried: no change is skipped.
            catch (Exception) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
            {
                _failures.Add(1, new KeyValuePair<string, object?>("consumer", _consumer.Name));

                // The position is read again: the batch may have been written despite the failure.
                position = null;
                var pause = TimeSpan.FromSeconds(
                    Math.Min(Math.Pow(2, failures++), _options.LongestConsumerPause.TotalSeconds));
                await Task.Delay(pause, _time, stop);
            }
        }
    }
}
