using Matrix.Benchmarks.Cluster.Servers;

namespace Matrix.Benchmarks.Cluster.Measures;

/// <summary>A measure of clusters that can be run alone.</summary>
internal interface IClusterMeasure
{
    /// <summary>Its name on the command line.</summary>
    string Name { get; }

    /// <summary>What it measures, for the help page.</summary>
    string Sentence { get; }

    Task RunAsync(ClusterContext context, CancellationToken stop);
}
