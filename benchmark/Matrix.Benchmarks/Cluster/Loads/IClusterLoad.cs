using Matrix.Benchmarks.Cluster.Servers;
using Matrix.ClusterNodes;
using Matrix.LoadGen.Reporting;

namespace Matrix.Benchmarks.Cluster.Loads;

/// <summary>A kind of load, to compare a cluster of three nodes with one of one.</summary>
internal interface IClusterLoad
{
    /// <summary>Its name on the command line.</summary>
    string Name { get; }

    /// <summary>What one operation is, in the plural.</summary>
    string Operations { get; }

    /// <summary>What three nodes must do, as a multiple of one, if requests of a client stay at a node.</summary>
    double Target { get; }

    /// <summary>The same if requests go to any node.</summary>
    double SprayedTarget { get; }

    /// <summary>Makes what it needs.</summary>
    Task<IPreparedLoad> PrepareAsync(ClusterStage stage, CancellationToken stop);
}

/// <summary>A load that can run.</summary>
internal interface IPreparedLoad : IDisposable
{
    /// <summary>Runs for a while.</summary>
    /// <param name="route">How requests find a node.</param>
    /// <param name="seconds">How long.</param>
    /// <param name="stop">Ends it.</param>
    Task<LoadFigures> RunAsync(Balancing route, double seconds, CancellationToken stop);
}

/// <summary>What a phase did.</summary>
/// <param name="Operations">Operations.</param>
/// <param name="Requests">HTTP requests.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Times">The time of each operation.</param>
internal sealed record LoadFigures(long Operations, long Requests, double Seconds, Durations Times)
{
    public double PerSecond => Operations / Seconds;
}
