using System.Runtime.InteropServices;

namespace Matrix.Host.Storage;

/// <summary>Makes files survive a loss of power.</summary>
public static partial class Durable
{
    private const int ReadOnly = 0;

    // Numbers of errors.
    private const int AccessDenied = 13;
    private const int Invalid = 22;
    private const int ReadOnlyFiles = 30;

    /// <summary>Syncs a file and its folder.</summary>
    public static void Sync(string file)
    {
        using (var handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite))
        {
            RandomAccess.FlushToDisk(handle);
        }

        SyncFolder(Path.GetDirectoryName(file)!);
    }

    /// <summary>
    /// Syncs a folder, so that the names of its files survive. A folder that cannot be read, and a file system that
    /// cannot sync folders, are passed over.
    /// </summary>
    /// <exception cref="IOException">The system failed to sync it.</exception>
    public static void SyncFolder(string folder)
    {
        // .NET cannot open folders.
        var descriptor = open(folder, ReadOnly);
        if (descriptor < 0)
        {
            if (Marshal.GetLastPInvokeError() == AccessDenied) return;
            throw new IOException($"{folder} cannot be opened: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        var failed = fsync(descriptor) != 0 && Marshal.GetLastPInvokeError() is not (Invalid or ReadOnlyFiles);
        var message = failed ? Marshal.GetLastPInvokeErrorMessage() : "";
        _ = close(descriptor);
        if (failed) throw new IOException($"{folder} cannot be synced: {message}");
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(int descriptor);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);
}
