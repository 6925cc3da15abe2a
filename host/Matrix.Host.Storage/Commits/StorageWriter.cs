namespace Matrix.Host.Storage.Commits;

/// <summary>What both databases' writers share: submission, publication, answers. A database adds how a flush is made.</summary>
internal abstract class StorageWriter(StorageOptions options, WriterMetrics metrics) : IStorageWriter, IAsyncDisposable
{
    private readonly CommitDispatcher _consumers = new(metrics);
    private long _published;

    public long PublishedPosition => Volatile.Read(ref _published);

    protected WriteQueue Queue { get; } = new(options);

    protected StorageOptions Options { get; } = options;

    protected WriterMetrics Metrics { get; } = metrics;

    /// <summary>The last position given out. The writer's own.</summary>
    protected long LastPosition { get; set; }

    public ValueTask<WriteReceipt> WriteAsync(WriteBatch batch, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(batch);
        stop.ThrowIfCancellationRequested();
        var completion = batch.Completion;
        Queue.Submit(batch, posted: false);
        return completion;
    }

    public void Post(WriteBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        Queue.Submit(batch, posted: true);
    }

    public void AddConsumer(IChangeConsumer consumer) => _consumers.Add(consumer);

    public abstract ValueTask DisposeAsync();

    /// <summary>Everything up to here was durable before this process began.</summary>
    protected void StartAt(long position)
    {
        LastPosition = position;
        Volatile.Write(ref _published, position);
    }

    /// <summary>
    /// Takes batches out whose chain broke: they fail. What remains may be flushed.
    /// </summary>
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
    /// These batches were carried out and are durable; those with position 0 were refused. Consumers read the rest, then everyone is answered.
    /// </summary>
    protected void Publish(List<WriteBatch> batches)
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

    /// <summary>Readers may see what these batches changed, and consumers read it.</summary>
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
        new(StorageFailure.ChainBroken, "What this write builds on was not written.");

    protected static void FailAll(List<WriteBatch> batches, StorageException failure)
    {
        foreach (var batch in batches)
        {
            Answer(batch, failure);
        }
    }

    /// <summary>Nothing more comes, and what still waits will not be written.</summary>
    protected void FailWaiting(StorageException failure)
    {
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
#pragma warning disable CA1031 // A callback's fault must not cost the writer its thread, nor others their answers.
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
