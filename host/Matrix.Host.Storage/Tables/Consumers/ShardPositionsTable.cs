using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Shards;

namespace Matrix.Host.Storage.Tables.Consumers;

/// <summary>
/// The positions of consumers that handle changes shard by shard, each node those of its own: pushes, and events for
/// other servers. A start of a node has one position. A shard that changes hands has one of its own, written in the
/// flush that moves it, until its new owner has caught up. A process without a node has the rows of
/// <see cref="IConsumersTable"/>.
/// </summary>
public sealed class ShardPositionsTable(IReads reads)
{
    private static readonly Statement _find = Statement.Of(
        "SELECT position FROM node_positions WHERE name = $1 AND node = $2 AND incarnation = $3");

    private static readonly Statement _ofShards = Statement.Of(
        "SELECT shard, position FROM shard_positions WHERE name = $1");

    // The shard may have gone to another node meanwhile.
    private const string IsOwned = "EXISTS (SELECT 1 FROM shards WHERE shard = $2 AND node = $3 AND incarnation = $4)";

    private static readonly Statement _put = Statement.Of("""
        INSERT INTO node_positions (name, node, incarnation, position) VALUES ($1, $2, $3, $4)
            ON CONFLICT (name, node, incarnation) DO UPDATE SET position = excluded.position
        """);

    private static readonly Statement _advance = Statement.Of($"""
        UPDATE shard_positions SET position = $5 WHERE name = $1 AND shard = $2 AND {IsOwned}
        """);

    private static readonly Statement _level = Statement.Of($"""
        DELETE FROM shard_positions WHERE name = $1 AND shard = $2 AND {IsOwned}
        """);

    // A position that is there already is of an owner that did not catch up.
    private static readonly Statement _keep = Statement.Of("""
        INSERT INTO shard_positions (name, shard, position)
            SELECT name, $1, position FROM node_positions WHERE node = $2 AND incarnation = $3
            ON CONFLICT (name, shard) DO NOTHING
        """);

    private static readonly Statement _leave = Statement.Of("""
        INSERT INTO shard_positions (name, shard, position) SELECT $1, shard, $5 FROM shards
            WHERE shard = $2 AND node = $3 AND incarnation = $4
            ON CONFLICT (name, shard) DO NOTHING
        """);

    private static readonly Statement _keepOfNobody = Statement.Of("""
        INSERT INTO shard_positions (name, shard, position)
            SELECT name, $1, position FROM consumer_positions WHERE name IN ('federation', 'push')
            ON CONFLICT (name, shard) DO NOTHING
        """);

    internal static void Register(WriteHandlers handlers) => handlers
        .On<NodeAdvanced>(_put, static (a, op) => a
            .Text(op.Name).Text(op.Owner.Node).Int(op.Owner.Incarnation).Int(op.Through))
        .On<ShardAdvanced>(_advance, static (a, op) => a
            .Text(op.Name).Int(op.Shard).Text(op.Owner.Node).Int(op.Owner.Incarnation).Int(op.Through))
        .On<ShardLeft>(_leave, static (a, op) => a
            .Text(op.Name).Int(op.Shard).Text(op.Owner.Node).Int(op.Owner.Incarnation).Int(op.Through))
        .On<ShardLevel>(_level, static (a, op) => a
            .Text(op.Name).Int(op.Shard).Text(op.Owner.Node).Int(op.Owner.Incarnation))
        .On<ShardMoved>(static (op, writes) =>
        {
            if (op.From == ShardOwner.Nobody) writes.Run(_keepOfNobody, op, static (a, op) => a.Int(op.Shard));
            else
            {
                writes.Run(_keep, op, static (a, op) => a
                    .Int(op.Shard).Text(op.From.Node).Int(op.From.Incarnation));
            }
        });

    /// <summary>The position of a start of a node; null if there is none.</summary>
    public ValueTask<long?> OfNodeAsync(string name, ShardOwner owner, CancellationToken stop) => reads.FirstAsync(
        _find,
        (Name: name, Owner: owner),
        static (a, q) => a.Text(q.Name).Text(q.Owner.Node).Int(q.Owner.Incarnation),
        static row => (long?)row.Int64(0),
        stop);

    /// <summary>The shards that have a position of their own, of all owners.</summary>
    public ValueTask<IReadOnlyList<ShardPosition>> OfShardsAsync(string name, CancellationToken stop) =>
        reads.ListAsync(
            _ofShards,
            name,
            static (a, name) => a.Text(name),
            static row => new ShardPosition(row.Int32(0), row.Int64(1)),
            stop);
}

/// <summary>The changes of a shard up to a position were handled.</summary>
public readonly record struct ShardPosition(int Shard, long Position);

/// <summary>A start of a node has handled, for its shards, every change up to a position.</summary>
public sealed record NodeAdvanced(string Name, ShardOwner Owner, long Through) : Change;

/// <summary>The owner of a shard with a position of its own has handled its changes up to another one.</summary>
public sealed record ShardAdvanced(string Name, int Shard, ShardOwner Owner, long Through) : Change;

/// <summary>The owner of a shard will give it, and has handled its changes up to a position.</summary>
public sealed record ShardLeft(string Name, int Shard, ShardOwner Owner, long Through) : Change;

/// <summary>The owner of a shard has handled as much of it as of its other shards.</summary>
public sealed record ShardLevel(string Name, int Shard, ShardOwner Owner) : Change;
