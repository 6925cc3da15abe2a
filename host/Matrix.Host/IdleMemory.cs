using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host;

/// <summary>
/// Returns memory to the system when the server is quiet after a burst, such as messages to ten thousand servers. The
/// collector has no reason to collect then, and the C library keeps what TLS has freed.
/// </summary>
internal sealed class IdleMemory(TimeProvider clock) : BackgroundService
{
    // With less between two looks the server is quiet.
    private const long Quiet = 1 << 20;

    // With less since the last time there is nothing to return. In a large heap it is half of that, because the pause
    // grows with what is in use.
    private const long Burst = 64 << 20;

    // What was in use the first time, such as open connections, is returned so many looks later.
    private const int Again = 6;

    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(20);

    private long _seen;
    private long _returned;
    private int _again;

    /// <summary>Whether memory is returned now.</summary>
    /// <param name="allocated">The bytes that were allocated since the server started.</param>
    /// <param name="inUse">The bytes of the collector's heap that are in use.</param>
    internal bool IsDue(long allocated, long inUse)
    {
        var isQuiet = allocated - _seen < Quiet;
        _seen = allocated;
        if (!isQuiet) return false;
        if (allocated - _returned < Math.Max(Burst, inUse / 2)) return _again > 0 && --_again == 0;
        _returned = allocated;
        _again = Again;
        return true;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_interval, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (IsDue(GC.GetTotalAllocatedBytes(), GC.GetTotalMemory(forceFullCollection: false))) Return();
        }
    }

    internal static void Return()
    {
        // What finalizers free, such as the library's TLS sessions, is free after the second collection.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);

        // Only glibc has it.
        if (NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), "malloc_trim", out var trim))
        {
            _ = Marshal.GetDelegateForFunctionPointer<MallocTrim>(trim)(0);
        }
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int MallocTrim(nuint kept);
}
