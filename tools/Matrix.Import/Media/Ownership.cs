using System.Runtime.InteropServices;

namespace Matrix.Import.Media;

/// <summary>Whose files are.</summary>
internal static partial class Ownership
{
    private const int StatBytes = 256;
    private const int UserOffset = 20;
    private const int CurrentFolder = -100;
    private const uint UserMask = 0x8;

    /// <summary>Whether a file belongs to the user of this process.</summary>
    public static unsafe bool IsOurs(string file)
    {
        var buffer = stackalloc byte[StatBytes];
        return statx(CurrentFolder, file, 0, UserMask, buffer) == 0 && *(uint*)(buffer + UserOffset) == geteuid();
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int statx(int folder, string path, int flags, uint mask, byte* buffer);

    [LibraryImport("libc")]
    private static partial uint geteuid();
}
