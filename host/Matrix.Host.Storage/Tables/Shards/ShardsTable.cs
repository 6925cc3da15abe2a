using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Shards;

/// <summary>Who has a shard.</summary>
/// <param name="Node">The node's name; empty for nobody.</param>
/// <param name="Incarnation">The start of the node that took it.</param>
public readonly record struct ShardOwner(string Node, long Incarnation)
{
    /// <summary>No node has the shard.</summary>
    public static ShardOwner Nobody { get; } = new("", 0);
}

/// <summary>
/// A shard changes hands. Applied if it has the old owner still. It is a precondition of its batch, which names no
/// authority.
/// </summary>
public sealed record ShardMoved(int Shard, ShardOwner From, ShardOwner To) : ConditionalChange;

/// <summary>
/// A start of a node is fenced: it writes nothing any more, whether it runs, stands still or is cut off. It is in the
/// flush that takes its shards.
/// </summary>
public sealed record NodeFenced(ShardOwner Node) : Change;

/// <summary>The table `shards`: which node has which shard. Only PostgreSQL has rows.</summary>
public sealed class ShardsTable(IReads reads)
{
    private static readonly Statement All = Statement.Of("SELECT node, incarnation FROM shards ORDER BY shard");

    private static readonly Statement Move = Statement.Of("""
        UPDATE shards SET node = $1, incarnation = $2 WHERE shard = $3 AND node = $4 AND incarnation = $5
        """);

    private static readonly Statement Fence = Statement.Of(
        "UPDATE nodes SET alive = 0 WHERE node = $1 AND incarnation = $2");

    internal static void Register(WriteHandlers handlers) => handlers
        .OnCondition<ShardMoved>(Move, static (a, op) => a
            .Text(op.To.Node).Int(op.To.Incarnation).Int(op.Shard)
            .Text(op.From.Node).Int(op.From.Incarnation))
        .On<NodeFenced>(Fence, static (a, op) => a.Text(op.Node.Node).Int(op.Node.Incarnation));

    /// <summary>The owner of each shard, by its number; none on SQLite.</summary>
    public ValueTask<IReadOnlyList<ShardOwner>> OwnersAsync(CancellationToken stop) =>
        reads.ListAsync(All, static row => new ShardOwner(row.Text(0), row.Int64(1)), stop);
}
