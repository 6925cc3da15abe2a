using System.Globalization;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>The database file: locked for this process, migrated, and opened for writing and reading.</summary>
internal sealed class SqliteFile : IDisposable
{
    private readonly FileStream _lock;
    private readonly FileStream _whole;
    private readonly StorageOptions _options;

    private SqliteFile(string path, FileStream @lock, FileStream whole, StorageOptions options)
    {
        Path = path;
        _lock = @lock;
        _whole = whole;
        _options = options;
    }

    /// <summary>The file's path.</summary>
    public string Path { get; }

    /// <summary>Locks the file for this process, with a lock file that is released when the process ends.</summary>
    public static SqliteFile Take(string path, StorageOptions options)
    {
        var folder = System.IO.Path.GetDirectoryName(path)!;
        try
        {
            OwnFiles.MakeFolder(folder);
            var taken = OpenOwn(path + ".lock", FileShare.None);
            try
            {
                // Created here, so that only the owner may read it; SQLite gives its other files the same mode. It
                // stays open: closing any handle of a file releases all locks that the process has on it, SQLite's too.
                return new SqliteFile(path, taken, OpenOwn(path, FileShare.ReadWrite), options);
            }
            catch
            {
                taken.Dispose();
                throw;
            }
        }
        catch (IOException) when (File.Exists(path + ".lock"))
        {
            throw new StorageException(StorageFailure.Refused, $"The database {path} is in use by another process.");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new StorageException(
                StorageFailure.Refused, $"The database {path} cannot be opened: {fault.Message}", fault);
        }
    }

    private static FileStream OpenOwn(string path, FileShare share) =>
        OwnFiles.Open(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, share);

    /// <summary>Creates the database if it does not exist, and brings its schema up to date.</summary>
    public void Migrate(IReadOnlyList<Migration> known)
    {
        using var connection = SqliteConnection.Open(Path, _options.BusyTimeoutMs);
        Configure(connection, _options.WriterCacheBytes);
        connection.Execute(Migration.CreateRecord);
        var applied = int.Parse(connection.Scalar("SELECT COUNT(*) FROM migrations")!, CultureInfo.InvariantCulture);
        foreach (var migration in Migration.Pending(known, applied))
        {
            var now = _options.Time.GetUtcNow().ToUnixTimeMilliseconds();
            connection.Execute("BEGIN IMMEDIATE");
            try
            {
                connection.Execute(migration.ForSqlite);
                connection.Execute(string.Create(
                    CultureInfo.InvariantCulture,
                    $"""
                    INSERT INTO migrations (number, name, applied_at)
                    VALUES ({migration.Number}, '{migration.Name}', {now})
                    """));
                connection.Execute("COMMIT");
            }
            catch
            {
                connection.Execute("ROLLBACK");
                throw;
            }
        }

        PinServerName(connection);
        if (_options.StartAfter == 0) return;
        connection.Execute(string.Create(
            CultureInfo.InvariantCulture,
            $"UPDATE sequence SET position = MAX(position, {_options.StartAfter}) WHERE one = 1"));
    }

    public SqliteConnection OpenToWrite() => Open(_options.WriterCacheBytes, connection =>
    {
        // No page goes to the log before its transaction is complete: a flush is bounded, and a rolled back change is
        // never written.
        connection.Execute("PRAGMA cache_spill = 0");
        if (_options.MaxDatabaseBytes > 0)
        {
            connection.Execute(string.Create(
                CultureInfo.InvariantCulture,
                $"PRAGMA max_page_count = {_options.MaxDatabaseBytes / connection.PageSize}"));
        }
    });

    public SqliteConnection OpenToCheckpoint() => Open(cacheBytes: 0, static _ => { });

    public SqliteConnection OpenToRead() =>
        Open(_options.ReaderCacheBytes, static connection => connection.Execute("PRAGMA query_only = 1"));

    /// <summary>Waits until the disk has all that was written to the database, its log excluded.</summary>
    public void Sync() => RandomAccess.FlushToDisk(_whole.SafeFileHandle);

    /// <summary>Releases the lock. Call it when nothing has the database open.</summary>
    public void Dispose()
    {
        _whole.Dispose();
        _lock.Dispose();
    }

    private SqliteConnection Open(int cacheBytes, Action<SqliteConnection> adjust)
    {
        var connection = SqliteConnection.Open(Path, _options.BusyTimeoutMs);
        try
        {
            Configure(connection, cacheBytes);
            connection.OwnCheckpoints();
            adjust(connection);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private void Configure(SqliteConnection connection, int cacheBytes)
    {
        connection.Execute(string.Create(
            CultureInfo.InvariantCulture,
            $"""
            PRAGMA page_size = {_options.PageSize};
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = {_options.SqliteSynchronous};
            PRAGMA cache_size = -{Math.Max(1, cacheBytes / 1024)};
            PRAGMA journal_size_limit = {2 * _options.CheckpointBytes};
            PRAGMA temp_store = MEMORY;
            """));
    }

    private void PinServerName(SqliteConnection connection)
    {
        if (connection.Scalar("SELECT server_name FROM identity") is { } theirs)
        {
            if (theirs != _options.ServerName)
            {
                throw Migration.ForeignServer(theirs, _options.ServerName);
            }

            return;
        }

        var insert = connection.Prepare(InsertIdentity);
        _ = insert.Text(_options.ServerName);
        _ = insert.Step();
        insert.Reset();
    }

    private static readonly Statement InsertIdentity = Statement.Of(
        "INSERT INTO identity (one, server_name) VALUES (1, $1)");
}
