using System.Globalization;
using Matrix.Backup.Repository;
using Matrix.Backup.Rows;
using Matrix.Backup.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Copying;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Postgres;

namespace Matrix.Backup.Runs;

/// <summary>
/// Takes a backup while the server runs: the rows of one committed state, then files. Media are written before the rows
/// that name them, and never change: those of the state are all there.
/// </summary>
public static class BackupRun
{
    /// <summary>The time as a name that sorts.</summary>
    private const string NameFormat = "yyyyMMdd'T'HHmmssfff'Z'";

    /// <summary>What each of several nodes sends, and remembers how far.</summary>
    internal static IReadOnlyList<string> Consumers { get; } = ["federation", "push"];

    /// <summary>Takes it.</summary>
    /// <param name="options">What is backed up.</param>
    /// <param name="repository">Where to.</param>
    /// <param name="progress">Told of the table or file that is read.</param>
    /// <param name="stop">Ends it; chunks that were written are found again by the next one.</param>
    /// <exception cref="BackupException">A file cannot be read or written.</exception>
    /// <exception cref="Matrix.Host.Storage.Commits.StorageException">The database cannot be read.</exception>
    public static async Task<BackupReport> RunAsync(
        BackupOptions options, ChunkRepository repository, Action<string> progress, CancellationToken stop)
    {
        var began = options.Storage.Time.GetUtcNow();
        var names = repository.SnapshotNames();
        var before = names.Count > 0 ? Snapshot.Of(repository.GetSnapshot(names[^1])) : null;
        if (before is not null && before.ServerName != options.Storage.ServerName)
        {
            throw new BackupException($"The folder has backups of the server {before.ServerName}.");
        }

        var snapshot = await RowsAsync(options.Storage, began, repository, progress, stop);
        snapshot = snapshot with { Files = new BackedUpFiles(repository, before, progress, stop).Read(options) };
        var name = began.UtcDateTime.ToString(NameFormat, CultureInfo.InvariantCulture);
        repository.PutSnapshot(name, snapshot.ToBytes());
        return new BackupReport(
            name, snapshot.Tables.Sum(static table => table.Rows), snapshot.Files.Count, snapshot.Chunks().LongCount(),
            repository.Written, repository.WrittenBytes, Prune(options.Keep, [.. names, name], repository));
    }

    private static async Task<Snapshot> RowsAsync(
        StorageOptions storage, DateTimeOffset began, ChunkRepository repository, Action<string> progress,
        CancellationToken stop)
    {
        await using (var seen = await StorageEngine.InspectAsync(storage, stop)) seen.NeedTables();
        try
        {
            await using var side = await CopySide.OpenAsync(storage, writes: false, stop);
            await side.FreezeAsync(stop);
            var tables = new List<TableOfSnapshot>();
            foreach (var table in CopiedTables.Read())
            {
                progress(table.Name);
                tables.Add(await TableAsync(side, table, repository, stop));
            }

            return new Snapshot(
                storage.ServerName, began, Migration.All.Count,
                await CopyTarget.NumberAsync(side, CopiedTables.Positions, stop) ?? 0,
                await CopyTarget.NumberAsync(side, CopiedTables.DeletedRooms, stop),
                await ConsumersAsync(side, stop), tables, []);
        }
        catch (Exception fault) when (PostgresFault.IsDatabaseFault(fault))
        {
            throw PostgresFault.Of(fault, "backing up");
        }
    }

    private static async Task<TableOfSnapshot> TableAsync(
        ICopySide side, CopiedTable table, ChunkRepository repository, CancellationToken stop)
    {
        var chunks = new RowChunks(repository, table);
        using var digest = new TableDigest();
        await foreach (var row in side.RowsAsync(table, after: null, stop))
        {
            chunks.Add(row);
            digest.Add(table, row);
        }

        chunks.End();
        return new TableOfSnapshot(table.Name, digest.Rows, digest.End(), chunks.Names);
    }

    private static async Task<IReadOnlyDictionary<string, long>> ConsumersAsync(ICopySide side, CancellationToken stop)
    {
        var positions = new Dictionary<string, long>();
        foreach (var consumer in Consumers)
        {
            var position = await side.RunAsync(
                $"SELECT position FROM ({ExclusiveClaim.PositionsOfNodes}) AS p WHERE name = '{consumer}'", stop);
            if (!position.IsNull) positions.Add(consumer, long.Parse(position.Text, CultureInfo.InvariantCulture));
        }

        return positions;
    }

    /// <summary>Deletes the oldest ones, and returns how many chunks went.</summary>
    private static long Prune(int keep, IReadOnlyList<string> names, ChunkRepository repository)
    {
        if (keep <= 0 || names.Count <= keep) return 0;
        var kept = names.Skip(names.Count - keep)
            .SelectMany(name => Snapshot.Of(repository.GetSnapshot(name)).Chunks()).ToHashSet(StringComparer.Ordinal);
        return repository.Delete(names.Take(names.Count - keep), kept);
    }
}
