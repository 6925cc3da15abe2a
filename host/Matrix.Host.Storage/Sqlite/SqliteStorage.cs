using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Tables;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>Opens a SQLite database, and closes it in order.</summary>
internal static class SqliteStorage
{
    public static async ValueTask<IStorage> OpenAsync(StorageOptions options, IReadOnlyList<Migration> migrations, CancellationToken stop)
    {
        var path = Path.GetFullPath(Path.Combine(options.DataDir, options.Url[StorageEngine.SqlitePrefix.Length..]));
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
                new SqliteAdmin(readers, file),
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
}
