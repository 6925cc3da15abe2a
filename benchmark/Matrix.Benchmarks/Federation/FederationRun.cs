using Matrix.Benchmarks.Federation.Measures;
using Matrix.Benchmarks.Measures;

namespace Matrix.Benchmarks.Federation;

/// <summary>All measures of federation by name.</summary>
internal static class FederationRun
{
    private static readonly TimeSpan _longest = TimeSpan.FromMinutes(30);

    public static IReadOnlyList<IFederationMeasure> All { get; } =
    [
        new MessageMeasure(), new FloodMeasure(), new TransactionsMeasure(), new GrowthMeasure(), new JoinMeasure(),
        new SilentPeerMeasure(), new OutageMeasure(), new IdleMeasure(),
    ];

    /// <summary>Runs the named measures, or all. A measure that fails counts as missed.</summary>
    public static async Task<IReadOnlyList<Outcome>> RunAsync(
        IReadOnlyCollection<string> names, double scale, TextWriter output)
    {
        using var bench = new FederationBench(scale, output);
        foreach (var measure in All.Where(each => names.Count == 0 || names.Contains(each.Name)))
        {
            using var stop = new CancellationTokenSource(_longest);
            try
            {
                await measure.RunAsync(bench, stop.Token);
            }
#pragma warning disable CA1031 // The other measures are still of interest.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                bench.Say($"{measure.Name} ended early: {fault}");
                bench.Add(Outcome.AtMost($"{measure.Name}: failures", 0, 1, ""));
            }
        }

        return bench.Outcomes;
    }
}
