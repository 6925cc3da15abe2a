using Matrix.Core.Cluster;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Ownership;

/// <summary>
/// The shards that are open on this node. Whoever uses memory of an authority enters its shard first. A shard is closed
/// before it is given away: nobody enters any more, and who is inside leaves. Memory that was filled before a shard was
/// opened the last time is not used any more: another node may have written since. Thread-safe.
/// </summary>
/// <remarks>In single mode all shards are open for ever, and entering costs nothing.</remarks>
public sealed class ShardGates
{
    private readonly ShardGate[] _gates;
    private readonly Lock _holding = new();
    private IShardHolder[] _holders = [];
    private Action<IReadOnlyCollection<int>>? _moved;
    private long _openings;

    private ShardGates(ShardGate[] gates) => _gates = gates;

    /// <summary>Those of a server that owns everything for ever.</summary>
    public static ShardGates AlwaysOpen { get; } = new([]);

    /// <summary>Whether this server owns everything for ever.</summary>
    public bool AreAlwaysOpen => _gates.Length == 0;

    /// <summary>Those of a node, all closed.</summary>
    public static ShardGates Closed() =>
        new([.. Enumerable.Range(0, Core.Cluster.Shards.Count).Select(static _ => new ShardGate())]);

    /// <summary>The numbers of all shards.</summary>
    public static IReadOnlyCollection<int> All { get; } = [.. Enumerable.Range(0, Core.Cluster.Shards.Count)];

    /// <summary>
    /// How often a shard was opened so far. What was read before entering is older than a shard whose opening is
    /// greater.
    /// </summary>
    public long Openings => Volatile.Read(ref _openings);

    /// <summary>Enters the shard of an authority; disposing the visit leaves it.</summary>
    /// <exception cref="StorageException">The shard is not open here (<see cref="StorageFailure.NotOwned"/>).
    /// </exception>
    public ShardVisit Enter(Authority authority) =>
        TryEnter(authority, out var visit) ? visit : throw NotOwned(authority);

    /// <summary>Enters the shard of an authority, if it is open here.</summary>
    public bool TryEnter(Authority authority, out ShardVisit visit)
    {
        visit = default;
        if (_gates.Length == 0 || authority.IsNobody) return true;
        var gate = _gates[authority.Shard];
        if (!gate.TryEnter()) return false;
        visit = new ShardVisit(gate);
        return true;
    }

    /// <summary>Waits until the shard of an authority is open here, and enters it.</summary>
    public async ValueTask<ShardVisit> EnterWhenOpenAsync(Authority authority, CancellationToken stop)
    {
        ShardVisit visit;
        while (!TryEnter(authority, out visit)) await _gates[authority.Shard].Opened.WaitAsync(stop);
        return visit;
    }

    /// <summary>Whether a shard is open here.</summary>
    public bool IsOpen(int shard) => _gates.Length == 0 || _gates[shard].IsOpen;

    /// <summary>Whether the shard of an authority is open here.</summary>
    public bool IsOpen(Authority authority) => _gates.Length == 0 || IsOpen(authority.Shard);

    /// <summary>Adds a holder, and tells it which shards are open.</summary>
    public void Hold(IShardHolder holder)
    {
        if (_gates.Length == 0)
        {
            // They do not close: nobody has to remember it.
            holder.Opened(All);
            return;
        }

        lock (_holding)
        {
            _holders = [.. _holders, holder];
            holder.Opened([.. All.Where(shard => IsOpen(shard))]);
        }
    }

    /// <summary>Opens shards that this node owns now.</summary>
    public void Open(IReadOnlyCollection<int> shards)
    {
        lock (_holding)
        {
            int[] closed = [.. shards.Where(shard => !IsOpen(shard))];
            foreach (var shard in closed) _gates[shard].Open(Interlocked.Increment(ref _openings));
            if (closed.Length == 0) return;
            foreach (var holder in _holders) holder.Opened(closed);
            _moved?.Invoke(closed);
        }
    }

    /// <summary>
    /// Has an action called after shards were opened, and after they were closed and everybody has left. It may not
    /// block.
    /// </summary>
    public void OnMoves(Action<IReadOnlyCollection<int>> moved)
    {
        // Those of single mode outlive a server, and never move.
        if (_gates.Length == 0) return;
        lock (_holding) _moved += moved;
    }

    /// <summary>
    /// Closes shards: when this returns, nobody is inside, and holders have written and forgotten what is theirs.
    /// </summary>
    /// <exception cref="OperationCanceledException">Somebody stayed inside too long, or a holder has much to do. The
    /// shards may be closed.</exception>
    /// <exception cref="StorageException">A holder could not write. The shards are closed.</exception>
    public async Task CloseAsync(IReadOnlyCollection<int> shards, CancellationToken stop)
    {
        IShardHolder[] holders;
        lock (_holding) holders = _holders;
        await Task.WhenAll(holders.Select(holder => holder.ClosingAsync(stop)));

        // All at once: who is inside of one may wait for another.
        foreach (var shard in shards) _gates[shard].Close();
        await Task.WhenAll(shards.Select(shard => _gates[shard].EmptyAsync(stop)));
        await Task.WhenAll(holders.Select(holder => holder.ClosedAsync(shards, stop)));
        Volatile.Read(ref _moved)?.Invoke(shards);
    }

    /// <summary>The failure of a use of memory, or of a batch, whose shard is not this node's.</summary>
    public static StorageException NotOwned(Authority authority) =>
        new(StorageFailure.NotOwned, $"This node does not own the shard {authority.Shard} of {authority}.")
        {
            Owner = authority,
        };
}
