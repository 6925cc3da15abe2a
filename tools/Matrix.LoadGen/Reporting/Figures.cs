namespace Matrix.LoadGen.Reporting;

/// <summary>
/// A workload's figures on one server, in the order of the report. Units are in the names (<c>p50_ms</c>).
/// </summary>
internal sealed class Figures
{
    private readonly List<KeyValuePair<string, double>> _values = [];

    public IReadOnlyList<KeyValuePair<string, double>> All => _values;

    public double this[string name] => _values.First(v => v.Key == name).Value;

    public Figures Add(string name, double value)
    {
        _values.Add(new(name, value));
        return this;
    }

    /// <summary>Adds the percentiles of durations.</summary>
    public Figures AddDurations(string prefix, Durations durations) =>
        Add(prefix + "p50_ms", durations.Percentile(50))
            .Add(prefix + "p95_ms", durations.Percentile(95))
            .Add(prefix + "p99_ms", durations.Percentile(99));
}
