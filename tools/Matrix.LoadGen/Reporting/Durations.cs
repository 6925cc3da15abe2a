using System.Diagnostics;

namespace Matrix.LoadGen.Reporting;

/// <summary>The duration of each request. Each thread has its own; they are merged at the end.</summary>
internal sealed class Durations
{
    private readonly List<long> _ticks = new(capacity: 16 * 1024);

    public int Count => _ticks.Count;

    public void Add(long elapsedTicks) => _ticks.Add(elapsedTicks);

    public void Add(Durations other) => _ticks.AddRange(other._ticks);

    /// <summary>
    /// The smallest duration that at least <paramref name="percent"/> of all do not exceed, in milliseconds.
    /// </summary>
    public double Percentile(double percent)
    {
        if (_ticks.Count == 0)
        {
            return double.NaN;
        }

        _ticks.Sort();
        var rank = (int)Math.Ceiling(percent / 100 * _ticks.Count) - 1;
        return _ticks[Math.Clamp(rank, 0, _ticks.Count - 1)] * 1000.0 / Stopwatch.Frequency;
    }
}
