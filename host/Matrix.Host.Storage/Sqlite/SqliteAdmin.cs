using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Sqlite;

internal sealed class SqliteAdmin(SqliteReaders readers, SqliteFile file) : IStorageAdmin
{
    // The statistics name b-trees; `sqlite_schema` says which table an index belongs to.
    private static readonly Statement Tables = Statement.Of("""
        SELECT COALESCE(s.tbl_name, 'schema'), SUM(d.pgsize), SUM(CASE WHEN s.type = 'table' AND d.pagetype = 'leaf' THEN d.ncell ELSE 0 END)
        FROM dbstat d LEFT JOIN sqlite_schema s ON s.name = d.name
        GROUP BY COALESCE(s.tbl_name, 'schema') ORDER BY 2 DESC
        """);

    public string Engine => $"SQLite {SqliteConnection.Version}";

    public ValueTask<IReadOnlyList<MigrationRow>> MigrationsAsync(CancellationToken stop) =>
        AdminStatements.MigrationsAsync(readers, stop);

    public ValueTask<IReadOnlyList<TableSize>> TableSizesAsync(CancellationToken stop) =>
        readers.ListAsync(Tables, static row => new TableSize(row.Text(0), row.Int64(1), row.Int64(2)), stop);

    public ValueTask<IReadOnlyList<RoomSize>> RoomSizesAsync(int limit, CancellationToken stop) =>
        AdminStatements.RoomSizesAsync(readers, limit, stop);

    public async ValueTask BackupAsync(string to, CancellationToken stop)
    {
        ArgumentException.ThrowIfNullOrEmpty(to);
        stop.ThrowIfCancellationRequested();
        var copy = Path.GetFullPath(to);
        if (File.Exists(copy))
        {
            throw new StorageException(StorageFailure.Refused, $"{copy} exists already: a backup overwrites nothing.");
        }

        // A thread and a connection of its own: it takes as long as it takes, and sees one committed instant.
        await Task.Factory.StartNew(
            () =>
            {
                using var connection = file.OpenToRead();
                connection.Execute("PRAGMA query_only = 0");
                connection.Execute($"VACUUM INTO '{copy.Replace("'", "''", StringComparison.Ordinal)}'");
            },
            stop,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        Durable.Sync(copy);
    }
}
