namespace Matrix.Host.Storage.Writing;

/// <summary>
/// The one writer. Sets that wait when it wakes go into one transaction, in order of submission. A set that the database rejects fails alone.
/// </summary>
public interface IStorageWriter
{
    /// <summary>Every set up to this position is durable, and consumers have read it. Readers look no further.</summary>
    long PublishedPosition { get; }

    /// <summary>
    /// Submits a set and answers when it is durable (or refused by a precondition of its own). A set is submitted once.
    /// </summary>
    /// <param name="set">What to write. It belongs to the store from now on.</param>
    /// <param name="stop">Looked at before submission only: what was submitted is not withdrawn.</param>
    /// <exception cref="StorageException">Nothing of the set was kept, unless it says that nobody knows.</exception>
    ValueTask<WriteReceipt> WriteAsync(WriteSet set, CancellationToken stop);

    /// <summary>
    /// Submits a set without waiting: its <see cref="WriteSet.OnCommitted"/> and <see cref="WriteSet.OnFailed"/> are called on the writer's
    /// thread (be quick, do not block).
    /// </summary>
    /// <exception cref="StorageException">The set was not submitted: too much waits, or the store is closed.</exception>
    void Post(WriteSet set);

    /// <summary>Adds a consumer of changes. Consumers are called in the order in which they were added.</summary>
    void AddConsumer(IChangeConsumer consumer);
}
