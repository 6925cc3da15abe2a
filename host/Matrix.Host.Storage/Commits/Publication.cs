namespace Matrix.Host.Storage.Commits;

/// <summary>Publishes at once, on the caller's thread.</summary>
internal sealed class Publication(WriterMetrics metrics) : IPublication
{
    private readonly CommitDispatcher _consumers = new(metrics);
    private long _position;
    private long _applied;

    public long Position => Volatile.Read(ref _position);

    /// <summary>Consumers have read every flush up to this position.</summary>
    internal long Applied => Volatile.Read(ref _applied);

    public void AddConsumer(IChangeConsumer consumer) => _consumers.Add(consumer);

    public void StartAt(long position)
    {
        Volatile.Write(ref _position, position);
        Volatile.Write(ref _applied, position);
        _consumers.StartAt(position);
    }

    public void Kept(List<WriteBatch> batches, long after, FlushNews? news = null)
    {
        KeptInDoubt(batches, after);
        Complete(batches);
    }

    public void KeptInDoubt(List<WriteBatch> batches, long after)
    {
        var kept = Stamp(batches);
        if (kept.Count > 0) Dispatch(kept, kept[^1].Position);
    }

    public void Failed(List<WriteBatch> batches, StorageException failure)
    {
        foreach (var batch in batches) Answer(batch, failure);
    }

    public ValueTask EndRestorationsAsync() => _consumers.DisposeAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>The batches that were kept; their rows learn their positions.</summary>
    internal static List<WriteBatch> Stamp(List<WriteBatch> batches)
    {
        var kept = new List<WriteBatch>(batches.Count);
        foreach (var batch in batches)
        {
            if (batch.Position == 0) continue;
            batch.Durable();
            kept.Add(batch);
        }

        return kept;
    }

    /// <summary>Makes the changes of a flush visible to readers, then to consumers.</summary>
    internal void Dispatch(List<WriteBatch> kept, long through)
    {
        Volatile.Write(ref _position, through);
        _consumers.Dispatch(kept, through);
        Volatile.Write(ref _applied, through);
    }

    /// <summary>Makes changes visible to readers that no consumer can be given: consumers read storage.</summary>
    internal void Miss(long through)
    {
        Volatile.Write(ref _position, through);
        _consumers.Miss(through);
        Volatile.Write(ref _applied, through);
    }

    /// <summary>Gives the submitters of a flush that was kept their results.</summary>
    internal static void Complete(List<WriteBatch> batches)
    {
        foreach (var batch in batches)
        {
            if (batch.IsOrphan) Answer(batch, ChainBroken());
            else Answer(batch, new WriteReceipt(batch.Position, batch.Position == 0));
        }
    }

    /// <summary>The failure of a batch that builds on one that was not stored.</summary>
    internal static StorageException ChainBroken() =>
        new(StorageFailure.ChainBroken, "An earlier write that this one builds on was not stored.");

    private static void Answer(WriteBatch batch, WriteReceipt receipt)
    {
        try
        {
            batch.Complete(receipt);
        }
#pragma warning disable CA1031 // A callback's exception must not end the writer's thread or affect others.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            WriterMetrics.CallbackFailed(fault);
        }
    }

    private static void Answer(WriteBatch batch, StorageException failure)
    {
        try
        {
            batch.Fail(failure);
        }
#pragma warning disable CA1031 // As above.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            WriterMetrics.CallbackFailed(fault);
        }
    }
}
