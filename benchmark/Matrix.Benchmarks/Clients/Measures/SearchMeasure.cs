using Matrix.Benchmarks.Clients.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Workloads;

namespace Matrix.Benchmarks.Clients.Measures;

/// <summary>Searches in 1,000,000 messages on both databases, and what the index costs a send.</summary>
internal sealed class SearchMeasure : IMeasure
{
    private const double Target = 30;

    public string Name => "search";

    public string Sentence => "searches in 1,000,000 messages: words with few and with many hits";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        await RunAsync(bench, "SQLite", null, stop);
        await RunAsync(bench, "PostgreSQL", bench.Postgres.New("search"), stop);
    }

    private static async Task RunAsync(MeasureContext bench, string database, string? url, CancellationToken stop)
    {
        using var server = await ClientServer.StartAsync(url, stop);
        var figures = Catalogue.Run(new SearchWorkload(), [server.Stage])[0].Figures;
        bench.Add(Outcome.Reported($"search: {database}, messages sent to be searched", figures["messages"], ""));
        bench.Add(Outcome.Reported(
            $"search: {database}, their rate, indexed meanwhile", figures["filled_per_second"], "per second"));
        bench.Add(Outcome.Reported(
            $"search: {database}, the index is behind when they are sent", figures["index_behind_seconds"], "s"));
        bench.Add(Outcome.AtMost(
            $"search: {database}, hits of the rare word that are not counted", 0, 50 - figures["rare_count"], "hits"));
        foreach (var (name, prefix) in new[]
        {
            ("50 hits, by rank", "rare_rank"), ("50 hits, by recency", "rare_recent"),
            ("in 20 % of messages, by rank", "frequent_rank"),
            ("in 20 % of messages, by recency", "frequent_recent"),
        })
        {
            bench.Add(Outcome.AtMost(
                $"search: {database}, {name}: p50, scaled", Target, figures[$"{prefix}_p50_ms"] / bench.Scale, "ms"));
        }

        bench.Add(Outcome.Reported($"search: {database}, memory afterwards", server.Megabytes, "MB"));
    }
}
