using System.Diagnostics;

namespace Matrix.LoadGen.Reporting;

/// <summary>How long each request took. Each thread fills one of its own; they are merged when all have ended.</summary>
internal sealed class Durations
{
    private readonly List<long> ticks = new(capacity: 16 * 1024);

    public int Count => ticks.Count;

    public void Add(long elapsedTicks) => ticks.Add(elapsedTicks);

    public void Add(Durations other) => ticks.AddRange(other.ticks);

    /// <summary>The smallest duration that at least <paramref name="percent"/> of all do not exceed, in milliseconds.</summary>
    public double Percentile(double percent)
    {
        if (ticks.Count == 0)
        {
            return double.NaN;
        }

        ticks.Sort();
        var rank = (int)Math.Ceiling(percent / 100 * ticks.Count) - 1;
        return ticks[Math.Clamp(rank, 0, ticks.Count - 1)] * 1000.0 / Stopwatch.Frequency;
    }
}
