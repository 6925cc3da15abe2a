using System.Diagnostics;
using System.Net;
using Matrix.Benchmarks.Federation.Peers;
using Matrix.Benchmarks.Federation.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.Processes.Network;

namespace Matrix.Benchmarks.Federation.Measures;

/// <summary>
/// A server that takes connections and then says nothing for a minute, in a room with another server. Sends on this
/// server, and their arrival at the other one, are compared with the time before.
/// </summary>
internal sealed class SilentPeerMeasure : IMeasure
{
    private const int WarmUp = 300;
    private const int MessagesBefore = 6_000;
    private const int MessagesPerTurn = 20;
    private const double Target = 1.2;
    private static readonly TimeSpan _silence = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    public string Name => "silent";

    public string Sentence => "what a server that is silent for a minute costs the others";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        await using var peers = await SyntheticPeers.StartAsync(1, stop);
        var silent = peers.All[0];

        // The name has a port, so the link has the same one at another address.
        var at = new IPEndPoint(IPAddress.Parse("127.1.0.1"), peers.Listener.Port);
        await using var link = TcpLink.Start(at, peers.Listener);
        peers.Behind(silent, at);
        using var servers = new TwoServers(
            await FederatedServer.StartAsync(null, address: null, peers.Settings, stop),
            await FederatedServer.StartAsync(null, address: null, peers.Settings, stop));
        var (sender, guest) = (servers.A.Population.Fresh(), servers.B.Population.Fresh());
        var room = await SharedRoom.CreateAsync(servers.A, sender, guest, "silent", stop);
        await silent.JoinAsync(
            servers.A.Name, new Uri("https://" + servers.A.Federating.Address.Listener), room, stop);
        await SharedRoom.HasMembersAsync(guest, room, 3, stop);

        using var before = new MessageTimes(sender, guest, room);
        before.Send(WarmUp, isWarmUp: true);
        await IsReachedAsync(peers, silent, stop);
        before.Send(MessagesBefore);

        using var during = new MessageTimes(sender, guest, room);
        link.Fault = LinkFault.BlackHole;
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < _silence) during.Send(MessagesPerTurn);
        link.Fault = LinkFault.None;

        bench.Add(Outcome.AtMost(
            "silent peer: p50 of a local send, multiple of before", Target,
            during.Sends.Percentile(50) / before.Sends.Percentile(50), "times"));
        bench.Add(Outcome.AtMost(
            "silent peer: p50 of a message to another server, multiple of before", Target,
            during.Arrivals.Percentile(50) / before.Arrivals.Percentile(50), "times"));
        bench.Add(Outcome.Reported("silent peer: p50 of a local send before", before.Sends.Percentile(50), "ms"));
    }

    private static async Task IsReachedAsync(SyntheticPeers peers, SyntheticPeer peer, CancellationToken stop)
    {
        var until = DateTime.UtcNow + _patience;
        while (peers.TransactionsOf(peer) == 0)
        {
            if (DateTime.UtcNow > until) throw new TimeoutException("The peer got nothing before it was silent.");
            await Task.Delay(20, stop);
        }
    }
}
