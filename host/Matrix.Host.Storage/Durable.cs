using System.Runtime.InteropServices;

namespace Matrix.Host.Storage;

/// <summary>Makes files survive a loss of power.</summary>
public static partial class Durable
{
    private const int ReadOnly = 0;

    /// <summary>Syncs a file and its folder.</summary>
    public static void Sync(string file)
    {
        using (var handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite))
        {
            RandomAccess.FlushToDisk(handle);
        }

        SyncFolder(Path.GetDirectoryName(file)!);
    }

    /// <summary>Syncs a folder, so that the names of its files survive.</summary>
    public static void SyncFolder(string folder)
    {
        // .NET cannot open folders.
        var descriptor = open(folder, ReadOnly);
        if (descriptor < 0)
        {
            return;
        }

        _ = fsync(descriptor);
        _ = close(descriptor);
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc")]
    private static partial int fsync(int descriptor);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);
}
