using Matrix.Benchmarks.Cluster.Loads;
using Matrix.Benchmarks.Cluster.Servers;
using Matrix.ClusterNodes;

namespace Matrix.Benchmarks.Cluster.Measures;

/// <summary>Finds how much clusters can send, for measures at half of it that run alone.</summary>
internal static class SendPeaks
{
    public static async Task MeasureAsync(ClusterContext context, CancellationToken stop)
    {
        var (one, three) = (await context.OneAsync(stop), await context.ThreeAsync(stop));
        context.Peaks = (await OfAsync("one node", one), await OfAsync("three nodes", three));

        async Task<double> OfAsync(string name, ClusterStage stage)
        {
            using var load = await ScaleMeasure.PrepareAsync(context, new Sends(), stage, stop);
            var phase = await ScaleMeasure.RunAsync(context, name, stage, load, Balancing.Token, stop);
            return phase.Load.PerSecond;
        }
    }
}
