using System.Diagnostics;
using Matrix.Benchmarks.Cluster.Loads;
using Matrix.Benchmarks.Cluster.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.ClusterNodes;

namespace Matrix.Benchmarks.Cluster.Measures;

/// <summary>A node leaves on SIGTERM while clients send at half of the cluster's peak.</summary>
internal sealed class DrainMeasure : IClusterMeasure
{
    private const double MostSeconds = 2;

    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(60);

    public string Name => "drain";

    public string Sentence => "a node leaves at half of the peak: no request fails, none waits over two seconds";

    public async Task RunAsync(ClusterContext context, CancellationToken stop)
    {
        var perSecond = (await context.PeaksAsync(stop)).Three / 2;
        var stage = await context.ThreeAsync(stop);
        for (var i = 0; i < context.Sizes.Rounds; i++)
        {
            await DrainAsync(context, stage, stage.Cluster.Nodes[i % stage.Cluster.Nodes.Count], perSecond, stop);
        }
    }

    private static async Task DrainAsync(
        ClusterContext context, ClusterStage stage, Node node, double perSecond, CancellationToken stop)
    {
        stage.Bound();
        QuietMachine.Wait();
        using var clients = new PacedClients(stage, [stage.Address(Balancing.Token)]);
        var sends = await PacedSends.StartSteadyAsync(clients.All, perSecond, context.Bench.Say, stop);
        long from, begun = Stopwatch.GetTimestamp();
        try
        {
            await Task.Delay(TimeSpan.FromSeconds(context.Sizes.Seconds), stop);
            var ends = node.Exits.Count;
            node.Hold();
            from = Stopwatch.GetTimestamp();
            node.Terminate();
            await stage.Cluster.UntilAsync(
                () => Task.FromResult(node.Exits.Count > ends), $"{node.Name} did not end", _longest);
            context.Bench.Say($"       {node.Name} ended {Stopwatch.GetElapsedTime(from).TotalSeconds:0.0} s after "
                + $"SIGTERM with {node.Exits.Last()}");
            await Task.Delay(TimeSpan.FromSeconds(2), stop);
        }
        finally
        {
            await sends.DisposeAsync();
            stage.Loosen();
            node.Release();
            await stage.Cluster.WholeAsync();
        }

        var meanwhile = sends.Sent.Where(each => each.At + each.Took >= from).ToList();
        var failed = meanwhile.Where(static each => each.Problem is not null).ToList();
        foreach (var each in failed.Take(3)) context.Bench.Say($"       {node.Name}: {each.Problem}");
        context.Bench.Add(Outcome.AtMost(
            $"drain {node.Name}: failed requests of {meanwhile.Count}", 0, failed.Count, "requests"));
        context.Bench.Add(Outcome.AtMost(
            $"drain {node.Name}: longest request, usually p95 {sends.Times(begun, from).Percentile(95):0} ms",
            MostSeconds,
            meanwhile.Max(static each => each.Seconds), "s"));
    }
}
