using System.Runtime.InteropServices;

namespace Matrix.Host.Storage.Sqlite.Native;

/// <summary>
/// The calling thread's share of a processor in smaller pieces: it gets no more of it, but sooner. Linux knows this from 6.12 on; an older kernel
/// changes nothing. It takes no privilege.
/// </summary>
internal static unsafe partial class ShortSlice
{
    /// <summary>The shortest slice that the kernel gives, nanoseconds.</summary>
    public const ulong Shortest = 100_000;

    private const int Normal = 0;
    private const int Batch = 3;

    /// <summary>Asks for it. False if this system does not have it, or the thread is scheduled in another way altogether; nothing is changed then.</summary>
    public static bool Ask()
    {
        if (Calls is not var (get, set) || Current(get) is not { Policy: Normal or Batch } attributes)
        {
            return false;
        }

        attributes.Runtime = Shortest;
        return syscall(set, 0, (nint)(&attributes), 0, 0) == 0;
    }

    /// <summary>The calling thread's slice, nanoseconds; 0 where the kernel does not tell it.</summary>
    public static ulong Mine() => Calls is var (get, _) ? Current(get)?.Runtime ?? 0 : 0;

    /// <summary>The numbers of `sched_getattr` and `sched_setattr`, which Debian's C library does not have as functions.</summary>
    private static (nint Get, nint Set)? Calls => !OperatingSystem.IsLinux() ? null : RuntimeInformation.ProcessArchitecture switch
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
