using Matrix.Core.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Host.Rooms.State;

/// <summary>
/// Room states by step. A state is loaded from the nearest checkpoint and the steps after it, or from a cached state in
/// between. States of one room share their nodes.
/// </summary>
public sealed class StateStore(IStateTable table, long cacheBytes)
{
    /// <summary>Packs of nodes per query.</summary>
    private const int PacksPerPage = 256;

    private readonly ByteCache<RoomNid, RoomStates> _rooms = new(cacheBytes, states => states.Bytes);

    /// <summary>Bytes of cached states.</summary>
    public long CachedBytes => _rooms.Bytes;

    /// <summary>The state of a step; step 0 is the empty state.</summary>
    /// <exception cref="InvalidDataException">The database has no such step, or its bytes are damaged.</exception>
    public async ValueTask<StateTree> AtAsync(RoomNid room, int step, CancellationToken stop)
    {
        if (step == 0) return StateTree.Empty;
        if (Known(room, step) is { } known) return known;

        var chain = await table.ChainAsync(room, step, stop)
            ?? throw new InvalidDataException($"Room {room} has no step {step}.");
        var (tree, from) = Nearest(room, chain);
        tree ??= await CheckpointAsync(room, chain.Checkpoint, stop);

        for (var i = from; i < chain.Steps.Count; i++)
        {
            tree = StateStep.Parse(chain.Steps[i].Changes.ToArray()).Apply(tree);
        }

        Put(room, step, tree);
        return tree;
    }

    /// <summary>Caches a state that is now durable, or was just loaded.</summary>
    public void Put(RoomNid room, int step, StateTree tree)
    {
        if (!_rooms.TryGet(room, out var states)) states = new RoomStates();
        states.Put(step, tree);
        // Put again because its weight has changed.
        _rooms.Put(room, states);
    }

    /// <summary>Drops the cached states of a room.</summary>
    internal void Remove(RoomNid room) => _rooms.Remove(room);

    /// <summary>Drops all cached states.</summary>
    internal void Clear() => _rooms.Clear();

    /// <summary>The cached state of a step; null if it is not cached.</summary>
    internal StateTree? Known(RoomNid room, int step) => step == 0
        ? StateTree.Empty
        : _rooms.TryGet(room, out var states) ? states.Find(step) : null;

    /// <summary>The newest cached state of the chain, and the index of the first step after it.</summary>
    private (StateTree? Tree, int From) Nearest(RoomNid room, StateChain chain)
    {
        for (var i = chain.Steps.Count - 1; i >= 0; i--)
        {
            if (Known(room, chain.Steps[i].Step) is { } tree) return (tree, i + 1);
        }

        return (null, 0);
    }

    private async ValueTask<StateTree> CheckpointAsync(RoomNid room, CheckpointRow? row, CancellationToken stop)
    {
        if (row is null) return StateTree.Empty;
        if (Known(room, row.Step) is { } known) return known;

        var header = CheckpointHeader.Parse(row.Data.ToArray());
        var packs = new List<byte[]>();
        var next = header.BaseNode;
        while (header.RootNode > 0 && next <= header.RootNode)
        {
            var page = await table.NodesFromAsync(room, next, PacksPerPage, stop);
            foreach (var pack in page)
            {
                if (pack.Node > header.RootNode) break;
                packs.Add(pack.Data.ToArray());
            }

            if (page.Count < PacksPerPage) break;
            next = page[^1].Node + 1;
        }

        var like = _rooms.TryGet(room, out var states) ? states.Newest : null;
        var tree = StateCheckpoint.Load(header, packs, like);
        Put(room, row.Step, tree);
        return tree;
    }
}
