using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Ownership;

/// <summary>
/// Something with memory of authorities that is filled when their shards open, and has to be written or dropped before
/// others get these, such as queues of what other servers are owed.
/// </summary>
public interface IShardHolder
{
    /// <summary>Shards are open on this node. It may not take long: what is to be read is read later.</summary>
    void Opened(IReadOnlyCollection<int> shards);

    /// <summary>
    /// Shards will be closed, and are open still. When the task ends, it will not take long to have them closed.
    /// </summary>
    Task ClosingAsync(CancellationToken stop) => Task.CompletedTask;

    /// <summary>
    /// Shards are closed, and nobody is inside of them; they are this node's still. When the task ends, what has to be
    /// durable is, and nothing of them is remembered.
    /// </summary>
    /// <exception cref="StorageException">Not everything could be written.</exception>
    Task ClosedAsync(IReadOnlyCollection<int> shards, CancellationToken stop);
}
