using System.Diagnostics;
using Matrix.Benchmarks.Federation.Peers;
using Matrix.Benchmarks.Federation.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Servers;

namespace Matrix.Benchmarks.Federation.Measures;

/// <summary>
/// A hundred servers with ten rooms each send transactions of ten events at once to a server on PostgreSQL. The events
/// are made and signed before; every server is a peer of this process.
/// </summary>
internal sealed class TransactionsMeasure : IMeasure
{
    private const int Servers = 100;
    private const int Rooms = 10;
    private const int PerTransaction = 10;

    // As many again as are measured: until then much of a server's work is compiling.
    private const int WarmUp = 40;
    private const int Transactions = 40;
    private const double Target = 4000;
    private const int JoinsAtOnce = 8;

    public string Name => "transactions";

    public string Sentence => "100 servers with 10 rooms each send transactions of 10 events, on PostgreSQL";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        await using var peers = await SyntheticPeers.StartAsync(Servers, stop);
        using var server = await FederatedServer.StartAsync(
            bench.Postgres.New("transactions"), address: null, peers.Settings, stop);
        var at = new Uri("https://" + server.Federating.Address.Listener);
        var joining = Stopwatch.StartNew();
        var rooms = await JoinAsync(peers, server, at, stop);
        bench.Add(Outcome.Reported(
            "transactions: rooms made and joined before", Servers * Rooms / joining.Elapsed.TotalSeconds,
            "per second"));

        await SendAsync(Prepare(WarmUp, spread: true), stop);
        var spread = await RateAsync(spread: true);
        var single = await RateAsync(spread: false);
        foreach (var room in rooms.SelectMany(static each => each.Value).Where((_, i) => i % Rooms == 0))
        {
            if (!server.Population.First(Rooms)[0].HasEvent(room.RoomId, room.Latest))
            {
                throw new InvalidDataException($"{room.RoomId} lacks the last event that was sent.");
            }
        }

        Report("one of each of 10 rooms in a transaction", spread);
        Report("ten of one room in a transaction", single);

        void Report(string what, (double PerSecond, double CpuMicroseconds) figures)
        {
            bench.Add(Outcome.AtLeast(
                $"transactions: events, {what}, scaled", Target, figures.PerSecond * bench.Scale, "per second"));
            bench.Add(Outcome.Reported(
                $"transactions: server CPU for each, {what}", figures.CpuMicroseconds, "us"));
        }

        async Task<(double PerSecond, double CpuMicroseconds)> RateAsync(bool spread)
        {
            const int events = Servers * Transactions * PerTransaction;
            var prepared = Prepare(Transactions, spread);
            GC.Collect();
            var process = server.Federating.Process.ProcessId;
            var cpu = ProcessFigures.CpuMilliseconds(process);
            var watch = Stopwatch.StartNew();
            await SendAsync(prepared, stop);
            var seconds = watch.Elapsed.TotalSeconds;
            return (events / seconds, (ProcessFigures.CpuMilliseconds(process) - cpu) * 1000 / events);
        }

        Dictionary<SyntheticPeer, PreparedRequest[]> Prepare(int count, bool spread) => rooms.ToDictionary(
            static each => each.Key,
            each => Enumerable.Range(0, count).Select(i => each.Key.Transaction(
                server.Name, at, [.. Enumerable.Range(0, PerTransaction).Select(
                    j => each.Value[spread ? j % Rooms : i % Rooms].Say())])).ToArray());
    }

    private static async Task<Dictionary<SyntheticPeer, PeerRoom[]>> JoinAsync(
        SyntheticPeers peers, FederatedServer server, Uri at, CancellationToken stop)
    {
        var creators = server.Population.First(Rooms);
        var made = peers.All.ToDictionary(
            static peer => peer, peer => creators.Select(creator => creator.CreateRoom(peer.Name)).ToArray());
        var joined = peers.All.ToDictionary(static peer => peer, static _ => new PeerRoom[Rooms]);
        var side = new ParallelOptions { MaxDegreeOfParallelism = JoinsAtOnce, CancellationToken = stop };
        await Parallel.ForEachAsync(peers.All, side, async (peer, stopped) =>
        {
            for (var i = 0; i < Rooms; i++)
            {
                joined[peer][i] = await peer.JoinAsync(server.Name, at, made[peer][i], stopped);
            }
        });
        return joined;
    }

    /// <summary>All servers send at once, each one transaction after the other.</summary>
    private static async Task SendAsync(
        Dictionary<SyntheticPeer, PreparedRequest[]> prepared, CancellationToken stop)
    {
        var refused = await Task.WhenAll(prepared.Select(each => Task.Run(
            async () =>
            {
                var refused = 0;
                foreach (var transaction in each.Value)
                {
                    refused += await each.Key.SendTransactionAsync(transaction, stop);
                }

                return refused;
            },
            stop)));
        if (refused.Sum() > 0) throw new InvalidDataException($"{refused.Sum()} events were refused.");
    }
}
