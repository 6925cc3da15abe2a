using Matrix.Host.Storage.Statements;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>
/// The claim of the only process: its session holds a lock on the database, and no other process can begin. If the
/// session is lost, another process may have taken the lock: the sequence shows it.
/// </summary>
internal sealed class ExclusiveClaim : WriteClaim
{
    /// <summary>Of what nodes have sent, by what is sent, where the furthest behind of them was.</summary>
    internal const string PositionsOfNodes = """
        SELECT name, min(position) AS position FROM (
            SELECT name, position FROM shard_positions
            UNION ALL
            SELECT p.name, p.position FROM node_positions p WHERE EXISTS (
                SELECT 1 FROM shards s WHERE s.node = p.node AND s.incarnation = p.incarnation)
        ) AS positions GROUP BY name
        """;

    private static readonly Statement Advance = Statement.Of("UPDATE sequence SET position = $1 WHERE one = 1");

    internal override long Apart => Between;

    internal override string TryLock => $"SELECT pg_try_advisory_lock({Lock})";

    internal override string Unlock => $"SELECT pg_advisory_unlock({Lock})";

    internal override async Task BeginAsync(
        NpgsqlConnection connection, long now, Func<Task> check, CancellationToken stop)
    {
        await check();

        // A node that was cut off, and comes back, writes nothing.
        if (await ScalarAsync(connection, "SELECT to_regclass('nodes') IS NOT NULL", stop) is true)
        {
            _ = await ScalarAsync(connection, "UPDATE nodes SET alive = 0 WHERE alive = 1", stop);
        }

        await LookAsync(connection, stop);
    }

    /// <summary>
    /// Takes all shards from the nodes before: what is sent goes on where the furthest behind of them was.
    /// </summary>
    internal override async Task TakeShardsAsync(NpgsqlConnection connection, CancellationToken stop)
    {
        if (await ScalarAsync(connection, "SELECT to_regclass('shard_positions') IS NULL", stop) is true) return;
        await using var transaction = await connection.BeginTransactionAsync(stop);
        _ = await ScalarAsync(
            connection,
            $"""
            INSERT INTO consumer_positions (name, position) {PositionsOfNodes}
            ON CONFLICT (name) DO UPDATE SET position = excluded.position
            """,
            stop);
        foreach (var table in (string[])["node_positions", "shard_positions", "shards"])
        {
            _ = await ScalarAsync(connection, $"DELETE FROM {table}", stop);
        }

        await transaction.CommitAsync(stop);
    }

    internal override async Task LookAsync(NpgsqlConnection connection, CancellationToken stop) =>
        Position = (long)(await ScalarAsync(connection, "SELECT position FROM sequence WHERE one = 1", stop))!;

    internal override void Take(PostgresWrites writes, long last) =>
        writes.Run(Advance, last, static (a, last) => a.Int(last));

    internal override string WhyLost =>
        "Another process wrote to the database while the connection was lost. Restart this server.";

    internal override bool IsLost(long greatest) => Position > greatest;

    internal override bool IsKept(long last) => Position == last;

    internal override bool MayRepeat(long last) => Position < last;
}
