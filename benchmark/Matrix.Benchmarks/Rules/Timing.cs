using System.Diagnostics;

namespace Matrix.Benchmarks.Rules;

/// <summary>Times of short pieces of work.</summary>
internal static class Timing
{
    private const int Rounds = 15;

    /// <summary>Microseconds that the work takes, in the best of several rounds: what disturbs a round only makes it longer.</summary>
    /// <param name="perRound">How often it is done in a round.</param>
    /// <param name="work">The work.</param>
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
