using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Consumers;
using Matrix.Host.Storage.Tables.Shards;

namespace Matrix.Host.Storage.Ownership;

/// <summary>
/// The position up to which a consumer has handled changes for the shards of this process. Each start of a node has
/// one. A shard that came from elsewhere has its own, until it is level with the others.
/// </summary>
/// <param name="name">The consumer's name in the database.</param>
public sealed class ShardedPosition(
    string name, NodeShards node, IConsumersTable consumersTable, ShardPositionsTable shardPositionsTable)
{
    /// <summary>The consumer's name in the database.</summary>
    public string Name => name;

    private bool IsAlone => node.Self == ShardOwner.Nobody;

    /// <summary>The position of this process; null if it has none yet.</summary>
    public ValueTask<long?> FindAsync(CancellationToken stop) => IsAlone
        ? consumersTable.PositionAsync(name, stop)
        : shardPositionsTable.OfNodeAsync(name, node.Self, stop);

    /// <summary>Those of some shards that have a position of their own.</summary>
    public async ValueTask<IReadOnlyList<ShardPosition>> OfShardsAsync(
        IReadOnlyCollection<int> shards, CancellationToken stop)
    {
        if (IsAlone) return [];
        var some = shards.ToHashSet();
        return [.. (await shardPositionsTable.OfShardsAsync(name, stop)).Where(each => some.Contains(each.Shard))];
    }

    /// <summary>Changes for the shards of this process were handled up to a position.</summary>
    public void Advance(WriteBatch batch, long through)
    {
        if (IsAlone) batch.AlsoOf(Authority.Duty(name)).Add(new ConsumerAdvanced(name, through));
        else batch.Add(new NodeAdvanced(name, node.Self, through));
    }

    /// <summary>Changes for a shard with a position of its own were handled up to another one.</summary>
    public void Advance(WriteBatch batch, int shard, long through) =>
        batch.Add(new ShardAdvanced(name, shard, node.Self, through));

    /// <summary>
    /// A shard goes: whoever has it next handles the changes after a position. If it has one of its own already, that
    /// one stays.
    /// </summary>
    public void Leave(WriteBatch batch, int shard, long through) =>
        batch.Add(new ShardLeft(name, shard, node.Self, through));

    /// <summary>As many changes for a shard were handled as for the others.</summary>
    public void Level(WriteBatch batch, int shard) => batch.Add(new ShardLevel(name, shard, node.Self));
}
