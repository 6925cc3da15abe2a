using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Shards;

namespace Matrix.Host.Storage.Ownership;

/// <summary>The shards of this process. A node gives shards away and takes them, in flushes of its own.</summary>
/// <param name="self">This start of the node; nobody for a process that owns all shards for ever.</param>
public sealed class NodeShards(ShardOwner self, ShardGates gates, IStorageWriter writer)
{
    /// <summary>Which shards are open.</summary>
    public ShardGates Gates { get; } = gates;

    /// <summary>This start of the node; nobody for a process that owns all shards for ever.</summary>
    public ShardOwner Self => self;

    /// <summary>
    /// Takes shards that nobody has, and opens them. When this returns, consumers have read everything up to the flush
    /// that took them.
    /// </summary>
    /// <returns>False if one of them has an owner; then none is taken.</returns>
    /// <exception cref="StorageException">None was taken, or it is unknown whether they were: then they stay closed.
    /// </exception>
    public async Task<bool> TakeAsync(IReadOnlyCollection<int> shards, CancellationToken stop)
    {
        if (!await MoveAsync(shards, ShardOwner.Nobody, self, stop)) return false;
        Gates.Open(shards);
        return true;
    }

    /// <summary>
    /// Closes shards and gives them away. Who is inside ends first; batches of them that are submitted later fail.
    /// </summary>
    /// <param name="to">Who gets them; nobody if any node may take them.</param>
    /// <exception cref="OperationCanceledException">Somebody did not leave in time. They stay closed, and this node's.
    /// </exception>
    /// <exception cref="StorageException">It is unknown whether they were given. They stay closed.</exception>
    public async Task GiveAsync(IReadOnlyCollection<int> shards, ShardOwner to, CancellationToken stop)
    {
        await Gates.CloseAsync(shards, stop);
        if (!await MoveAsync(shards, self, to, stop))
        {
            throw new StorageException(StorageFailure.NotOwned, "A shard to give is not this node's.");
        }
    }

    private async Task<bool> MoveAsync(
        IReadOnlyCollection<int> shards, ShardOwner from, ShardOwner to, CancellationToken stop)
    {
        var batch = new WriteBatch(Authority.Nobody, shards.Count);
        foreach (var shard in shards) batch.Require(new ShardMoved(shard, from, to));
        return !(await writer.WriteAsync(batch, stop)).Refused;
    }
}
