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

    /// <summary>Whether this process is a node, which may have some shards only.</summary>
    public bool IsNode => self != ShardOwner.Nobody;

    /// <summary>Whether the writer takes batches of a shard: not while it is in doubt whether it was given.</summary>
    internal Func<int, bool> Owns { get; init; } = static _ => true;

    /// <summary>Called for a shard that another node gave to this one.</summary>
    internal Action<int> OnOwned { get; init; } = static _ => { };

    /// <summary>
    /// Takes shards that nobody has, and opens them. When this returns, consumers have read everything up to the flush
    /// that took them.
    /// </summary>
    /// <returns>False if one of them has an owner; then none is taken.</returns>
    /// <exception cref="StorageException">None was taken, or it is unknown whether they were: then they stay closed.
    /// </exception>
    public Task<bool> TakeAsync(IReadOnlyCollection<int> shards, CancellationToken stop) =>
        TakeAsync(shards, ShardOwner.Nobody, stop);

    /// <summary>Takes shards of an owner that is not alive, and fences it.</summary>
    /// <param name="from">The owner; nobody for shards that nobody has.</param>
    /// <inheritdoc cref="TakeAsync(IReadOnlyCollection{int}, CancellationToken)"/>
    public async Task<bool> TakeAsync(IReadOnlyCollection<int> shards, ShardOwner from, CancellationToken stop)
    {
        var batch = Moves(shards, from, self);
        if (from != ShardOwner.Nobody) batch.Add(new NodeFenced(from));
        if ((await writer.WriteAsync(batch, stop)).Refused) return false;
        Gates.Open(shards);
        return true;
    }

    /// <summary>Another node gave shards to this one, and consumers have read it: they open.</summary>
    internal void Given(IReadOnlyCollection<int> shards)
    {
        foreach (var shard in shards) OnOwned(shard);
        Gates.Open(shards);
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
        if ((await writer.WriteAsync(Moves(shards, self, to), stop)).Refused)
        {
            throw new StorageException(StorageFailure.NotOwned, "A shard to give is not this node's.");
        }
    }

    private static WriteBatch Moves(IReadOnlyCollection<int> shards, ShardOwner from, ShardOwner to)
    {
        var batch = new WriteBatch(Authority.Nobody, shards.Count);
        foreach (var shard in shards) batch.Require(new ShardMoved(shard, from, to));
        return batch;
    }
}
