using System.Diagnostics;
using System.Globalization;

namespace Matrix.Benchmarks.Measures;

/// <summary>Waits until the work that earlier requests caused is done: of this machine's processors only.</summary>
internal static class QuietMachine
{
    // The share of all processors' time in which something may run.
    private const double MostBusy = 0.08;

    private static readonly TimeSpan _watched = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    /// <summary>Waits until the processors are idle; false if they still work after twenty seconds.</summary>
    public static bool Wait()
    {
        var begun = Stopwatch.GetTimestamp();
        var before = Read();
        while (Stopwatch.GetElapsedTime(begun) < _patience)
        {
            Thread.Sleep(_watched);
            var now = Read();
            if (now.Busy - before.Busy <= MostBusy * (now.All - before.All)) return true;
            before = now;
        }

        return false;
    }

    // The first line is the sum of all processors: user, nice, system, idle, waiting for a disk, interrupts, others.
    private static (long Busy, long All) Read()
    {
        long[] times =
        [
            .. File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..9]
                .Select(time => long.Parse(time, CultureInfo.InvariantCulture)),
        ];
        var all = times.Sum();
        return (all - times[3] - times[4], all);
    }
}
