using System.Globalization;
using System.Runtime.InteropServices;
using Matrix.Benchmarks.Cluster.Loads;
using Matrix.Benchmarks.Cluster.Measures;
using Matrix.Benchmarks.Cluster.Servers;
using Matrix.Benchmarks.Measures;

namespace Matrix.Benchmarks.Cluster;

/// <summary>The measures of clusters.</summary>
internal static class ClusterRun
{
    private static readonly TimeSpan _longest = TimeSpan.FromMinutes(30);

    public static IReadOnlyList<IClusterMeasure> All { get; } =
    [
        Scale("sends", "sends in 300 rooms, three nodes against one", static () => new Sends()),
        Scale("idle", "incremental syncs with nothing new, three nodes against one", static () => new IdleSyncs()),
        Scale("wakeups", "long-polls that a message wakes, three nodes against one", static () => new WakeUps()),
        Scale("initial", "initial syncs of 40 rooms, three nodes against one", static () => new InitialSyncs()),
        new ScaleMeasure(
            "transactions", "received federation transactions, three nodes against one",
            static async (context, stop) => new Transactions(await context.PeersAsync(stop))),
        new LatencyMeasure(), new KillMeasure(), new DrainMeasure(), new PromotionMeasure(),
    ];

    /// <summary>Reads the options: `--only NAME`, `--seconds N`, `--rounds N`, `--share N`.</summary>
    /// <returns>The measures and sizes; null if an option is unknown.</returns>
    public static (IReadOnlyList<IClusterMeasure> Measures, ClusterSizes Sizes)? Parse(IReadOnlyList<string> options)
    {
        var (sizes, only) = (new ClusterSizes(), new List<string>());
        for (var i = 0; i < options.Count; i += 2)
        {
            if (i + 1 == options.Count) return null;
            var value = options[i + 1];
            _ = double.TryParse(value, CultureInfo.InvariantCulture, out var number);
            switch (options[i])
            {
                case "--only" when All.Any(each => each.Name == value): only.Add(value); break;
                case "--seconds" when number is >= 1 and <= 60: sizes = sizes with { Seconds = number }; break;
                case "--rounds" when number is >= 1 and <= 20: sizes = sizes with { Rounds = (int)number }; break;
                case "--share" when number is >= 0.02 and <= 1: sizes = sizes with { Share = number }; break;
                default: return null;
            }
        }

        return ([.. All.Where(each => only.Count == 0 || only.Contains(each.Name))], sizes);
    }

    /// <summary>Runs measures. One that fails counts as missed.</summary>
    public static async Task<IReadOnlyList<Outcome>> RunAsync(
        IReadOnlyList<IClusterMeasure> measures, ClusterSizes sizes, TextWriter output)
    {
        using var bench = new MeasureContext(output);
        await using var context = new ClusterContext(bench, sizes);
        using var ended = new CancellationTokenSource();

        // Whoever ends the command ends the servers, too.
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        foreach (var measure in measures)
        {
            if (ended.IsCancellationRequested) break;
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(ended.Token);
            stop.CancelAfter(_longest);
            bench.Say($"{measure.Name}: {measure.Sentence}");
            try
            {
                await measure.RunAsync(context, stop.Token);
            }
#pragma warning disable CA1031 // The other measures are still of interest.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                bench.Say($"{measure.Name} ended early: {fault}");
                bench.Add(Outcome.AtMost($"{measure.Name}: failures", 0, 1, ""));
            }
        }

        bench.Say("");
        foreach (var outcome in bench.Outcomes) bench.Say(outcome.ToString());
        return bench.Outcomes;

        void End(PosixSignalContext signal)
        {
            signal.Cancel = true;
            ended.Cancel();
        }
    }

    private static ScaleMeasure Scale(string name, string sentence, Func<IClusterLoad> make) =>
        new(name, sentence, (_, _) => Task.FromResult(make()));
}
