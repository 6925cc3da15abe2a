using Matrix.Core.Cluster;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Shards;

namespace Matrix.Host.Storage.Ownership;

/// <summary>
/// Which node has which shard, as of the position that consumers have read. Shards that another node gave to this one
/// are opened when all consumers have read that. Thread-safe.
/// </summary>
public sealed class ShardOwners(NodeShards node, ShardsTable shardsTable) : IRestoredConsumer
{
    private readonly Lock _gate = new();
    private readonly ShardOwner[] _owners = [.. ShardGates.All.Select(static _ => ShardOwner.Nobody)];
    private readonly long[] _since = new long[ShardGates.All.Count];
    private readonly List<int> _given = [];
    private bool _hasMoved;

    /// <summary>Raised when shards have moved, on the thread of the consumers.</summary>
    public event Action? Moved;

    /// <summary>The owner of a shard.</summary>
    public ShardOwner Of(int shard)
    {
        lock (_gate) return _owners[shard];
    }

    /// <summary>The owners as a placement has them, by shard.</summary>
    internal NodeIncarnation?[] All
    {
        get
        {
            lock (_gate)
            {
                return
                [
                    .. _owners.Select(static owner =>
                        owner == ShardOwner.Nobody ? null : new NodeIncarnation(owner.Node, owner.Incarnation)),
                ];
            }
        }
    }

    /// <summary>The owners in the database.</summary>
    internal ValueTask<IReadOnlyList<ShardOwner>> ReadAsync(CancellationToken stop) => shardsTable.OwnersAsync(stop);

    /// <summary>Reads the owners, before the first flush is read.</summary>
    public async ValueTask LoadAsync(CancellationToken stop)
    {
        Take(await shardsTable.OwnersAsync(stop), 0);
        lock (_gate)
        {
            // What this start has already is open.
            _given.Clear();
            _hasMoved = false;
        }
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is not ShardMoved moved) return;
        lock (_gate) Set(moved.Shard, moved.To, position);
    }

    /// <inheritdoc/>
    public void End(long through)
    {
        int[] given;
        lock (_gate)
        {
            if (!_hasMoved) return;
            given = [.. _given];
            _given.Clear();
            _hasMoved = false;
        }

        if (given.Length > 0) node.Given(given);
        Moved?.Invoke();
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
    }

    /// <inheritdoc/>
    public async ValueTask RestoreAsync(long after, long through, CancellationToken stop)
    {
        var owners = await shardsTable.OwnersAsync(stop);

        // The table may be ahead of consumers, and a shard is opened when they have read the flush that gave it.
        await node.LevelAsync(stop);
        Take(owners, through);
        End(through);
    }

    /// <summary>Takes what was read of the table, where no later change is known.</summary>
    private void Take(IReadOnlyList<ShardOwner> owners, long position)
    {
        lock (_gate)
        {
            for (var shard = 0; shard < owners.Count; shard++)
            {
                if (_since[shard] <= position) Set(shard, owners[shard], position);
            }
        }
    }

    private void Set(int shard, ShardOwner owner, long position)
    {
        _since[shard] = position;
        if (_owners[shard] == owner) return;
        _owners[shard] = owner;
        _hasMoved = true;

        // One that the writer has was taken by this node, which opened it; by now it may close to be given away.
        if (node.IsNode && owner == node.Self && !node.Owns(shard)) _given.Add(shard);
        else _given.Remove(shard);
    }
}
