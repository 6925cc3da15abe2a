using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage;

/// <summary>The administrative queries and checks that both databases share.</summary>
internal static class AdminStatements
{
    private static readonly Statement Migrations = Statement.Of(
        "SELECT number, name, applied_at FROM migrations ORDER BY number");

    private static readonly Statement HasMigrations = Statement.Of(
        "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'migrations'",
        """
        SELECT COUNT(*) FROM pg_class
        WHERE relname = 'migrations'
            AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
        """);

    private static readonly Statement Rooms = Statement.Of(
        RoomsWith("events e JOIN event_json j ON j.json_id = e.json_id"), RoomsWith("events e"));

    public static ValueTask<IReadOnlyList<MigrationRow>> MigrationsAsync(IReads reads, CancellationToken stop) =>
        reads.ListAsync(Migrations, static row => new MigrationRow(row.Int32(0), row.Text(1), row.Int64(2)), stop);

    /// <summary>
    /// The number of migrations that were applied. Throws unless this is a homeserver's database of a schema that this
    /// program knows.
    /// </summary>
    public static async ValueTask<int> CheckAsync(IReads reads, CancellationToken stop)
    {
        if (await reads.FirstAsync(HasMigrations, static row => row.Int64(0), stop) == 0)
        {
            throw new StorageException(
                StorageFailure.Refused, "This is not a homeserver's database: no server was ever started on it.");
        }

        var applied = (await MigrationsAsync(reads, stop)).Count;
        _ = Migration.Pending(Migration.All, applied);
        return applied;
    }

    public static ValueTask<IReadOnlyList<RoomSize>> RoomSizesAsync(
        IReads reads, int limit, CancellationToken stop) => reads.ListAsync(
        Rooms,
        limit,
        static (a, limit) => a.Int(limit),
        static row => new RoomSize(row.Text(0), row.Int64(1), row.Int64(2), row.Int64(3)),
        stop);

    private static string RoomsWith(string events) => $"""
        SELECT r.room_id, COALESCE(e.count, 0), COALESCE(e.bytes, 0), COALESCE(s.bytes, 0) + COALESCE(n.bytes, 0)
        FROM rooms r
        LEFT JOIN (SELECT event_nid >> 32 AS room, COUNT(*) AS count, SUM(LENGTH(json)) AS bytes FROM {events}
            GROUP BY 1) e
            ON e.room = r.room_nid
        LEFT JOIN (SELECT step_key >> 32 AS room, SUM(LENGTH(changes)) AS bytes FROM state_steps
            GROUP BY 1) s ON s.room = r.room_nid
        LEFT JOIN (SELECT node_key >> 32 AS room, SUM(LENGTH(data)) AS bytes FROM state_nodes
            GROUP BY 1) n ON n.room = r.room_nid
        ORDER BY 3 DESC, 1 LIMIT $1
        """;
}
