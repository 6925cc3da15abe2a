using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Tables;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>Opens and closes a SQLite database.</summary>
internal static class SqliteStorage
{
    public static async ValueTask<OpenedStorage> OpenAsync(
        StorageOptions options, IReadOnlyList<Migration> migrations, CancellationToken stop)
    {
        SqliteLibrary.Check();
        var path = PathOf(options);
        var file = SqliteFile.Take(path, options);
        var connections = new List<SqliteConnection>();
        var metrics = new WriterMetrics();
        SqliteReaders? readers = null;
        SqliteWriter? writer = null;
        var isClosed = false;
        try
        {
            stop.ThrowIfCancellationRequested();
            file.Migrate(migrations);
            var writing = file.OpenToWrite();
            connections.Add(writing);
            var checkpointing = file.OpenToCheckpoint();
            connections.Add(checkpointing);
            for (var i = 0; i < Math.Max(1, options.Readers); i++)
            {
                connections.Add(file.OpenToRead());
            }

            readers = new SqliteReaders([.. connections.Skip(2)], options);
            var handlers = StorageTables.Handlers(new(SqliteEventInsert.Insert, SqliteKeyClaims.Claim));
            writer = new SqliteWriter(writing, checkpointing, file.Sync, handlers, options, metrics);
            metrics.WatchReads(() => readers.Waiting);
            return await OpenedStorage.OpenAsync(
                options,
                readers,
                writer,
                new SqliteAdmin(readers, path, options.BusyTimeoutMs),
                CloseAsync,
                stop);
        }
        catch
        {
            await CloseAsync();
            throw;
        }

        async ValueTask CloseAsync()
        {
            if (isClosed)
            {
                return;
            }

            isClosed = true;

            // Threads close before their connections. The writer's connection closes last, which moves the log into the
            // database and removes it.
            if (writer is not null)
            {
                await writer.DisposeAsync();
            }

            if (readers is not null)
            {
                await readers.DisposeAsync();
            }

            connections.Reverse();
            connections.ForEach(connection => connection.Dispose());
            metrics.Dispose();
            file.Dispose();
        }
    }

    /// <summary>Opens the database for reading only, whether or not another process owns it.</summary>
    public static async ValueTask<InspectedStorage> InspectAsync(StorageOptions options, CancellationToken stop)
    {
        SqliteLibrary.Check();
        var path = PathOf(options);
        if (!File.Exists(path))
        {
            throw new StorageException(StorageFailure.Refused, $"The database {path} does not exist.");
        }

        var readers = new SqliteReaders(
            [SqliteConnection.OpenReadOnly(path, options.BusyTimeoutMs)], options with { LongestRead = TimeSpan.Zero });
        return await InspectedStorage.OfAsync(
            readers, options, new SqliteAdmin(readers, path, options.BusyTimeoutMs), readers.DisposeAsync, stop);
    }

    private static string PathOf(StorageOptions options) =>
        Path.GetFullPath(Path.Combine(options.DataDir, options.Url[StorageEngine.SqlitePrefix.Length..]));
}
