using Matrix.Benchmarks.Measures;

namespace Matrix.Benchmarks.Cluster.Servers;

/// <summary>Processor times of a phase, in milliseconds, and what nodes counted in it.</summary>
internal sealed record Usage(
    double Seconds,
    double Nodes,
    double Postgres,
    double Balancer,
    double Load,
    double Machine,
    NodeCounts Counted)
{
    /// <summary>The share of the processor time that a phase had.</summary>
    public double ShareOf(double milliseconds, double processors = 1) => milliseconds / (Seconds * 1000 * processors);
}

/// <summary>Reads the counters before and after a phase.</summary>
internal sealed class UsageMeter
{
    private readonly ClusterStage _stage;
    private readonly long _begun = System.Diagnostics.Stopwatch.GetTimestamp();
    private readonly Usage _before;

    private UsageMeter(ClusterStage stage, Usage before) => (_stage, _before) = (stage, before);

    public static async Task<UsageMeter> BeginAsync(ClusterStage stage)
    {
        var counted = await stage.CountedAsync();
        return new UsageMeter(stage, Read(stage) with { Counted = counted });
    }

    public async Task<Usage> EndAsync()
    {
        var seconds = System.Diagnostics.Stopwatch.GetElapsedTime(_begun).TotalSeconds;
        var now = Read(_stage);
        var counted = await _stage.CountedAsync();
        return new Usage(
            seconds, now.Nodes - _before.Nodes, now.Postgres - _before.Postgres, now.Balancer - _before.Balancer,
            now.Load - _before.Load, now.Machine - _before.Machine, counted - _before.Counted);
    }

    private static Usage Read(ClusterStage stage) => new(
        0,
        stage.Cluster.Nodes.Where(static node => node.Runs).Sum(static node => ProcessorTimes.Of(node.ProcessId)),
        stage.PostgresProcessId is { } id ? ProcessorTimes.OfFamily(id) : 0,
        stage.BalancerProcessIds.Sum(ProcessorTimes.Of),
        Environment.CpuUsage.TotalTime.TotalMilliseconds,
        ProcessorTimes.OfMachine().Busy,
        new NodeCounts(0, 0, 0));
}
