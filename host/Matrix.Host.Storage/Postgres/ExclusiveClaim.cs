using Matrix.Host.Storage.Statements;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>
/// The claim of the only process: its session holds a lock on the database, and no other process can begin. If the
/// session is lost, another process may have taken the lock: the sequence shows it.
/// </summary>
internal sealed class ExclusiveClaim : WriteClaim
{
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
