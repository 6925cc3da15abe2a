namespace Matrix.Host.Storage.Commits;

/// <summary>
/// The shared part of both databases' writers: submission, and what becomes of the batches. A database adds the flush.
/// </summary>
internal abstract class StorageWriter(StorageOptions options, WriterMetrics metrics, IPublication publication)
    : IStorageWriter, IAsyncDisposable
{
    public long PublishedPosition => Publication.Position;

    protected IPublication Publication { get; } = publication;

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

    public void AddConsumer(IChangeConsumer consumer) => Publication.AddConsumer(consumer);

    public abstract ValueTask DisposeAsync();

    /// <summary>Sets the position up to which everything was durable before this process began.</summary>
    protected void StartAt(long position)
    {
        LastPosition = position;
        Publication.StartAt(position);
    }

    /// <summary>Removes and fails the batches whose chain is broken.</summary>
    protected void DropBroken(List<WriteBatch> batches)
    {
        if (!batches.Exists(static batch => batch.Chain is { IsBroken: true })) return;
        FailAll(batches.FindAll(static batch => batch.Chain is { IsBroken: true }), Commits.Publication.ChainBroken());
        batches.RemoveAll(static batch => batch.Chain is { IsBroken: true });
    }

    /// <summary>
    /// Publishes the batches of a flush, or fails them. False if the flush failed because one of several batches
    /// violates the schema: each is then flushed alone, so that only that one fails.
    /// </summary>
    /// <param name="after">The position of the sequence before the flush.</param>
    /// <param name="news">What other nodes are told of it.</param>
    protected bool TryComplete(
        List<WriteBatch> batches, long after, StorageException? failure, long started, FlushNews? news = null)
    {
        if (failure is null)
        {
            Metrics.Flushed(started, batches.Count);
            Publication.Kept(batches, after, news);
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

    /// <summary>Fails batches that were not kept. Later batches of their chains are not tried.</summary>
    protected void FailAll(List<WriteBatch> batches, StorageException failure)
    {
        foreach (var batch in batches) batch.Chain?.Break();
        Publication.Failed(batches, failure);
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
}
