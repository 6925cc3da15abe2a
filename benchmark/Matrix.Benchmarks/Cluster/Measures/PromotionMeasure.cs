using System.Diagnostics;
using Matrix.Benchmarks.Cluster.Loads;
using Matrix.Benchmarks.Cluster.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.ClusterNodes;

namespace Matrix.Benchmarks.Cluster.Measures;

/// <summary>
/// The database's primary crashes under load, and its synchronous standby is promoted. Three nodes reach the two by
/// HAProxy; they have no bound of processor time.
/// </summary>
internal sealed class PromotionMeasure : IClusterMeasure
{
    private const double MostSeconds = 5;
    private const double PerSecond = 60;
    private const int Probed = 30;

    public string Name => "promotion";

    public string Sentence => "the database's standby is promoted: writes within five seconds";

    public async Task RunAsync(ClusterContext context, CancellationToken stop)
    {
        using var database = new DatabasePair();
        await using var stage = await ClusterStage.StartAsync(3, processors: 0, peers: null, database.Url);
        using var clients = new PacedClients(stage, [stage.Address(Balancing.Token)]);
        var sends = new PacedSends(clients.All, PerSecond);
        try
        {
            await Task.Delay(TimeSpan.FromSeconds(context.Sizes.Seconds), stop);
            var crashed = Stopwatch.GetTimestamp();
            database.Crash();
            var promoted = Stopwatch.GetTimestamp();
            await Task.Run(database.Promote, stop);
            var promotion = Stopwatch.GetElapsedTime(promoted).TotalSeconds;
            context.Bench.Say($"       the promotion took {promotion:0.0} s, and was over "
                + $"{Stopwatch.GetElapsedTime(crashed).TotalSeconds:0.0} s after the crash began");
            await Task.WhenAll(clients.All.Take(Probed).Select(each => each.UntilWrittenAsync(stop)));
            var took = Stopwatch.GetElapsedTime(promoted).TotalSeconds;
            await Task.Delay(TimeSpan.FromSeconds(1), stop);
            var failed = sends.Sent.Count(static each => each.Problem is not null);
            context.Bench.Add(Outcome.AtMost(
                $"promotion: from the promotion until {Probed} rooms took writes", MostSeconds, took, "s"));
            context.Bench.Add(Outcome.Reported("promotion: requests that failed meanwhile", failed, "requests"));
        }
        finally
        {
            await sends.DisposeAsync();
        }
    }
}
