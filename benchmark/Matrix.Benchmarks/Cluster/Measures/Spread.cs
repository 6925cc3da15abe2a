using System.Globalization;

namespace Matrix.Benchmarks.Cluster.Measures;

/// <summary>The figures of several rounds.</summary>
internal sealed class Spread(IEnumerable<double> values)
{
    private readonly double[] _sorted = [.. values.Order()];

    /// <summary>The median.</summary>
    public double Middle => (_sorted[(_sorted.Length - 1) / 2] + _sorted[_sorted.Length / 2]) / 2;

    /// <summary>The median, and the least and the greatest.</summary>
    public override string ToString() => _sorted.Length == 1 ? Number(Middle)
        : $"{Number(Middle)} ({Number(_sorted[0])} to {Number(_sorted[^1])})";

    private static string Number(double value) =>
        value.ToString(value >= 100 ? "0" : value >= 10 ? "0.#" : "0.##", CultureInfo.InvariantCulture);
}
