namespace Matrix.Host.Storage.Commits;

/// <summary>
/// The shared part of both databases' writers: submission, publication and completion. A database adds the flush.
/// </summary>
internal abstract class StorageWriter(StorageOptions options, WriterMetrics metrics) : IStorageWriter, IAsyncDisposable
{
    private readonly CommitDispatcher _consumers = new(metrics);
    private long _published;

    public long PublishedPosition => Volatile.Read(ref _published);

    protected WriteQueue Queue { get; } = new(options);

    protected StorageOptions Options { get; } = options;

    protected WriterMetrics Metrics { get; } = metrics;

    /// <summary>The last position assigned; for the writer's thread only.</summary>
    protected long LastPosition { get; set; }

    public ValueTask<WriteReceipt> WriteAsync(WriteBatch batch, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        var completion = batch.Completion;
        Queue.Submit(batch, posted: false);
        return completion;
    }

    public void Post(WriteBatch batch)
    {
        Queue.Submit(batch, posted: true);
    }

    public void AddConsumer(IChangeConsumer consumer) => _consumers.Add(consumer);

    public abstract ValueTask DisposeAsync();

    /// <summary>Sets the position up to which everything was durable before this process began.</summary>
    protected void StartAt(long position)
    {
        LastPosition = position;
        Volatile.Write(ref _published, position);
        _consumers.StartAt(position);
    }

    /// <summary>Ends what consumers read from storage; before the store closes.</summary>
    protected ValueTask EndRestorationsAsync() => _consumers.DisposeAsync();

    /// <summary>Removes and fails the batches whose chain is broken.</summary>
    protected static void DropBroken(List<WriteBatch> batches)
    {
        batches.RemoveAll(static batch =>
        {
            if (batch.Chain is not { IsBroken: true })
            {
                return false;
            }

            Answer(batch, ChainBroken());
            return true;
        });
    }

    /// <summary>
    /// Publishes batches that are durable; those with position 0 were refused. Consumers read them, then every
    /// submitter is completed.
    /// </summary>
    private void Publish(List<WriteBatch> batches)
    {
        Announce(batches);
        foreach (var batch in batches)
        {
            if (batch.IsOrphan)
            {
                Answer(batch, ChainBroken());
            }
            else
            {
                Answer(batch, new WriteReceipt(batch.Position, batch.Position == 0));
            }
        }
    }

    /// <summary>
    /// Publishes the batches of a flush, or fails them. False if the flush failed because one of several batches
    /// violates the schema: each is then flushed alone, so that only that one fails.
    /// </summary>
    protected bool TryComplete(List<WriteBatch> batches, StorageException? failure, long started)
    {
        if (failure is null)
        {
            Metrics.Flushed(started, batches.Count);
            Publish(batches);
            return true;
        }

        Metrics.Failed(failure.Failure);
        if (failure.Failure == StorageFailure.Rejected && batches.Count > 1)
        {
            return false;
        }

        FailAll(batches, failure);
        return true;
    }

    /// <summary>The failure of a batch whose statements could not be built.</summary>
    protected static StorageException NotBuilt(Exception fault) =>
        new(StorageFailure.Rejected, $"A write failed: {fault.Message}", fault);

    /// <summary>Makes the batches' changes visible to readers, then to consumers.</summary>
    protected void Announce(List<WriteBatch> batches)
    {
        var kept = new List<WriteBatch>(batches.Count);
        foreach (var batch in batches)
        {
            if (batch.Position != 0)
            {
                batch.Durable();
                kept.Add(batch);
            }
        }

        if (kept.Count > 0)
        {
            var last = kept[^1].Position;
            Volatile.Write(ref _published, last);
            _consumers.Dispatch(kept, last);
        }
    }

    private static StorageException ChainBroken() =>
        new(StorageFailure.ChainBroken, "An earlier write that this one builds on was not stored.");

    /// <summary>Fails batches that were not kept.</summary>
    protected static void FailAll(List<WriteBatch> batches, StorageException failure)
    {
        foreach (var batch in batches)
        {
            Answer(batch, failure);
        }
    }

    /// <summary>Fails every batch that still waits when the store closes.</summary>
    protected void FailWaiting()
    {
        var failure = new StorageException(StorageFailure.Closed, "The store is closed.");
        var waiting = new List<WriteBatch>();
        while (Queue.TryTake(waiting))
        {
            FailAll(waiting, failure);
            waiting.Clear();
        }
    }

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
