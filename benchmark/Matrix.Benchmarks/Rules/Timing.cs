using System.Diagnostics;

namespace Matrix.Benchmarks.Rules;

/// <summary>Times of short pieces of work.</summary>
internal static class Timing
{
    private const int Rounds = 15;

    /// <summary>
    /// Microseconds of one piece of work, in the best of several rounds: a disturbance only lengthens a round.
    /// </summary>
    public static double Microseconds(int perRound, Action work)
    {
        var best = double.MaxValue;
        for (var round = 0; round < Rounds; round++)
        {
            var watch = Stopwatch.StartNew();
            for (var i = 0; i < perRound; i++) work();
            best = Math.Min(best, watch.Elapsed.TotalMicroseconds / perRound);
        }

        return best;
    }

    /// <summary>Bytes that the work allocates each time.</summary>
    public static double Bytes(int times, Action work)
    {
        work();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < times; i++) work();
        return (GC.GetAllocatedBytesForCurrentThread() - before) / (double)times;
    }
}
