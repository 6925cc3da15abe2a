using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Postgres;
using Matrix.Host.Storage.Sqlite;

namespace Matrix.Host.Storage;

/// <summary>Opens a store.</summary>
public static class StorageEngine
{
    internal const string SqlitePrefix = "sqlite:";

    /// <summary>
    /// Opens the database that the options name, and creates a SQLite file that does not exist. Brings the schema up to
    /// date, locks the database for this process and starts the writer.
    /// </summary>
    /// <exception cref="StorageException">It cannot be opened: the message is one line for the operator.</exception>
    public static ValueTask<OpenedStorage> OpenAsync(StorageOptions options, CancellationToken stop) =>
        OpenAsync(options, Migration.All, stop);

    /// <summary>Whether several machines can reach the database.</summary>
    public static bool IsShared(StorageOptions options) => PostgresUrl.IsPostgres(options.Url);

    /// <summary>
    /// Opens the database that the options name for reading only: nothing changes and no lock is taken, whether or not
    /// a server runs.
    /// </summary>
    /// <exception cref="StorageException">There is none, or it is not one of this server's: the message is one line for
    /// the operator.</exception>
    public static ValueTask<InspectedStorage> InspectAsync(StorageOptions options, CancellationToken stop)
    {
        if (IsSqlite(options))
        {
            return SqliteStorage.InspectAsync(options, stop);
        }

        return PostgresUrl.IsPostgres(options.Url) ? PostgresStorage.InspectAsync(options, stop) : throw UnknownUrl();
    }

    internal static async ValueTask<OpenedStorage> OpenAsync(
        StorageOptions options, IReadOnlyList<Migration> migrations, CancellationToken stop)
    {
        if (IsSqlite(options))
        {
            return await SqliteStorage.OpenAsync(options, migrations, stop);
        }

        return PostgresUrl.IsPostgres(options.Url)
            ? await PostgresStorage.OpenAsync(options, migrations, stop)
            : throw UnknownUrl();
    }

    /// <summary>The path of the database; null if it is not SQLite.</summary>
    internal static string? SqliteFileOf(StorageOptions options) =>
        IsSqlite(options) ? SqliteStorage.PathOf(options) : null;

    private static bool IsSqlite(StorageOptions options) =>
        options.Url.Length > SqlitePrefix.Length && options.Url.StartsWith(SqlitePrefix, StringComparison.Ordinal);

    private static StorageException UnknownUrl() =>
        new(StorageFailure.Refused, "database.url must be sqlite:FILE or postgres://user:password@host:port/name.");
}
