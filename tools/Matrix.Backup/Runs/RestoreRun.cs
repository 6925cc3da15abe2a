using System.Globalization;
using Matrix.Backup.Repository;
using Matrix.Backup.Rows;
using Matrix.Backup.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Copying;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Postgres;

namespace Matrix.Backup.Runs;

/// <summary>A restored backup.</summary>
/// <param name="Name">The backup's name.</param>
/// <param name="Rows">Rows that were written.</param>
/// <param name="Files">Files that were written.</param>
/// <param name="ForgottenKeys">One-time and fallback keys of devices that were left out.</param>
public sealed record RestoreReport(string Name, long Rows, long Files, long ForgottenKeys);

/// <summary>
/// Writes a backup into an empty database, of either kind, and its files. The server goes on far above the positions of
/// the backup, so that what it says is newer than all that was said after the backup and is lost.
/// </summary>
public static class RestoreRun
{
    /// <summary>
    /// How far above. A server uses fewer positions between two backups, and all numbers stay exact in JSON after
    /// 100,000 restores.
    /// </summary>
    private const long Apart = 1L << 36;

    /// <summary>
    /// Keys that others may have claimed since the backup. Handed out once more they would open nothing: clients have
    /// deleted the secret parts. Clients see that there are none, and upload new ones.
    /// </summary>
    private static readonly string[] _forgotten = ["one_time_keys", "fallback_keys"];

    /// <summary>Writes the configuration, unless the file is there. Returns whether it did.</summary>
    /// <exception cref="BackupException">It cannot be written, or the backup has none.</exception>
    public static bool WriteConfiguration(ChunkRepository repository, Snapshot snapshot, string file)
    {
        if (File.Exists(file)) return false;
        var kept = snapshot.Files.FirstOrDefault(static one => one.Kind == FileKind.Configuration)
            ?? throw new BackupException($"The backup has no configuration, and {file} does not exist.");
        new RestoredFiles(repository).Write(kept, file);
        return true;
    }

    /// <summary>The backup of a name, or the newest one.</summary>
    /// <exception cref="BackupException">There is none, or it is of another server.</exception>
    public static (string Name, Snapshot Snapshot) Find(ChunkRepository repository, string? name)
    {
        var names = repository.SnapshotNames();
        if (names.Count == 0) throw new BackupException("The folder has no backup.");
        var chosen = name ?? names[^1];
        return (chosen, Snapshot.Of(repository.GetSnapshot(chosen)));
    }

    /// <summary>Writes everything but the configuration.</summary>
    /// <param name="repository">The backups.</param>
    /// <param name="name">The backup's name.</param>
    /// <param name="snapshot">The backup.</param>
    /// <param name="storage">The database: empty, or one into which the same backup was restored in part.</param>
    /// <param name="mediaFolder">The folder of media; null for a bucket.</param>
    /// <param name="progress">Told of the table or file that is written.</param>
    /// <param name="stop">Interrupts it: the same command begins again.</param>
    /// <exception cref="BackupException">A chunk is damaged or a file is in the way.</exception>
    /// <exception cref="StorageException">The database cannot be written, or has other rows.</exception>
    public static async Task<RestoreReport> RunAsync(
        ChunkRepository repository, string name, Snapshot snapshot, StorageOptions storage, string? mediaFolder,
        Action<string> progress, CancellationToken stop)
    {
        if (snapshot.ServerName != storage.ServerName)
        {
            throw new BackupException(
                $"The backup is of {snapshot.ServerName}, but server_name is {storage.ServerName}.");
        }

        if (snapshot.Schema > Migration.All.Count)
        {
            throw new BackupException($"The backup has schema {snapshot.Schema}: run the newer version that took it.");
        }

        var files = new RestoredFiles(repository).Write(snapshot, storage.DataDir, mediaFolder, progress, stop);
        try
        {
            var alone = storage with { Node = "", ServesTogether = false, StartAfter = 0 };
            var (rows, forgotten) = await FillAsync(repository, name, snapshot, alone, progress, stop);
            await using var side = await CopySide.OpenAsync(alone, writes: true, stop);
            await new CopyTarget(side, storage.Time).EndAsync(snapshot.Position + Apart, snapshot.DeletedRooms, stop);
            return new RestoreReport(name, rows, files, forgotten);
        }
        catch (Exception fault) when (PostgresFault.IsDatabaseFault(fault))
        {
            throw PostgresFault.Of(fault, "restoring");
        }
    }

    private static async Task<(long Rows, long Forgotten)> FillAsync(
        ChunkRepository repository, string name, Snapshot snapshot, StorageOptions storage, Action<string> progress,
        CancellationToken stop)
    {
        // The rows are of the schema that the database had; the first start brings it up to date.
        Migration[] migrations = [.. Migration.All.Take(snapshot.Schema)];
        await using var opened = await StorageEngine.OpenAsync(storage, migrations, stop);
        await using var side = await CopySide.OpenAsync(storage, writes: true, stop);
        var tables = CopiedTables.Read(migrations);
        await new CopyTarget(side, storage.Time).BeginAsync(
            tables, $"the backup {name} of {snapshot.ServerName}", anew: true, stop);
        long rows = 0;
        foreach (var table in tables)
        {
            progress(table.Name);
            rows += await FillAsync(repository, snapshot, table, side, stop);
        }

        foreach (var consumer in BackupRun.Consumers)
        {
            if (!snapshot.Consumers.TryGetValue(consumer, out var position)) continue;
            await side.RunAsync(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"""
                    INSERT INTO consumer_positions (name, position) VALUES ('{consumer}', {position})
                    ON CONFLICT (name) DO UPDATE SET position = excluded.position
                    """),
                stop);
        }

        await side.AnalyzeAsync(stop);
        var forgotten = await ForgetAsync(side, stop);
        return (rows - forgotten, forgotten);
    }

    private static async Task<long> FillAsync(
        ChunkRepository repository, Snapshot snapshot, CopiedTable table, ICopySide side, CancellationToken stop)
    {
        var kept = snapshot.Tables.FirstOrDefault(one => one.Name == table.Name)
            ?? throw new BackupException($"The backup has no table {table.Name}, which its schema has.");
        foreach (var chunk in kept.Chunks)
        {
            stop.ThrowIfCancellationRequested();
            await side.WriteAsync(table, RowFormat.Read(repository.Get(chunk), table.Columns.Count), stop);
        }

        var (rows, digest) = await TableDigest.OfAsync(side, table, stop);
        return (rows, digest) == (kept.Rows, kept.Digest)
            ? rows
            : throw new BackupException(
                $"The restored table {table.Name} is not what was backed up: {rows} rows, {kept.Rows} in the backup.");
    }

    private static async Task<long> ForgetAsync(ICopySide side, CancellationToken stop)
    {
        long forgotten = 0;
        foreach (var table in _forgotten)
        {
            forgotten += long.Parse(
                (await side.RunAsync($"SELECT COUNT(*) FROM {table}", stop)).Text, CultureInfo.InvariantCulture);
            await side.RunAsync($"DELETE FROM {table}", stop);
        }

        return forgotten;
    }
}
