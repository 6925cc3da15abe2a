using System.Security.Cryptography;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Shards;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>
/// The claim of a node, one of several machines. Each start draws an incarnation, and each transaction proves in its
/// first statement that this incarnation may write. Nodes serve at once, each its own shards; or one of them serves
/// (<see cref="StorageOptions.ServesTogether"/>), and one that starts beside it waits until it ends, or gives no sign
/// of life; then it fences it, whether it runs, stands still or is cut off.
/// </summary>
/// <param name="connectionString">For a second connection, while the first one is blocked.</param>
internal sealed class NodeClaim(StorageOptions options, string connectionString) : WriteClaim
{
    private const string SequenceMoved = "MX001";
    private const string Fenced = "MX002";

    // A transaction that stands still after this time is rolled back by the server. A commit never stands so.
    private const int IdleInTransactionMs = 2_000;

    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(250);
    private static readonly Statement _takePositions = Statement.Of("CALL take_positions($1, $2, $3, $4)");
    private static readonly Statement _nextPositions = Statement.Of("SELECT next_positions($1, $2, $3)");

    private readonly string _node = options.Node;
    private readonly FlushLog _log = new(options);
    private readonly LivingNodes _others = new(options);
    private readonly BlockedWriters _blocked = new(connectionString);
    private long _incarnation;
    private long _lastFlush;
    private bool _isFenced;

    /// <summary>By number, the shards that are this node's at the writer's next flush.</summary>
    private readonly bool[] _owned = new bool[Core.Cluster.Shards.Count];

    /// <summary>The batch that gives shards away, and those of them that were this node's when it was sent.</summary>
    private WriteBatch? _giving;
    private readonly List<int> _given = [];

    /// <summary>By number, the shards of that batch, as long as it is not known whether it was kept.</summary>
    private readonly bool[] _isGiving = new bool[Core.Cluster.Shards.Count];
    private bool _hasMoved;

    /// <summary>
    /// Whether another node has written since this one began. Until then nobody reads what its flushes changed: who
    /// joins later writes first, and reads on from there.
    /// </summary>
    private bool _isFollowed = options.ServesTogether;

    /// <summary>How far the last look advanced the sequence.</summary>
    private long _looked;

    /// <summary>The nodes that gave no sign of life for long, and are fenced if they still give none.</summary>
    private IReadOnlyList<Sign> _silent = [];

    internal override string TryLock => $"SELECT pg_try_advisory_lock_shared({Lock})";

    internal override string Unlock => $"SELECT pg_advisory_unlock_shared({Lock})";

    internal override string Options => $"-c idle_in_transaction_session_timeout={IdleInTransactionMs}";

    internal override string WhyLost { get; } =
        $"Another server has taken the database over from the node {options.Node}.";

    internal override TimeSpan? BeatsEvery { get; } = TimeSpan.FromSeconds(1);

    internal override async Task BeginAsync(
        NpgsqlConnection connection, long now, Func<Task> check, CancellationToken stop)
    {
        if (_incarnation != 0) return;
        await check();
        do
        {
            if (options.ServesTogether)
            {
                _silent = await _others.SilentAsync(connection, WhyNot, stop);
                continue;
            }

            await StandByAsync(connection, stop);
            await check();
        }
        while (!await TryBeginAsync(connection, now, stop));
    }

    /// <summary>Whether a shard is this node's at the writer's next flush.</summary>
    internal bool Owns(int shard) => Volatile.Read(ref _owned[shard]);

    /// <summary>Whether it is not known yet whether a shard was given. It is not this node's meanwhile.</summary>
    internal bool IsGiving(int shard) => Volatile.Read(ref _isGiving[shard]);

    /// <summary>A shard is this node's: its owner gave it.</summary>
    internal void Own(int shard) => Volatile.Write(ref _owned[shard], true);

    /// <summary>Takes all shards; none if nodes serve at once, which take them later.</summary>
    internal override async Task TakeShardsAsync(NpgsqlConnection connection, CancellationToken stop)
    {
        await using var transaction = await connection.BeginTransactionAsync(stop);
        await AdvanceAsync(connection, 1, stop);
        if (await ScalarAsync(
            connection,
            "UPDATE nodes SET last_flush = $3 WHERE node = $1 AND incarnation = $2 AND alive = 1 RETURNING 1",
            stop,
            _node, _incarnation, Position) is null)
        {
            throw Lost();
        }

        if (options.ServesTogether)
        {
            await BeginWithoutShardsAsync(connection, stop);

            // Before the schema was changed there was no place for it, perhaps.
            await _others.SayAsync(connection, options.Terms, _incarnation, stop);
        }
        else
        {
            await TakeAllShardsAsync(connection, stop);
        }

        await transaction.CommitAsync(stop);
        _lastFlush = Position;
    }

    internal override async Task EndAsync(NpgsqlConnection connection) => _ = await ScalarAsync(
        connection,
        "UPDATE nodes SET alive = 0 WHERE node = $1 AND incarnation = $2",
        CancellationToken.None,
        _node, _incarnation);

    /// <summary>
    /// Advances the sequence in a transaction of its own: it waits for the transaction that was lost, if the server
    /// still has it.
    /// </summary>
    internal override async Task LookAsync(NpgsqlConnection connection, CancellationToken stop)
    {
        await using var transaction = await connection.BeginTransactionAsync(stop);
        var before = Position;
        await AdvanceAsync(connection, 1, stop);
        var found = await ScalarAsync(
            connection,
            "SELECT last_flush FROM nodes WHERE node = $1 AND incarnation = $2 AND alive = 1",
            stop,
            _node, _incarnation);
        if (found is long lastFlush) _lastFlush = lastFlush;
        else _isFenced = true;
        await transaction.CommitAsync(stop);
        _hasMoved = false;
        _isFollowed |= Position - 1 != Math.Max(before, _lastFlush);
        _looked = 1;
    }

    internal override async Task<bool> BeatAsync(NpgsqlConnection connection)
    {
        _isFenced |= await ScalarAsync(
            connection,
            """
            UPDATE nodes SET heartbeat = heartbeat + 1 WHERE node = $1 AND incarnation = $2 AND alive = 1
            RETURNING heartbeat
            """,
            CancellationToken.None,
            _node, _incarnation) is null;
        return !_isFenced;
    }

    /// <summary>This start of the node.</summary>
    internal ShardOwner Self => new(_node, _incarnation);

    internal override bool KnowsPosition => !_hasMoved;

    internal override void TakeNext(PostgresWrites writes, int count, Action<long> taken) => writes.Read(
        _nextPositions,
        (Claim: this, Count: count),
        static (a, q) => a.Int(q.Count).Text(q.Claim._node).Int(q.Claim._incarnation),
        row =>
        {
            var last = row.Int64(0);

            // As long as nobody else writes, one round trip less does.
            _hasMoved = last - count != Position;
            _isFollowed |= _hasMoved;
            taken(last);
        });

    internal override Authority ForeignOf(WriteBatch batch)
    {
        if (!Owns(batch.Authority)) return batch.Authority;
        foreach (var other in batch.OtherAuthorities)
        {
            if (!Owns(other)) return other;
        }

        return Authority.Nobody;
    }

    internal override void Sends(WriteBatch batch)
    {
        if (_giving != batch)
        {
            _giving = batch;
            _given.Clear();
        }

        foreach (var moved in batch.Preconditions.OfType<ShardMoved>())
        {
            if (moved.From != Self || !_owned[moved.Shard]) continue;
            Volatile.Write(ref _isGiving[moved.Shard], true);
            Volatile.Write(ref _owned[moved.Shard], false);
            _given.Add(moved.Shard);
        }
    }

    internal override void Ended(WriteBatch batch, bool isKept)
    {
        if (isKept)
        {
            foreach (var moved in batch.Preconditions.OfType<ShardMoved>())
            {
                if (moved.To == Self) _owned[moved.Shard] = true;
            }
        }
        else if (_giving == batch)
        {
            // One that another node has is refused, and is not this node's now.
            foreach (var shard in _given) _owned[shard] = true;
        }

        foreach (var shard in _given) Volatile.Write(ref _isGiving[shard], false);
        _giving = null;
        _given.Clear();
    }

    public override void Dispose()
    {
        _blocked.Dispose();
        base.Dispose();
    }

    internal override BlockedWriters.Watch Sending(NpgsqlConnection connection) => _blocked.Begin(connection);

    internal override TimeSpan? LongestFlush { get; } = options.LongestFlush;

    internal override FlushNews? Log(PostgresWrites writes, List<WriteBatch> batches, long after, long last) =>
        _isFollowed ? _log.Add(writes, batches, new FlushOrigin(after, last, _node, _incarnation)) : null;

    internal override long After => Position - _looked;

    internal override void Committed(long last)
    {
        base.Committed(last);
        _looked = 0;
    }

    internal override void Take(PostgresWrites writes, long last) => writes.Run(
        _takePositions,
        (Claim: this, Last: last),
        static (a, q) => a.Int(q.Claim.Position).Int(q.Last).Text(q.Claim._node).Int(q.Claim._incarnation));

    internal override bool IsLost(long greatest) => _isFenced;

    internal override bool IsKept(long last) => !_isFenced && _lastFlush == last;

    internal override bool MayRepeat(long last) => !_isFenced && _lastFlush < last;

    internal override bool HasMoved(Exception fault)
    {
        if (fault is not PostgresException { SqlState: SequenceMoved }) return false;
        _hasMoved = _isFollowed = true;
        return true;
    }

    internal override bool MustLook(Exception fault) => fault is PostgresException { SqlState: Fenced };

    /// <summary>Waits until no other node is alive, or the one that is gives no sign of life for long.</summary>
    private async Task StandByAsync(NpgsqlConnection connection, CancellationToken stop)
    {
        _silent = [];
        var seen = await OtherAsync(connection, stop);
        if (seen is null) return;
        options.OnStandBy?.Invoke(seen.Sign.Node);
        for (var since = options.Time.GetTimestamp(); options.Time.GetElapsedTime(since) < options.TakeOverAfter;)
        {
            await Task.Delay(_lookAgain, options.Time, stop);
            var now = await OtherAsync(connection, stop);
            if (now is null) return;

            // While it changes the schema it gives no other sign.
            var isChanging = await LivingNodes.IsMigratingAsync(connection, stop);
            if (now.Sign == seen.Sign && !isChanging) continue;
            if (now.Terms is not null && now.Sign.IsOfStart(seen.Sign))
            {
                throw new StorageException(
                    StorageFailure.Refused,
                    $"The node {now.Sign.Node} serves together with others. Set cluster.listen here too, or stop all "
                    + "nodes first.");
            }

            (seen, since) = (now, options.Time.GetTimestamp());
        }

        _silent = [seen.Sign];
    }

    /// <summary>Fences who wrote before. False if another node was quicker.</summary>
    private async Task<bool> TryBeginAsync(NpgsqlConnection connection, long now, CancellationToken stop)
    {
        await using var transaction = await connection.BeginTransactionAsync(stop);

        // This waits for a transaction of whoever wrote before.
        await AdvanceAsync(connection, Between, stop);

        // A sign of life may be on its way, and another node may have begun.
        var others = await _others.ReadAsync(connection, stop, locks: true);
        LivingNode[] fenced = [.. options.ServesTogether ? others.Where(one => WhyNot(one) is not null) : others];
        if (options.ServesTogether
            ? !fenced.All(one => _silent.Contains(one.Sign))
            : fenced.Length > 0 && !_silent.Contains(fenced[0].Sign))
        {
            return false;
        }

        foreach (var one in fenced)
        {
            _ = await ScalarAsync(connection, "UPDATE nodes SET alive = 0 WHERE node = $1", stop, one.Sign.Node);
        }

        // Drawn, not counted: a database that failed over may have lost the last count.
        var incarnation = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long))) & long.MaxValue;
        _ = await ScalarAsync(
            connection,
            """
            INSERT INTO nodes (node, incarnation, alive, last_flush, heartbeat, started_at)
            VALUES ($1, $2, 1, $3, 0, $4)
            ON CONFLICT (node) DO UPDATE SET incarnation = excluded.incarnation, alive = 1,
                last_flush = excluded.last_flush, started_at = excluded.started_at
            """,
            stop,
            _node, incarnation, Position, now);
        if (options.ServesTogether) await _others.SayAsync(connection, options.Terms, incarnation, stop);
        await transaction.CommitAsync(stop);
        (_incarnation, _lastFlush) = (incarnation, Position);
        _log.StartAt(Position);
        return true;
    }

    private async Task TakeAllShardsAsync(NpgsqlConnection connection, CancellationToken stop)
    {
        await AddShardsAsync(connection, stop);

        // Up to where the owners before handled the changes for their shards.
        _ = await ScalarAsync(
            connection,
            """
            INSERT INTO shard_positions (name, shard, position)
            SELECT p.name, s.shard, p.position FROM shards s
                JOIN node_positions p ON p.node = s.node AND p.incarnation = s.incarnation
            UNION ALL
            SELECT c.name, s.shard, c.position FROM shards s, consumer_positions c
                WHERE s.node = '' AND c.name IN ('federation', 'push')
            ON CONFLICT (name, shard) DO NOTHING
            """,
            stop);
        _ = await ScalarAsync(
            connection, "UPDATE shards SET node = $1, incarnation = $2", stop, _node, _incarnation);
        await BeginPositionsAsync(connection, stop);
        Array.Fill(_owned, true);
    }

    private async Task BeginWithoutShardsAsync(NpgsqlConnection connection, CancellationToken stop)
    {
        await AddShardsAsync(connection, stop);
        await BeginPositionsAsync(connection, stop);
    }

    /// <summary>In a new database, and after a server without nodes, nobody has a shard.</summary>
    private static async Task AddShardsAsync(NpgsqlConnection connection, CancellationToken stop) => _ =
        await ScalarAsync(
            connection,
            """
            INSERT INTO shards (shard, node, incarnation) SELECT number, '', 0 FROM generate_series(0, $1 - 1) AS number
            ON CONFLICT (shard) DO NOTHING
            """,
            stop,
            Core.Cluster.Shards.Count);

    /// <summary>The positions of this start. Those of starts that ended and have no shard are deleted.</summary>
    private async Task BeginPositionsAsync(NpgsqlConnection connection, CancellationToken stop)
    {
        _ = await ScalarAsync(
            connection,
            """
            DELETE FROM node_positions p WHERE
                NOT EXISTS (SELECT 1 FROM shards s WHERE s.node = p.node AND s.incarnation = p.incarnation)
                AND NOT EXISTS (
                    SELECT 1 FROM nodes n WHERE n.node = p.node AND n.incarnation = p.incarnation AND n.alive = 1)
            """,
            stop);
        _ = await ScalarAsync(
            connection,
            """
            INSERT INTO node_positions (name, node, incarnation, position)
            SELECT name, $1, $2, $3 FROM (VALUES ('federation'), ('push')) AS consumers (name)
            """,
            stop,
            _node, _incarnation, Position);
    }

    private bool Owns(Authority authority) => authority.IsNobody || _owned[authority.Shard];

    private async Task AdvanceAsync(NpgsqlConnection connection, long by, CancellationToken stop)
    {
        using (_blocked.Begin(connection))
        {
            Position = (long)(await ScalarAsync(
                connection,
                "UPDATE sequence SET position = position + $1 WHERE one = 1 RETURNING position",
                stop,
                by))!;
        }

        // No node waits for what is between.
        _ = await ScalarAsync(
            connection,
            "INSERT INTO flushes (last, after, node, incarnation, changes) VALUES ($1, $2, '', 0, '')",
            stop,
            Position, Position - by);
    }

    /// <summary>The first other node that is alive; null if there is none.</summary>
    private async Task<LivingNode?> OtherAsync(NpgsqlConnection connection, CancellationToken stop) =>
        await _others.ReadAsync(connection, stop) is [var first, ..] ? first : null;

    private string? WhyNot(LivingNode other) => options.Terms.WhyNotWith(other.Sign.Node, other.Terms);
}
