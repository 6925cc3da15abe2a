using System.Globalization;
using Matrix.Benchmarks.Cluster.Loads;
using Matrix.Benchmarks.Cluster.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.ClusterNodes;

namespace Matrix.Benchmarks.Cluster.Measures;

/// <summary>A phase of a load on a cluster.</summary>
internal sealed record Phase(ClusterStage Stage, LoadFigures Load, Usage Usage)
{
    /// <summary>Of its processor time, a bounded node must use this share, or something else was the bound.</summary>
    private const double LeastUsed = 0.9;

    /// <summary>Above this, the processes beside the nodes lack processor time.</summary>
    private const double MostOfMachine = 0.93;

    /// <summary>Processor time of the nodes for an operation, in milliseconds.</summary>
    public double NodeMilliseconds => Usage.Nodes / Load.Operations;

    /// <summary>The same with PostgreSQL.</summary>
    public double ServerMilliseconds => (Usage.Nodes + Usage.Postgres) / Load.Operations;

    /// <summary>The share of requests that a node sent to another one.</summary>
    public double Forwarded => Usage.Counted.Forwarded / Load.Requests;

    /// <summary>Batches of changes in a flush.</summary>
    public double FlushBatches => Usage.Counted.Batches / Math.Max(Usage.Counted.Flushes, 1);

    /// <summary>Runs a load once.</summary>
    public static async Task<Phase> RunAsync(
        ClusterStage stage, IPreparedLoad load, Balancing route, double seconds, CancellationToken stop)
    {
        var meter = await UsageMeter.BeginAsync(stage);
        var figures = await load.RunAsync(route, seconds, stop);
        var phase = new Phase(stage, figures, await meter.EndAsync());
        return figures.Operations > 0 ? phase : throw new InvalidDataException("A phase did nothing.");
    }

    /// <summary>Prints what the phase used.</summary>
    public void Say(MeasureContext bench, string name)
    {
        var used = Stage.Processors is { } processors ? Usage.ShareOf(Usage.Nodes, processors) : (double?)null;
        bench.Say(string.Create(CultureInfo.InvariantCulture,
            $"       {name,-18} {Load.PerSecond,8:0} a second, p50 {Load.Times.Percentile(50):0.0} ms; nodes "
                + $"{NodeMilliseconds:0.00} + PostgreSQL {Usage.Postgres / Load.Operations:0.00} ms each; "
                + $"{(used is { } share ? $"{share:P0} of the share" : "no share")}, PostgreSQL "
                + $"{Usage.ShareOf(Usage.Postgres):0.00}, HAProxy {Usage.ShareOf(Usage.Balancer):0.00}, load "
                + $"{Usage.ShareOf(Usage.Load):0.00} processors; {Forwarded:P0} forwarded; "
                + $"{Usage.Counted.Flushes / Usage.Seconds:0} flushes a second of {FlushBatches:0.0} batches"));
        if (used < LeastUsed)
        {
            bench.Say($"       {name}: the nodes used less than {LeastUsed:P0} of their share, so something else is "
                + "the bound here");
        }

        if (Usage.ShareOf(Usage.Machine, Environment.ProcessorCount) > MostOfMachine)
        {
            bench.Say($"       {name}: the machine had no processor time left, so the figure is not one of the nodes");
        }
    }
}
