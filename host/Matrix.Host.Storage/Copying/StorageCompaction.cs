using System.Globalization;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Postgres;
using Matrix.Host.Storage.Sqlite;

namespace Matrix.Host.Storage.Copying;

/// <summary>Gives the space of deleted rows back to the disk. While a server runs, it writes new rows there.</summary>
public static class StorageCompaction
{
    /// <summary>Writes the whole database anew: the disk needs room for a second one meanwhile.</summary>
    /// <param name="options">The database. No server may run on it.</param>
    /// <param name="stop">Ends it before it begins.</param>
    /// <returns>Bytes on disk before and after.</returns>
    /// <exception cref="StorageException">It cannot be opened, or the disk has no room: one line for the operator.
    /// </exception>
    public static async Task<(long Before, long After)> RunAsync(StorageOptions options, CancellationToken stop)
    {
        await using (var seen = await StorageEngine.InspectAsync(options, stop)) seen.NeedTables();
        return StorageEngine.SqliteFileOf(options) is { } file
            ? CompactFile(file, options)
            : await CompactPostgresAsync(options, stop);
    }

    private static (long Before, long After) CompactFile(string path, StorageOptions options)
    {
        using var file = SqliteFile.Take(path, options);
        var compact = path + ".compact";
        try
        {
            File.Delete(compact);
            long before;
            using (var connection = SqliteConnection.Open(path, options.BusyTimeoutMs))
            {
                connection.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
                before = new FileInfo(path).Length;
                OwnFiles.Open(compact, FileMode.CreateNew).Dispose();
                connection.Execute($"VACUUM INTO '{compact.Replace("'", "''", StringComparison.Ordinal)}'");
            }

            // Closing the last connection has removed the log, which belongs to the file before.
            if (File.Exists(path + "-wal"))
            {
                throw new StorageException(StorageFailure.Busy, $"Another process reads {path}.");
            }

            Durable.Sync(compact);
            File.Move(compact, path, overwrite: true);
            Durable.SyncFolder(Path.GetDirectoryName(path)!);
            return (before, new FileInfo(path).Length);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new StorageException(StorageFailure.Unavailable, $"{path}: {fault.Message}", fault);
        }
        finally
        {
            File.Delete(compact);
        }
    }

    private static async Task<(long Before, long After)> CompactPostgresAsync(
        StorageOptions options, CancellationToken stop)
    {
        var alone = options with { Node = "", ServesTogether = false };
        await using var storage = await StorageEngine.OpenAsync(alone, stop);
        try
        {
            await using var side = await PostgresSide.OpenAsync(alone, stop);
            var before = await BytesAsync(side);
            await side.RunAsync("VACUUM (FULL, ANALYZE)", stop);
            return (before, await BytesAsync(side));
        }
        catch (Exception fault) when (PostgresFault.IsDatabaseFault(fault))
        {
            throw PostgresFault.Of(fault, "compacting");
        }

        async Task<long> BytesAsync(PostgresSide side) => long.Parse(
            (await side.RunAsync("SELECT pg_database_size(current_database())", stop)).Text,
            CultureInfo.InvariantCulture);
    }
}
