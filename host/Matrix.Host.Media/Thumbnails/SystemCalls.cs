namespace Matrix.Host.Media.Thumbnails;

/// <summary>A system call, with its number for each kind of processor; null where there is none of this name.</summary>
internal sealed record SystemCall(string Name, int? X64, int? Arm64);

/// <summary>
/// The system calls that the decoder of images may make. It reads files, writes one, and has threads. It makes no
/// process, socket, namespace or mount, traces nobody, and asks for no keys. To change the list, look at what a tool
/// asks for (`strace -f -c vipsthumbnail …`), and say here what the addition is for.
/// </summary>
internal static class SystemCalls
{
    /// <summary>Makes a thread or a process: allowed for threads only.</summary>
    internal static SystemCall Clone { get; } = new("clone", 56, 220);

    /// <summary>The others, whatever their arguments are.</summary>
    internal static IReadOnlyList<SystemCall> Allowed { get; } =
    [
        // Memory.
        new("brk", 12, 214),
        new("madvise", 28, 233),
        new("mmap", 9, 222),
        new("mprotect", 10, 226),
        new("mremap", 25, 216),
        new("munmap", 11, 215),

        // Files: what the sandbox shows decides which.
        new("access", 21, null),
        new("close", 3, 57),
        new("faccessat", 269, 48),
        new("fadvise64", 221, 223),
        new("fcntl", 72, 25),
        new("fstat", 5, 80),
        new("fstatfs", 138, 44),
        new("ftruncate", 77, 46),
        new("getcwd", 79, 17),
        new("getdents64", 217, 61),
        new("lseek", 8, 62),
        new("lstat", 6, null),
        new("newfstatat", 262, 79),
        new("open", 2, null),
        new("openat", 257, 56),
        new("pread64", 17, 67),
        new("pwrite64", 18, 68),
        new("read", 0, 63),
        new("readlink", 89, null),
        new("readlinkat", 267, 78),
        new("readv", 19, 65),
        new("stat", 4, null),
        new("statfs", 137, 43),
        new("statx", 332, 291),
        new("umask", 95, 166),
        new("unlink", 87, null),
        new("unlinkat", 263, 35),
        new("write", 1, 64),
        new("writev", 20, 66),

        // The program and its threads. The sandbox itself starts the program, and waits for it.
        new("arch_prctl", 158, null),
        new("execve", 59, 221),
        new("exit", 60, 93),
        new("exit_group", 231, 94),
        new("futex", 202, 98),
        new("getpid", 39, 172),
        new("gettid", 186, 178),
        new("prlimit64", 302, 261),
        new("rseq", 334, 293),
        new("sched_getaffinity", 204, 123),
        new("sched_yield", 24, 124),
        new("set_robust_list", 273, 99),
        new("set_tid_address", 218, 96),
        new("wait4", 61, 260),

        // Signals: `tgkill` ends a program that finds a fault in itself.
        new("rt_sigaction", 13, 134),
        new("rt_sigprocmask", 14, 135),
        new("rt_sigreturn", 15, 139),
        new("sigaltstack", 131, 132),
        new("tgkill", 234, 131),

        // The time, the machine and the user.
        new("clock_getres", 229, 114),
        new("clock_gettime", 228, 113),
        new("clock_nanosleep", 230, 115),
        new("getegid", 108, 177),
        new("geteuid", 107, 175),
        new("getgid", 104, 176),
        new("getrandom", 318, 278),
        new("gettimeofday", 96, 169),
        new("getuid", 102, 174),
        new("nanosleep", 35, 101),
        new("sysinfo", 99, 179),
        new("uname", 63, 160),
    ];
}
