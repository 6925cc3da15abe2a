using Matrix.Host.Storage;

namespace Matrix.Backup.Runs;

/// <summary>What is backed up.</summary>
public sealed record BackupOptions
{
    /// <summary>The database. A server may run on it.</summary>
    public required StorageOptions Storage { get; init; }

    /// <summary>The configuration; null if there is none.</summary>
    public string? ConfigFile { get; init; }

    /// <summary>The folder of media; null if a bucket has them, which has backups of its own.</summary>
    public string? MediaFolder { get; init; }

    /// <summary>The newest backups that stay; 0 for all.</summary>
    public int Keep { get; init; }
}

/// <summary>A backup that was taken.</summary>
/// <param name="Name">Its name: the time, to a millisecond.</param>
/// <param name="Rows">Rows in it.</param>
/// <param name="Files">Files in it, media included.</param>
/// <param name="Chunks">Chunks that it lists.</param>
/// <param name="WrittenChunks">Chunks that were not there before.</param>
/// <param name="WrittenBytes">Bytes of these.</param>
/// <param name="DeletedChunks">Chunks of backups that went.</param>
public sealed record BackupReport(
    string Name, long Rows, long Files, long Chunks, long WrittenChunks, long WrittenBytes, long DeletedChunks);
