using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Outbound.Push;

/// <summary>The position up to which changes were handled, and the one that is recorded in the database.</summary>
internal sealed class PushPosition(ShardedPosition position, IStorageWriter writer, PushOptions options)
{
    private long _handled;
    private long _recordedAt = Environment.TickCount64;

    internal long Handled => Volatile.Read(ref _handled);

    internal long Recorded { get; private set; }

    /// <summary>Reads the recorded position.</summary>
    /// <param name="beginning">The position if there is none yet.</param>
    internal async ValueTask LoadAsync(long beginning, CancellationToken stop)
    {
        var recorded = await position.FindAsync(stop);
        if (recorded is null)
        {
            // Without a stored position, a crash would skip what came since.
            _handled = beginning;
            await RecordAsync(new WriteBatch(Authority.Nobody, 1));
        }

        Volatile.Write(ref _handled, recorded ?? _handled);
        Recorded = _handled;
    }

    /// <summary>The positions of shards that were pushed to from elsewhere.</summary>
    internal ShardedPosition OfShards => position;

    /// <summary>Changes up to a position were handled.</summary>
    internal void Advance(long through) => Volatile.Write(ref _handled, Math.Max(_handled, through));

    /// <summary>Writes a batch together with the position.</summary>
    internal async ValueTask RecordAsync(WriteBatch batch)
    {
        var through = _handled;
        position.Advance(batch, through);
        await writer.WriteAsync(batch, CancellationToken.None);
        Recorded = through;
    }

    /// <summary>The same. If it fails, what was not recorded is handled again.</summary>
    internal async ValueTask RecordOrReturnAsync(WriteBatch batch)
    {
        try
        {
            await RecordAsync(batch);
        }
        catch
        {
            Volatile.Write(ref _handled, Recorded);
            throw;
        }
    }

    /// <summary>Whether so much time has passed that a position without other changes is recorded.</summary>
    internal bool IsTimeToRecord()
    {
        if (Environment.TickCount64 - _recordedAt < options.RecordInterval.TotalMilliseconds) return false;
        _recordedAt = Environment.TickCount64;
        return true;
    }
}
