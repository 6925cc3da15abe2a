using System.Diagnostics;
using Matrix.Benchmarks.Cluster.Loads;
using Matrix.Benchmarks.Cluster.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.ClusterNodes;
using Matrix.Host.Storage.Commits;

namespace Matrix.Benchmarks.Cluster.Measures;

/// <summary>
/// One of three nodes is killed while clients of the other two send at half of the cluster's peak, to rooms of all.
/// </summary>
internal sealed class KillMeasure : IClusterMeasure
{
    private const double MostSeconds = 10;
    private const double MostSlower = 1.5;

    public string Name => "kill";

    public string Sentence => "a node is killed at half of the peak: its rooms, and requests for the others";

    public async Task RunAsync(ClusterContext context, CancellationToken stop)
    {
        var perSecond = (await context.PeaksAsync(stop)).Three / 2;
        var stage = await context.ThreeAsync(stop);
        for (var i = 0; i < context.Sizes.Rounds; i++)
        {
            await KillAsync(context, stage, stage.Cluster.Nodes[i % stage.Cluster.Nodes.Count], perSecond, stop);
        }
    }

    private static async Task KillAsync(
        ClusterContext context, ClusterStage stage, Node node, double perSecond, CancellationToken stop)
    {
        stage.Bound();
        QuietMachine.Wait();
        var before = TimeSpan.FromSeconds(context.Sizes.Seconds);
        var owners = stage.Cluster.Owners();
        bool IsIts(string room) => owners[Authority.Room(room).Shard] == node.Name;
        using var clients = new PacedClients(
            stage, [.. stage.Cluster.Nodes.Where(each => each != node).Select(static each => each.Url)]);
        var sends = await PacedSends.StartSteadyAsync(clients.All, perSecond, context.Bench.Say, stop);
        try
        {
            var from = Stopwatch.GetTimestamp();
            await Task.Delay(before, stop);
            node.Hold();
            var killed = Stopwatch.GetTimestamp();
            node.Kill();
            var rooms = clients.All.Select(static each => each.Room).Where(IsIts).ToList();
            await Task.WhenAll(rooms.Select(room => clients.Of(room).UntilWrittenAsync(stop)));
            var took = Stopwatch.GetElapsedTime(killed).TotalSeconds;
            var over = Stopwatch.GetTimestamp();
            await Task.Delay(TimeSpan.FromSeconds(1), stop);

            var usual = sends.Times(from, killed, each => !IsIts(each.Room));
            var meanwhile = sends.Times(killed, over, each => !IsIts(each.Room));
            var failed = sends.Sent.Count(each => each.Problem is not null && !IsIts(each.Room));
            context.Bench.Add(Outcome.AtMost(
                $"kill {node.Name}: until all its {rooms.Count} rooms took writes", MostSeconds, took, "s"));
            context.Bench.Add(Outcome.AtMost(
                $"kill {node.Name}: p95 of requests for other shards meanwhile, {meanwhile.Percentile(95):0} ms "
                    + $"against {usual.Percentile(95):0} ms before",
                MostSlower, meanwhile.Percentile(95) / usual.Percentile(95), "times"));
            context.Bench.Add(Outcome.AtMost(
                $"kill {node.Name}: failed requests for other shards", 0, failed, "requests"));
        }
        finally
        {
            await sends.DisposeAsync();
            stage.Loosen();
            node.Release();
            await stage.Cluster.WholeAsync();
        }
    }
}
