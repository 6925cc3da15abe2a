using Matrix.Backup.Repository;
using Matrix.Backup.Snapshots;
using Matrix.Host.Storage;

namespace Matrix.Backup.Runs;

/// <summary>Writes files of a backup. One that is there with the same content stays; another one is never overwritten.
/// </summary>
internal sealed class RestoredFiles(ChunkRepository repository)
{
    /// <summary>Writes the files of the data folder and media. Returns how many were not there.</summary>
    public long Write(
        Snapshot snapshot, string dataFolder, string? mediaFolder, Action<string> progress, CancellationToken stop)
    {
        long written = 0;
        foreach (var file in snapshot.Files)
        {
            stop.ThrowIfCancellationRequested();
            var folder = file.Kind switch
            {
                FileKind.Data => dataFolder,
                FileKind.Media => mediaFolder,
                _ => null,
            };
            if (folder is null) continue;
            progress(file.Path);
            if (Write(file, PathIn(folder, file.Path))) written++;
        }

        return written;
    }

    /// <summary>Writes a file, that only its owner may read. False if it is there.</summary>
    public bool Write(FileOfSnapshot file, string to)
    {
        try
        {
            if (File.Exists(to))
            {
                return IsSame(file, to)
                    ? false
                    : throw new BackupException($"{to} exists, and is not what was backed up. Move it away.");
            }

            OwnFiles.MakeFolder(Path.GetDirectoryName(to)!);
            var partial = to + ".partial";
            File.Delete(partial);
            using (var stream = OwnFiles.Open(partial, FileMode.CreateNew))
            {
                foreach (var chunk in file.Chunks) stream.Write(repository.Get(chunk));
            }

            Durable.Sync(partial);
            File.Move(partial, to);
            Durable.SyncFolder(Path.GetDirectoryName(to)!);
            return true;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new BackupException(fault.Message, fault);
        }
    }

    private bool IsSame(FileOfSnapshot file, string there)
    {
        using var stream = File.OpenRead(there);
        if (stream.Length != file.Bytes) return false;
        foreach (var chunk in file.Chunks)
        {
            var expected = repository.Get(chunk);
            var found = new byte[expected.Length];
            if (stream.ReadAtLeast(found, found.Length, throwOnEndOfStream: false) < found.Length
                || !found.AsSpan().SequenceEqual(expected))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A list that somebody changed may name a file elsewhere.</summary>
    private static string PathIn(string folder, string path)
    {
        var whole = Path.GetFullPath(folder);
        var file = Path.GetFullPath(Path.Combine(whole, path));
        return file.StartsWith(whole + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? file
            : throw new BackupException($"The backup names a file outside of its folder: {path}");
    }
}
