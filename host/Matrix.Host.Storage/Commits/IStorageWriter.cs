namespace Matrix.Host.Storage.Commits;

/// <summary>
/// The only writer. The batches that wait when it wakes go into one transaction, in order of submission. A batch that
/// the database rejects fails alone.
/// </summary>
public interface IStorageWriter
{
    /// <summary>
    /// Every batch up to this position is durable, and consumers have read it. Readers read no further.
    /// </summary>
    long PublishedPosition { get; }

    /// <summary>
    /// Submits a batch and returns when it is durable or refused by one of its preconditions. A batch is submitted
    /// once.
    /// </summary>
    /// <param name="batch">The batch. The store owns it from now on.</param>
    /// <param name="stop">Checked before submission only: a submitted batch is not withdrawn.</param>
    /// <exception cref="StorageException">The batch was not stored; with <see cref="StorageFailure.Doubtful"/> it is
    /// unknown whether it was.</exception>
    ValueTask<WriteReceipt> WriteAsync(WriteBatch batch, CancellationToken stop);

    /// <summary>
    /// Submits a batch without waiting. Its <see cref="WriteBatch.OnCommitted"/> or <see cref="WriteBatch.OnFailed"/>
    /// is called on the writer's thread and must not block.
    /// </summary>
    /// <exception cref="StorageException">The batch was not submitted: too much waits, or the store is
    /// closed.</exception>
    void Post(WriteBatch batch);

    /// <summary>Adds a consumer of changes. Consumers are called in the order in which they were added.</summary>
    void AddConsumer(IChangeConsumer consumer);
}

/// <summary>The result of a batch that did not fail.</summary>
/// <param name="Position">Its position in the durable sequence, which all its rows carry; 0 if refused.</param>
/// <param name="Refused">A precondition did not hold, and nothing of the batch was kept.</param>
public readonly record struct WriteReceipt(long Position, bool Refused);

/// <summary>The outcome of a batch.</summary>
public enum WriteOutcome
{
    /// <summary>It waits, or was not submitted.</summary>
    Waiting,

    /// <summary>It is durable.</summary>
    Durable,

    /// <summary>It was refused or failed: nothing of it was kept.</summary>
    NotWritten,

    /// <summary>The connection was lost during the commit: whether it was kept is unknown.</summary>
    Unknown,
}

/// <summary>
/// Batches that build on one another: if one fails or is refused, every later batch of the chain fails with
/// <see cref="StorageFailure.ChainBroken"/>. A room's lane submits its batches in one chain and starts a new chain when
/// it loads its room again.
/// </summary>
public sealed class WriteChain
{
    private volatile bool _broken;

    /// <summary>Whether a batch of the chain failed.</summary>
    public bool IsBroken => _broken;

    internal void Break() => _broken = true;
}
