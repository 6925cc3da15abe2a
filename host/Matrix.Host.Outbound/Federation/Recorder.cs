using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Consumers;

namespace Matrix.Host.Outbound.Federation;

/// <summary>
/// Records the position up to which outbound events were handled, and in the same batch what is still pending. Between
/// two records nothing is written: after a crash the changes since the position are read again, and some events are
/// sent twice.
/// </summary>
internal sealed class Recorder(
    OutboundEventFeed feed,
    Destinations destinations,
    IConsumersTable consumersTable,
    IStorageWriter writer,
    OutboundMetrics metrics,
    OutboundOptions options,
    TimeProvider time) : IDisposable
{
    /// <summary>The consumer's name in the database.</summary>
    internal const string Name = "federation";

    private readonly SemaphoreSlim _oneAtATime = new(1, 1);
    private readonly SemaphoreSlim _due = new(0, 1);
    private long _through;
    private long _batches;
    private int _isArmed;

    /// <summary>
    /// The recorded position. A server without one begins with the next change, and records that before the first.
    /// </summary>
    internal async ValueTask<long> LoadAsync(CancellationToken stop)
    {
        var recorded = await consumersTable.PositionAsync(Name, stop);
        if (recorded is null)
        {
            var batch = new WriteBatch(Authority.Duty(Name), 1);
            await writer.WriteAsync(batch.Add(new ConsumerAdvanced(Name, writer.PublishedPosition)), stop);
            recorded = await consumersTable.PositionAsync(Name, stop);
        }

        return _through = recorded!.Value;
    }

    /// <summary>Records now and then, while there is something to record: an idle server sleeps.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        using var timer = time.CreateTimer(
            _ =>
            {
                Volatile.Write(ref _isArmed, 0);
                Due();
            },
            null,
            Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        feed.Advanced = batches =>
        {
            var since = batches - Volatile.Read(ref _batches);
            if (since >= options.RecordAfter) Due();
            else if (since > 0) Arm(timer);
        };
        destinations.Unrecorded = () => Arm(timer);
        try
        {
            // Also for what came before this.
            for (Arm(timer); ;)
            {
                await _due.WaitAsync(stop);
                try
                {
                    await RecordAsync(all: false, stop);
                }
                catch (StorageException)
                {
                    metrics.RecordingFailed();
                }

                if (destinations.IsUnrecorded || feed.Batches != Volatile.Read(ref _batches)) Arm(timer);
            }
        }
        finally
        {
            feed.Advanced = static _ => { };
            destinations.Unrecorded = static () => { };
        }
    }

    /// <summary>Records.</summary>
    /// <param name="all">Whether to write everything owed, as at a stop, and not only older events.</param>
    internal async ValueTask RecordAsync(bool all, CancellationToken stop)
    {
        await _oneAtATime.WaitAsync(stop);
        try
        {
            // Read first: what is pending later than this may be recorded too, but nothing earlier may be missing.
            var batches = feed.Batches;
            var handled = feed.HandledThrough;
            var batch = new WriteBatch(Authority.Duty(Name));
            var (limit, recorded) = destinations.Record(batch, _through, all);
            var through = Math.Max(_through, Math.Min(handled, limit));
            var isNew = through > _through && (all || batches != _batches);
            if (batch.Changes.Count == 0 && !isNew) return;
            try
            {
                await writer.WriteAsync(batch.Add(new ConsumerAdvanced(Name, through)), stop);
            }
            catch
            {
                destinations.RecordAgain(recorded);
                throw;
            }

            _through = through;
            Volatile.Write(ref _batches, batches);
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    public void Dispose()
    {
        _oneAtATime.Dispose();
        _due.Dispose();
    }

    private void Arm(ITimer timer)
    {
        if (Interlocked.Exchange(ref _isArmed, 1) == 0) timer.Change(options.RecordInterval, Timeout.InfiniteTimeSpan);
    }

    private void Due()
    {
        if (_due.CurrentCount > 0) return;
        try
        {
            _due.Release();
        }
        catch (Exception late) when (late is SemaphoreFullException or ObjectDisposedException)
        {
            // Another thread was first, or the server has ended.
        }
    }
}
