using System.Diagnostics;
using Matrix.ClusterNodes;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;

namespace Matrix.Benchmarks.Cluster.Loads;

/// <summary>Clients that each repeat a request, as fast as they are answered.</summary>
/// <param name="clients">The clients by route.</param>
internal sealed class Repeating(IReadOnlyDictionary<Balancing, (Server Server, Exchange[] Clients)> clients)
    : IPreparedLoad
{
    public Task<LoadFigures> RunAsync(Balancing route, double seconds, CancellationToken stop)
    {
        var (server, exchanges) = clients[route];
        return Task.Run(
            () =>
            {
                var crowd = new Crowd(server);
                var watch = Stopwatch.StartNew();
                crowd.RepeatFor(exchanges, seconds);
                return new LoadFigures(
                    crowd.Durations.Count, crowd.Durations.Count, watch.Elapsed.TotalSeconds, crowd.Durations);
            },
            stop);
    }

    public void Dispose()
    {
        foreach (var (_, exchanges) in clients.Values)
        {
            foreach (var exchange in exchanges) exchange.Connection.Dispose();
        }
    }
}
