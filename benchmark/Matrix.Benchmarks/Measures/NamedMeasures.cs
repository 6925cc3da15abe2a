using System.Diagnostics;

namespace Matrix.Benchmarks.Measures;

/// <summary>Runs measures by name.</summary>
internal static class NamedMeasures
{
    private static readonly TimeSpan _longest = TimeSpan.FromMinutes(30);

    /// <summary>Runs the named measures, or all. A measure that fails counts as missed.</summary>
    public static async Task<IReadOnlyList<Outcome>> RunAsync(
        IReadOnlyList<IMeasure> all, IReadOnlyCollection<string> names, TextWriter output)
    {
        using var bench = new MeasureContext(output);
        foreach (var measure in all.Where(each => names.Count == 0 || names.Contains(each.Name)))
        {
            using var stop = new CancellationTokenSource(_longest);
            bench.MeasureSpeed();
            var watch = Stopwatch.StartNew();
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

            bench.Say($"       {measure.Name} took {watch.Elapsed.TotalSeconds:0} s");
        }

        return bench.Outcomes;
    }
}
