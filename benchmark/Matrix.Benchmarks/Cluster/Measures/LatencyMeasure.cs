using System.Diagnostics;
using Matrix.Benchmarks.Cluster.Loads;
using Matrix.Benchmarks.Cluster.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.ClusterNodes;

namespace Matrix.Benchmarks.Cluster.Measures;

/// <summary>The time of a send at half of one node's peak, on one node and on three, by turns.</summary>
internal sealed class LatencyMeasure : IClusterMeasure
{
    private const double Target = 1.5;

    public string Name => "latency";

    public string Sentence => "p50 of a send at half of one node's peak, three nodes against one";

    public async Task RunAsync(ClusterContext context, CancellationToken stop)
    {
        var perSecond = (await context.PeaksAsync(stop)).One / 2;
        var (one, three) = (await context.OneAsync(stop), await context.ThreeAsync(stop));
        var rounds = new List<(double One, double Three)>();
        for (var i = 0; i < context.Sizes.Rounds; i++)
        {
            rounds.Add((await RunAsync("one node", one), await RunAsync("three nodes", three)));
        }

        var ratios = new Spread(rounds.Select(static each => each.Three / each.One));
        context.Bench.Add(Outcome.AtMost(
            $"latency: p50 at half of one node's peak, three against one {ratios}", Target, ratios.Middle, "times"));

        async Task<double> RunAsync(string name, ClusterStage stage)
        {
            stage.Bound();
            QuietMachine.Wait();
            using var clients = new PacedClients(stage, [stage.Address(Balancing.Token)]);
            var sends = new PacedSends(clients.All, perSecond);
            try
            {
                await Task.Delay(TimeSpan.FromSeconds(1), stop);
                var from = Stopwatch.GetTimestamp();
                await Task.Delay(TimeSpan.FromSeconds(context.Sizes.Seconds), stop);
                var times = sends.Times(from);
                context.Bench.Say($"       {name,-18} {times.Count / context.Sizes.Seconds,8:0} a second, p50 "
                    + $"{times.Percentile(50):0.0} ms, p95 {times.Percentile(95):0.0} ms");
                return times.Percentile(50);
            }
            finally
            {
                await sends.DisposeAsync();
            }
        }
    }
}
