using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables;
using Matrix.Host.Storage.Tables.Shards;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>Opens and closes a SQLite database.</summary>
internal static class SqliteStorage
{
    public static async ValueTask<OpenedStorage> OpenAsync(
        StorageOptions options, IReadOnlyList<Migration> migrations, CancellationToken stop)
    {
        SqliteLibrary.Check();
        var path = PathOf(options);
        var opened = new OpenedFile(SqliteFile.Take(path, options));
        try
        {
            stop.ThrowIfCancellationRequested();
            opened.Open(options, migrations);
            return await OpenedStorage.OpenAsync(
                options,
                opened.Readers!,
                opened.Writer!,
                new SqliteAdmin(opened.Readers!, path, options.BusyTimeoutMs),
                new NodeShards(ShardOwner.Nobody, ShardGates.AlwaysOpen, opened.Writer!),
                new TaskCompletionSource<StorageException>().Task,
                opened.DisposeAsync,
                stop);
        }
        catch
        {
            await opened.DisposeAsync();
            throw;
        }
    }

    /// <summary>The file with its connections and the threads that use them.</summary>
    private sealed class OpenedFile(SqliteFile file) : IAsyncDisposable
    {
        private readonly List<SqliteConnection> _connections = [];
        private readonly WriterMetrics _metrics = new();
        private bool _isClosed;

        public SqliteReaders? Readers { get; private set; }

        public SqliteWriter? Writer { get; private set; }

        public void Open(StorageOptions options, IReadOnlyList<Migration> migrations)
        {
            file.Migrate(migrations);
            var writing = Add(file.OpenToWrite());
            var checkpointing = Add(file.OpenToCheckpoint());
            var reading = new List<SqliteConnection>();
            for (var i = 0; i < Math.Max(1, options.Readers); i++) reading.Add(Add(file.OpenToRead()));
            var readers = Readers = new SqliteReaders([.. reading], options);
            var handlers = StorageTables.Handlers(new(SqliteEventInsert.Insert, SqliteKeyClaims.Claim));
            Writer = new SqliteWriter(writing, checkpointing, file.Sync, handlers, options, _metrics);
            _metrics.WatchReads(() => readers.Waiting);
        }

        /// <summary>Closes what was opened. Called again, it does nothing.</summary>
        public async ValueTask DisposeAsync()
        {
            if (_isClosed) return;
            _isClosed = true;

            // Threads close before their connections. The writer's connection closes last, which moves the log into the
            // database and removes it.
            if (Writer is not null) await Writer.DisposeAsync();
            if (Readers is not null) await Readers.DisposeAsync();
            _connections.Reverse();
            _connections.ForEach(static connection => connection.Dispose());
            _metrics.Dispose();
            file.Dispose();
        }

        private SqliteConnection Add(SqliteConnection connection)
        {
            _connections.Add(connection);
            return connection;
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

    /// <summary>The database's path.</summary>
    internal static string PathOf(StorageOptions options) =>
        Path.GetFullPath(Path.Combine(options.DataDir, options.Url[StorageEngine.SqlitePrefix.Length..]));
}
