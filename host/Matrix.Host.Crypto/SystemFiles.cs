using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Matrix.Host.Crypto;

/// <summary>The owner of a file.</summary>
/// <param name="User">The id of the user.</param>
/// <param name="Group">The id of the group.</param>
internal readonly record struct FileOwner(uint User, uint Group);

/// <summary>What .NET does not offer: the owners of files, and a lock that leaves no file.</summary>
internal static unsafe partial class SystemFiles
{
    private const int CurrentFolder = -100;
    private const uint WantsOwner = 0x18;
    private const int StatSize = 256;
    private const int UserAt = 20;
    private const int GroupAt = 24;
    private const int ReadOnly = 0x80000;
    private const int ExclusiveAtOnce = 2 | 4;
    private const int IsTaken = 11;

    private static readonly TimeSpan _longestWait = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(10);

    /// <summary>Takes the lock of a folder. It ends with the object, and with the process.</summary>
    /// <exception cref="IOException">Another holds it for long.</exception>
    internal static IDisposable Lock(string folder)
    {
        var descriptor = open(folder, ReadOnly);
        if (descriptor < 0)
        {
            throw new UnauthorizedAccessException($"{folder} cannot be read: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        var opened = new OpenedFolder(descriptor);
        var waited = Stopwatch.StartNew();
        // A file system without locks gives another error. The change is made without one then.
        while (flock(descriptor, ExclusiveAtOnce) != 0 && Marshal.GetLastPInvokeError() == IsTaken)
        {
            if (waited.Elapsed > _longestWait)
            {
                opened.Dispose();
                throw new IOException($"another process changes files in {folder}");
            }

            Thread.Sleep(_pause);
        }

        return opened;
    }

    /// <summary>The owner of a file.</summary>
    internal static FileOwner OwnerOf(string path)
    {
        var stat = stackalloc byte[StatSize];
        return statx(CurrentFolder, path, 0, WantsOwner, stat) == 0
            ? new FileOwner(*(uint*)(stat + UserAt), *(uint*)(stat + GroupAt))
            : throw new IOException($"{path}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>Gives a file to an owner. False if this process may not.</summary>
    internal static bool TryGive(string path, FileOwner owner) =>
        OwnerOf(path) == owner || chown(path, owner.User, owner.Group) == 0;

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(int descriptor, int operation);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int folder, string path, int flags, uint mask, byte* result);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int chown(string path, uint user, uint group);

    private sealed class OpenedFolder(int descriptor) : IDisposable
    {
        private int _descriptor = descriptor;

        public void Dispose()
        {
            var open = Interlocked.Exchange(ref _descriptor, -1);
            if (open >= 0) _ = close(open);
        }
    }
}
