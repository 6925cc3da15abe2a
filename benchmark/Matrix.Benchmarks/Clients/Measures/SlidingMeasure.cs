using Matrix.Benchmarks.Clients.Servers;
using Matrix.Benchmarks.Federation.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Workloads;
using Matrix.Processes.Synapse;

namespace Matrix.Benchmarks.Clients.Measures;

/// <summary>
/// Sliding sync and an initial sync of an account in 1,000 rooms, by turns with Synapse, and a message that reaches 50
/// clients by sliding sync.
/// </summary>
internal sealed class SlidingMeasure : IMeasure
{
    public string Name => "sliding";

    public string Sentence => "sliding sync and initial sync of an account in 1,000 rooms, against Synapse";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        using var lab = SynapseLab.Find(bench.Say);
        using var sqlite = await ClientServer.StartAsync(null, stop);
        using var postgres = await ClientServer.StartAsync(bench.Postgres.New("sliding"), stop);
        var stages = new List<Stage> { sqlite.Stage, postgres.Stage };
        if (lab is not null) stages.Add((await SynapseServer.StartAsync(lab, "measure-clients", stop)).Stage);

        var figures = Catalogue.Run(new ManyRoomsClient(), stages).Select(each => each.Figures).ToList();
        Report(bench, "SQLite", figures[0], lab is null ? null : figures[^1]);
        Report(bench, "PostgreSQL", figures[1], lab is null ? null : figures[^1]);
        bench.Add(Outcome.Reported("sliding: first response", figures[0]["first_kilobytes"], "KiB"));
        bench.Add(Outcome.Reported("sliding: initial sync", figures[0]["initial_kilobytes"], "KiB"));

        foreach (var (name, server) in new[] { ("SQLite", sqlite), ("PostgreSQL", postgres) })
        {
            var fanOut = Catalogue.Run(new SlidingFanOut(), [server.Stage])[0].Figures;
            bench.Add(Outcome.AtMost(
                $"sliding: {name}, a message at 50 clients: p95 after the 200, scaled", 10,
                fanOut["after_200_p95_ms"] / bench.Scale, "ms"));
        }
    }

    private static void Report(MeasureContext bench, string database, Figures ours, Figures? synapse)
    {
        foreach (var (prefix, what, most) in new[]
        {
            ("first", "first response", 15), ("next", "next with a message", 1.5),
            ("initial", "initial sync, lazy members", 100),
        })
        {
            var p50 = $"{prefix}_p50_ms";
            bench.Add(Outcome.AtMost(
                $"sliding: {database}, {what}: p50, scaled", most, ours[p50] / bench.Scale, "ms"));
            if (synapse is not null)
            {
                bench.Add(Outcome.Reported(
                    $"sliding: {database}, {what}: share of Synapse's {synapse[p50]:0.#} ms", ours[p50] / synapse[p50],
                    "times"));
            }
        }
    }
}
