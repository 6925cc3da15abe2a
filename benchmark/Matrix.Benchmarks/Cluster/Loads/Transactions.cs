using System.Diagnostics;
using Matrix.Benchmarks.Cluster.Servers;
using Matrix.Benchmarks.Federation.Peers;
using Matrix.ClusterNodes;
using Matrix.LoadGen.Reporting;

namespace Matrix.Benchmarks.Cluster.Loads;

/// <summary>
/// Sixty servers of this process, with two rooms each, send transactions of ten events, which are made and signed
/// before the phase. A server keeps to a node, or sends each transaction to the next one.
/// </summary>
/// <param name="peers">The servers.</param>
internal sealed class Transactions(SyntheticPeers peers) : IClusterLoad
{
    private const int RoomsOfEach = 2;
    private const int PerTransaction = 10;
    private const int JoinsAtOnce = 4;

    /// <summary>Until the first phase has shown how fast the server is.</summary>
    private const double FirstPerSecond = 60;

    public string Name => "transactions";

    public string Operations => "received federation transactions";

    public double Target => 2.0;

    public double SprayedTarget => 2.0;

    public async Task<IPreparedLoad> PrepareAsync(ClusterStage stage, CancellationToken stop)
    {
        var creators = stage.Population.First(RoomsOfEach);
        var made = peers.All.Select(peer => creators.Select(each => each.CreateRoom(peer.Name)).ToArray()).ToList();
        var senders = peers.All.Select(static peer => new Sender(peer)).ToList();
        var side = new ParallelOptions { MaxDegreeOfParallelism = JoinsAtOnce, CancellationToken = stop };
        await Parallel.ForEachAsync(senders.Index(), side, async (each, stopped) =>
        {
            foreach (var room in made[each.Index])
            {
                each.Item.Rooms.Add(await each.Item.Peer.JoinAsync(
                    stage.Name, stage.FederationAddresses[0], room, stopped));
            }
        });
        return new Prepared(stage, senders);
    }

    private sealed record Sender(SyntheticPeer Peer)
    {
        public List<PeerRoom> Rooms { get; } = [];

        public Queue<PreparedRequest> Ready { get; } = [];
    }

    private sealed class Prepared(ClusterStage stage, IReadOnlyList<Sender> senders) : IPreparedLoad
    {
        private double _perSecond = FirstPerSecond;

        public async Task<LoadFigures> RunAsync(Balancing route, double seconds, CancellationToken stop)
        {
            // Half as many more: the phase ends by its time, not by a lack of transactions.
            var count = (int)Math.Ceiling(_perSecond * seconds * 1.5 / senders.Count) + 1;
            var addresses = stage.FederationAddresses;
            await Task.Run(() => senders.AsParallel().ForAll(each => Fill(each, count, addresses[0])), stop);

            var watch = Stopwatch.StartNew();
            var sent = await Task.WhenAll(senders.Select((each, i) => Task.Run(
                () => SendAsync(each, i, route, addresses, watch, seconds, stop), stop)));
            var times = new Durations();
            foreach (var each in sent) times.Add(each);
            _perSecond = Math.Max(times.Count / watch.Elapsed.TotalSeconds, 1);
            return new LoadFigures(times.Count, times.Count, watch.Elapsed.TotalSeconds, times);
        }

        public void Dispose()
        {
            // The servers are not this load's.
        }

        private void Fill(Sender sender, int count, Uri address)
        {
            while (sender.Ready.Count < count)
            {
                sender.Ready.Enqueue(sender.Peer.Transaction(
                    stage.Name, address, [.. Enumerable.Range(0, PerTransaction)
                        .Select(i => sender.Rooms[i % sender.Rooms.Count].Say())]));
            }
        }

        private static async Task<Durations> SendAsync(
            Sender sender,
            int number,
            Balancing route,
            IReadOnlyList<Uri> addresses,
            Stopwatch watch,
            double seconds,
            CancellationToken stop)
        {
            var times = new Durations();
            var node = number;
            while (watch.Elapsed.TotalSeconds < seconds && sender.Ready.TryDequeue(out var next))
            {
                if (route == Balancing.Turns) node++;
                var start = Stopwatch.GetTimestamp();
                var address = addresses[node % addresses.Count].GetLeftPart(UriPartial.Authority);
                var target = new Uri(address + next.Uri.PathAndQuery);
                var refused = await sender.Peer.SendTransactionAsync(next with { Uri = target }, stop);
                if (refused > 0) throw new InvalidDataException($"{sender.Peer.Name}: {refused} events were refused.");
                times.Add(Stopwatch.GetTimestamp() - start);
            }

            return times;
        }
    }
}
