using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Matrix.Host.Storage;

/// <summary>Makes files survive a loss of power.</summary>
public static partial class Durable
{
    private const int ReadOnly = 0;

    /// <summary>`SYNC_FILE_RANGE_WRITE`: begins to write what is not being written yet.</summary>
    private const uint Write = 2;

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
    /// Lets the disk begin to write a part of a file, so that a later sync has less to do. It makes nothing durable. A
    /// file system that cannot do it is passed over.
    /// </summary>
    public static void Begin(SafeFileHandle file, long offset, long length) =>
        _ = sync_file_range(file, offset, length, Write);

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
    private static partial int sync_file_range(SafeFileHandle file, long offset, long length, uint flags);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);
}
