using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>Administration of a SQLite database.</summary>
/// <param name="busyTimeoutMs">The longest that a copy waits for a lock.</param>
internal sealed class SqliteAdmin(IReads reads, string file, int busyTimeoutMs) : IStorageAdmin
{
    // The statistics name b-trees; `sqlite_schema` maps an index to its table.
    private static readonly Statement Tables = Statement.Of("""
        SELECT COALESCE(s.tbl_name, 'schema'), SUM(d.pgsize), SUM(CASE WHEN s.type = 'table'
            AND d.pagetype = 'leaf' THEN d.ncell ELSE 0 END)
        FROM dbstat d LEFT JOIN sqlite_schema s ON s.name = d.name
        GROUP BY COALESCE(s.tbl_name, 'schema') ORDER BY 2 DESC
        """);

    private static readonly Statement Bytes = Statement.Of("""
        SELECT c.page_count * s.page_size FROM pragma_page_count() c, pragma_page_size() s
        """);

    public string Engine => $"SQLite {SqliteConnection.Version}";

    public ValueTask<IReadOnlyList<MigrationRow>> MigrationsAsync(CancellationToken stop) =>
        AdminStatements.MigrationsAsync(reads, stop);

    public ValueTask<long> BytesAsync(CancellationToken stop) =>
        reads.FirstAsync(Bytes, static row => row.Int64(0), stop);

    public ValueTask<IReadOnlyList<TableSize>> TableSizesAsync(CancellationToken stop) =>
        reads.ListAsync(Tables, static row => new TableSize(row.Text(0), row.Int64(1), row.Int64(2)), stop);

    public ValueTask<IReadOnlyList<RoomSize>> RoomSizesAsync(int limit, CancellationToken stop) =>
        AdminStatements.RoomSizesAsync(reads, limit, stop);

    public async ValueTask BackupAsync(string to, CancellationToken stop)
    {
        ArgumentException.ThrowIfNullOrEmpty(to);
        stop.ThrowIfCancellationRequested();
        var copy = Path.GetFullPath(to);
        if (File.Exists(copy))
        {
            throw new StorageException(
                StorageFailure.Refused, $"{copy} already exists, and a backup does not overwrite files.");
        }

        // The copy has another name until it is complete and synced. Only its owner may read it: it holds keys and
        // password hashes.
        var partial = $"{copy}.{Environment.ProcessId}.partial";
        try
        {
            OwnFiles.Open(partial, FileMode.CreateNew).Dispose();

            // The copy has its own thread and connection: it may take long, and reads one committed state.
            await Task.Factory.StartNew(
                () => Copy(partial), stop, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            Durable.Sync(partial);
            File.Move(partial, copy);
            Durable.SyncFolder(Path.GetDirectoryName(copy)!);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            Forget(partial);
            throw new StorageException(StorageFailure.Unavailable, $"{copy} cannot be written: {fault.Message}", fault);
        }
        catch
        {
            Forget(partial);
            throw;
        }
    }

    // Deleting a file in a missing folder throws.
    private static void Forget(string partial)
    {
        if (File.Exists(partial))
        {
            File.Delete(partial);
        }
    }

    private void Copy(string to)
    {
        using var connection = SqliteConnection.OpenReadOnly(file, busyTimeoutMs);
        connection.Execute($"VACUUM INTO '{to.Replace("'", "''", StringComparison.Ordinal)}'");
    }
}
