using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Tables;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>Opens a SQLite database, and closes it in order.</summary>
internal static class SqliteStorage
{
    public static async ValueTask<IStorage> OpenAsync(StorageOptions options, IReadOnlyList<Migration> migrations, CancellationToken stop)
    {
        var path = PathOf(options);
        var file = SqliteFile.Take(path, options);
        var connections = new List<SqliteConnection>();
        try
        {
            stop.ThrowIfCancellationRequested();
            file.Migrate(migrations);
            file.LayOutLog();
            var writing = file.OpenToWrite();
            connections.Add(writing);
            for (var i = 0; i < Math.Max(1, options.Readers); i++)
            {
                connections.Add(file.OpenToRead());
            }

            var metrics = new WriterMetrics();
            var writer = new SqliteWriter(writing, SqliteEventInsert.Register(AllTables.Handlers(options)), options, metrics);
            var readers = new SqliteReaders([.. connections.Skip(1)], options);
            metrics.WatchReads(() => readers.Waiting);
            return await OpenedStorage.OpenAsync(
                options,
                readers,
                writer,
                new SqliteAdmin(readers, path, options.BusyTimeoutMs),
                async () =>
                {
                    // Readers first: the last connection to close moves the log into the database and removes it.
                    await writer.DisposeAsync();
                    await readers.DisposeAsync();
                    writing.Dispose();
                    metrics.Dispose();
                    file.Dispose();
                },
                stop);
        }
        catch
        {
            connections.ForEach(connection => connection.Dispose());
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens it for questions alone, beside the process that owns it or while none does.</summary>
    public static async ValueTask<InspectedStorage> InspectAsync(StorageOptions options, CancellationToken stop)
    {
        var path = PathOf(options);
        if (!File.Exists(path))
        {
            throw new StorageException(StorageFailure.Refused, $"There is no database {path}.");
        }

        var readers = new SqliteReaders([SqliteConnection.OpenReadOnly(path, options.BusyTimeoutMs)], options);
        return await InspectedStorage.OfAsync(readers, new SqliteAdmin(readers, path, options.BusyTimeoutMs), readers.DisposeAsync, stop);
    }

    private static string PathOf(StorageOptions options) =>
        Path.GetFullPath(Path.Combine(options.DataDir, options.Url[StorageEngine.SqlitePrefix.Length..]));
}
