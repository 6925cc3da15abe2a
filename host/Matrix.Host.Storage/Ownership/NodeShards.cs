using System.Diagnostics.CodeAnalysis;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Shards;

namespace Matrix.Host.Storage.Ownership;

/// <summary>The shards of this process. A node gives shards away and takes them, in flushes of its own.</summary>
/// <param name="self">This start of the node; nobody for a process that owns all shards for ever.</param>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore without a wait handle holds nothing.")]
public sealed class NodeShards(ShardOwner self, ShardGates gates, IStorageWriter writer)
{
    /// <summary>Held while shards are given: they close and open in this order only.</summary>
    private readonly SemaphoreSlim _giving = new(1, 1);

    /// <summary>Which shards are open.</summary>
    public ShardGates Gates { get; } = gates;

    /// <summary>This start of the node; nobody for a process that owns all shards for ever.</summary>
    public ShardOwner Self => self;

    /// <summary>Whether this process is a node, which may have some shards only.</summary>
    public bool IsNode => self != ShardOwner.Nobody;

    /// <summary>Whether the writer takes batches of a shard: not while it is in doubt whether it was given.</summary>
    internal Func<int, bool> Owns { get; init; } = static _ => true;

    /// <summary>Whether the writer has sent that it gives a shard, and does not know yet whether it did.</summary>
    internal Func<int, bool> IsGiving { get; init; } = static _ => false;

    /// <summary>Waits until consumers have read everything that was committed before the call.</summary>
    internal Func<CancellationToken, ValueTask> LevelAsync { get; init; } = static _ => ValueTask.CompletedTask;

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
    /// Closes those of some shards that are this node's, and gives them away. Who is inside ends first. If they cannot
    /// be given, they are opened again, unless it is unknown whether they were given.
    /// </summary>
    /// <param name="to">Who gets them; nobody if any node may take them.</param>
    /// <param name="stop">Ends the wait for those who are inside.</param>
    /// <returns>How many were given.</returns>
    /// <exception cref="OperationCanceledException">Somebody did not leave in time.</exception>
    /// <exception cref="StorageException">They were not given, or it is unknown whether they were.</exception>
    public async Task<int> GiveAsync(IReadOnlyCollection<int> shards, ShardOwner to, CancellationToken stop)
    {
        await _giving.WaitAsync(stop);
        try
        {
            int[] own = [.. shards.Where(Owns).Distinct()];
            if (own.Length == 0) return 0;
            try
            {
                await Gates.CloseAsync(own, stop);

                // Not ended while it is under way: nobody would know who has them.
                if ((await writer.WriteAsync(Moves(own, self, to), CancellationToken.None)).Refused)
                {
                    throw new StorageException(StorageFailure.NotOwned, "A shard to give is not this node's.");
                }

                return own.Length;
            }
            catch
            {
                Gates.Open([.. own.Where(Owns)]);
                throw;
            }
        }
        finally
        {
            _giving.Release();
        }
    }

    /// <summary>
    /// Opens shards of this node that stayed closed: it was unknown whether they were given, or they came back before
    /// consumers had read that they were given, which they missed.
    /// </summary>
    /// <param name="own">Shards that this node has, by what consumers have read.</param>
    /// <param name="read">Reads the owners from the database.</param>
    public async Task ReopenAsync(
        IEnumerable<int> own,
        Func<CancellationToken, ValueTask<IReadOnlyList<ShardOwner>>> read,
        CancellationToken stop)
    {
        await _giving.WaitAsync(stop);
        try
        {
            int[] closed = [.. own.Where(shard => !Gates.IsOpen(shard))];
            Gates.Open([.. closed.Where(Owns)]);
            int[] left = [.. closed.Where(shard => !Owns(shard) && !IsGiving(shard))];
            if (left.Length == 0) return;
            var owners = await read(stop);
            await LevelAsync(stop);
            Given([.. left.Where(shard => owners[shard] == self)]);
        }
        finally
        {
            _giving.Release();
        }
    }

    private static WriteBatch Moves(IReadOnlyCollection<int> shards, ShardOwner from, ShardOwner to)
    {
        var batch = new WriteBatch(Authority.Nobody, shards.Count);
        foreach (var shard in shards) batch.Require(new ShardMoved(shard, from, to));
        return batch;
    }
}
