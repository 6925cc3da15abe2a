using Matrix.Backup.Repository;
using Matrix.Backup.Snapshots;

namespace Matrix.Backup.Runs;

/// <summary>The files of a server: the configuration, those of the data folder itself, and media.</summary>
internal sealed class BackedUpFiles(
    ChunkRepository repository, Snapshot? before, Action<string> progress, CancellationToken stop)
{
    /// <summary>Files of media are read in pieces of so many bytes.</summary>
    private const int Piece = 4 * 1024 * 1024;

    /// <summary>A larger file of the data folder is no key: it is not backed up.</summary>
    private const long MostOfData = 16 * 1024 * 1024;

    /// <summary>Where contents are in the folder of media; the rest of it is made again.</summary>
    private const string Contents = "files";

    private readonly Dictionary<(FileKind, string), FileOfSnapshot> _before =
        (before?.Files ?? []).ToDictionary(static file => (file.Kind, file.Path));

    /// <summary>Keeps all of them.</summary>
    public IReadOnlyList<FileOfSnapshot> Read(BackupOptions options)
    {
        try
        {
            List<FileOfSnapshot> files = [.. Data(options)];
            if (options.ConfigFile is { } config)
            {
                files.Add(Keep(FileKind.Configuration, Path.GetFileName(config), new FileInfo(config)));
            }

            if (options.MediaFolder is { } folder) files.AddRange(Media(folder));
            return files;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new BackupException(fault.Message, fault);
        }
    }

    private IEnumerable<FileOfSnapshot> Data(BackupOptions options)
    {
        var folder = new DirectoryInfo(options.Storage.DataDir);
        if (!folder.Exists) yield break;
        foreach (var file in folder.EnumerateFiles().OrderBy(static file => file.Name, StringComparer.Ordinal))
        {
            // The database, locks, logs and what is being written are not keys; a socket has no length.
            if (file.FullName == options.ConfigFile || file.Length is 0 or > MostOfData
                || file.Extension is ".db" or ".lock" or ".log" or ".pid" or ".partial"
                || file.Name.Contains(".db-", StringComparison.Ordinal))
            {
                continue;
            }

            yield return Keep(FileKind.Data, file.Name, file);
        }
    }

    private IEnumerable<FileOfSnapshot> Media(string folder)
    {
        var contents = Path.Combine(folder, Contents);
        if (!Directory.Exists(contents)) yield break;
        foreach (var file in new DirectoryInfo(contents).EnumerateFiles("*", SearchOption.AllDirectories)
            .OrderBy(static file => file.FullName, StringComparer.Ordinal))
        {
            var path = Path.GetRelativePath(folder, file.FullName).Replace(Path.DirectorySeparatorChar, '/');

            // One that was kept before has not changed: its name says what is in it.
            if (_before.TryGetValue((FileKind.Media, path), out var same) && same.Bytes == file.Length
                && same.Chunks.All(repository.Has))
            {
                yield return same;
            }
            else if (TryKeep(path, file) is { } kept)
            {
                yield return kept;
            }
        }
    }

    /// <summary>Null if it was deleted meanwhile, as media that nobody needs are.</summary>
    private FileOfSnapshot? TryKeep(string path, FileInfo file)
    {
        try
        {
            return Keep(FileKind.Media, path, file);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private FileOfSnapshot Keep(FileKind kind, string path, FileInfo file)
    {
        stop.ThrowIfCancellationRequested();
        progress(path);
        using var from = file.Open(FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var chunks = new List<string>();
        var piece = new byte[Math.Clamp(from.Length, 1, Piece)];
        long bytes = 0;
        for (int read; (read = from.ReadAtLeast(piece, piece.Length, throwOnEndOfStream: false)) > 0; bytes += read)
        {
            chunks.Add(repository.Put(piece.AsSpan(0, read)));
        }

        return new FileOfSnapshot(kind, path, bytes, chunks);
    }
}
