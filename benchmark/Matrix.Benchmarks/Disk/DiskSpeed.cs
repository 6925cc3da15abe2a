using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Matrix.Benchmarks.Disk;

/// <summary>Measures the disk's syncs of small writes per second, without a database.</summary>
internal static partial class DiskSpeed
{
    private const int Length = 16 * 1024 * 1024;
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(2);

    /// <summary>Writes per second, each followed by fdatasync, into a file that has its full length already.</summary>
    public static double SyncsPerSecond(string folder, int bytes)
    {
        var path = Path.Combine(folder, "disk-speed");
        using var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, options: FileOptions.DeleteOnClose);
        RandomAccess.Write(file, new byte[Length], 0);
        Sync(file);

        var block = new byte[bytes];
        var watch = Stopwatch.StartNew();
        var count = 0;
        for (; watch.Elapsed < Duration; count++)
        {
            block[0] = (byte)count;
            RandomAccess.Write(file, block, (long)count * bytes % (Length - bytes));
            Sync(file);
        }

        return count / watch.Elapsed.TotalSeconds;
    }

    private static void Sync(SafeFileHandle file)
    {
        if (DataSync(file.DangerousGetHandle().ToInt32()) != 0)
        {
            throw new IOException("fdatasync failed.");
        }
    }

    [LibraryImport("libc", EntryPoint = "fdatasync")]
    private static partial int DataSync(int file);
}
