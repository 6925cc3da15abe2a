using System.Globalization;
using System.Runtime.InteropServices;

namespace Matrix.Import.Stopping;

/// <summary>Which processes have a file open, by `/proc`. Processes of other users are seen by root only.</summary>
internal static partial class OpenFiles
{
    private const int StatBytes = 256;

    /// <summary>The processes other than this one that have the file or its write-ahead log open.</summary>
    public static IReadOnlyList<int> ProcessesWith(string file)
    {
        var wanted = new[] { file, file + "-wal", file + "-shm", file + "-journal" }
            .Select(IdentityOf).Where(static id => id is not null).ToHashSet();
        var found = new List<int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id)) continue;
            if (id != Environment.ProcessId && FilesOf(folder).Any(open => wanted.Contains(IdentityOf(open))))
            {
                found.Add(id);
            }
        }

        return found;
    }

    /// <summary>The name of a process; empty if it has ended.</summary>
    public static string NameOf(int process) => ReadOrEmpty($"/proc/{process}/comm").Trim();

    /// <summary>The arguments of a process, separated by NUL; empty if it has ended.</summary>
    public static string CommandLineOf(int process) => ReadOrEmpty($"/proc/{process}/cmdline");

    private static string ReadOrEmpty(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string[] FilesOf(string process)
    {
        try
        {
            return Directory.GetFiles(Path.Combine(process, "fd"));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    // Device and inode: a process in a container or chroot knows the file under another path.
    private static unsafe (ulong Device, ulong Inode)? IdentityOf(string path)
    {
        var buffer = stackalloc byte[StatBytes];
        const int currentFolder = -100;
        const uint inode = 0x100;
        if (statx(currentFolder, path, 0, inode, buffer) != 0) return null;

        // struct statx: the inode at 32, the device's major and minor at 136 and 140.
        var number = *(ulong*)(buffer + 32);
        var device = ((ulong)*(uint*)(buffer + 136) << 32) | *(uint*)(buffer + 140);
        return (device, number);
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int statx(int folder, string path, int flags, uint mask, byte* buffer);
}
