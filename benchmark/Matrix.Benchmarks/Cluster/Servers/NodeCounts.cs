using System.Globalization;

namespace Matrix.Benchmarks.Cluster.Servers;

/// <summary>What nodes count, of all together.</summary>
/// <param name="Forwarded">Requests that a node sent to another one.</param>
/// <param name="Flushes">Flushes.</param>
/// <param name="Batches">Batches of changes in them.</param>
internal sealed record NodeCounts(double Forwarded, double Flushes, double Batches)
{
    private const string Forwards = "matrix_cluster_forwarded_requests_total{outcome=\"answered\"} ";
    private const string Flushed = "matrix_storage_flush_batches_count ";
    private const string FlushedBatches = "matrix_storage_flush_batches_sum ";

    public static NodeCounts operator +(NodeCounts one, NodeCounts other) =>
        new(one.Forwarded + other.Forwarded, one.Flushes + other.Flushes, one.Batches + other.Batches);

    public static NodeCounts operator -(NodeCounts one, NodeCounts other) =>
        new(one.Forwarded - other.Forwarded, one.Flushes - other.Flushes, one.Batches - other.Batches);

    /// <summary>Reads a node's page of metrics.</summary>
    public static NodeCounts Of(string page)
    {
        var lines = page.Split('\n');
        return new NodeCounts(Sum(Forwards), Sum(Flushed), Sum(FlushedBatches));

        double Sum(string counter) => lines
            .Where(line => line.StartsWith(counter, StringComparison.Ordinal))
            .Sum(line => double.Parse(line[counter.Length..], CultureInfo.InvariantCulture));
    }
}
