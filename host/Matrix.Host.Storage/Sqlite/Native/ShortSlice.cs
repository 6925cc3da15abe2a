using System.Runtime.InteropServices;

namespace Matrix.Host.Storage.Sqlite.Native;

/// <summary>
/// Sets shorter time slices for the calling thread. It gets the same share of the processor, but runs sooner after it
/// wakes. Linux supports this since 6.12; an older kernel ignores it. It needs no privilege.
/// </summary>
internal static unsafe partial class ShortSlice
{
    /// <summary>The shortest slice that the kernel gives, in nanoseconds.</summary>
    public const ulong Shortest = 100_000;

    private const int Normal = 0;
    private const int Batch = 3;

    /// <summary>
    /// Requests the shortest slice. False, and nothing changed, if the system does not support it or the thread has
    /// another scheduling policy.
    /// </summary>
    public static bool Request()
    {
        if (Calls is not var (get, set) || Current(get) is not { Policy: Normal or Batch } attributes)
        {
            return false;
        }

        attributes.Runtime = Shortest;
        return syscall(set, 0, (nint)(&attributes), 0, 0) == 0;
    }

    /// <summary>The calling thread's slice in nanoseconds; 0 if the kernel does not report it.</summary>
    public static ulong Mine() => Calls is var (get, _) ? Current(get)?.Runtime ?? 0 : 0;

    /// <summary>
    /// The numbers of `sched_getattr` and `sched_setattr`, for which Debian's C library has no functions.
    /// </summary>
    private static (nint Get, nint Set)? Calls =>
        !OperatingSystem.IsLinux() ? null : RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => (315, 314),
            Architecture.Arm64 => (275, 274),
            _ => null,
        };

    private static Attributes? Current(nint get)
    {
        Attributes attributes = default;
        return syscall(get, 0, (nint)(&attributes), sizeof(Attributes), 0) == 0 ? attributes : null;
    }

    [LibraryImport("libc")]
    private static partial nint syscall(nint number, nint thread, nint attributes, nint third, nint fourth);

    /// <summary>The kernel's `struct sched_attr`, first version.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Attributes
    {
        public uint Size;
        public uint Policy;
        public ulong Flags;
        public int Nice;
        public uint Priority;
        public ulong Runtime;
        public ulong Deadline;
        public ulong Period;
    }
}
