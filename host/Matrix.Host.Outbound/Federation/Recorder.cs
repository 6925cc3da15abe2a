using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Outbound.Federation;

/// <summary>
/// Records the position up to which outbound events were handled, and in the same batch what is still pending. Between
/// two records nothing is written: after a crash the changes since the position are read again, and some events are
/// sent twice.
/// </summary>
internal sealed class Recorder(
    OutboundEventFeed feed,
    Destinations destinations,
    ShardedPosition position,
    IStorageWriter writer,
    OutboundMetrics metrics,
    OutboundOptions options,
    TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim _oneAtATime = new(1, 1);
    private readonly SemaphoreSlim _due = new(0, 1);
    private long _through;
    private long _batches;

    /// <summary>Shards with a position of their own, and the one at which they are level with the others.</summary>
    private readonly Dictionary<int, long> _behind = [];
    private int _shardsBehind;
    private int _isArmed;

    /// <summary>
    /// The recorded position. A server without one begins with the next change, and records that before the first.
    /// </summary>
    internal async ValueTask<long> LoadAsync(CancellationToken stop)
    {
        if (await position.FindAsync(stop) is { } recorded) return _through = recorded;
        _through = writer.PublishedPosition;
        var batch = new WriteBatch(Authority.Nobody, 1);
        position.Advance(batch, _through);
        await writer.WriteAsync(batch, stop);
        return _through;
    }

    /// <summary>The position up to which changes were handled for each of some shards that come.</summary>
    internal async ValueTask<IReadOnlyDictionary<int, long>> PositionsAsync(
        IReadOnlyCollection<int> shards, CancellationToken stop)
    {
        var own = (await position.OfShardsAsync(shards, stop)).ToDictionary(
            static each => each.Shard, static each => each.Position);
        return shards.ToDictionary(static shard => shard, shard => own.GetValueOrDefault(shard, _through));
    }

    /// <summary>
    /// Shards are sent for from here, and the changes that they have not had are read again from now on. When changes
    /// were handled up to the position that was reached before, they are level with the others.
    /// </summary>
    internal async ValueTask BeginAsync(IReadOnlyDictionary<int, long> shards, long reached, CancellationToken stop)
    {
        await _oneAtATime.WaitAsync(stop);
        foreach (var (shard, its) in shards) _behind[shard] = Math.Max(its, Math.Max(_through, reached));
        Volatile.Write(ref _shardsBehind, _behind.Count);
        _oneAtATime.Release();
        destinations.Unrecorded();
    }

    /// <summary>
    /// Records everything. Shards are not sent for from here any more, and go on after the position of the record.
    /// </summary>
    internal async ValueTask EndAsync(IReadOnlyCollection<int> shards, CancellationToken stop)
    {
        await RecordAsync(all: true, stop);
        await _oneAtATime.WaitAsync(stop);
        try
        {
            var batch = new WriteBatch(Authority.Nobody, shards.Count);
            foreach (var shard in shards) position.Leave(batch, shard, _through);
            await writer.WriteAsync(batch, stop);
            foreach (var shard in shards) _behind.Remove(shard);
            Volatile.Write(ref _shardsBehind, _behind.Count);
        }
        finally
        {
            _oneAtATime.Release();
        }
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

                var isBehind = Volatile.Read(ref _shardsBehind) > 0;
                if (isBehind || destinations.IsUnrecorded || feed.Batches != Volatile.Read(ref _batches)) Arm(timer);
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
            var batch = new WriteBatch(Authority.Nobody);
            var (limit, recorded) = destinations.Record(batch, _through, all);
            var reached = Math.Min(handled, limit);
            var through = Math.Max(_through, reached);
            int[] level = [.. _behind.Where(each => reached >= each.Value).Select(static each => each.Key)];
            var isNew = (through > _through && (all || batches != _batches)) || level.Length > 0;
            if (batch.Changes.Count == 0 && !isNew) return;
            try
            {
                position.Advance(batch, through);
                foreach (var shard in level) position.Level(batch, shard);
                await writer.WriteAsync(batch, stop);
            }
            catch
            {
                destinations.RecordAgain(recorded);
                throw;
            }

            _through = through;
            foreach (var shard in level) _behind.Remove(shard);
            Volatile.Write(ref _shardsBehind, _behind.Count);
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
