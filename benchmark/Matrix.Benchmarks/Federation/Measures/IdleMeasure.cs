using Matrix.Benchmarks.Federation.Peers;
using Matrix.Benchmarks.Federation.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Servers;

namespace Matrix.Benchmarks.Federation.Measures;

/// <summary>
/// The memory of a server that knows 10,000 others: it has sent each of them a message, and is idle. Their joins are
/// written to storage as if they had been received; everything else is real.
/// </summary>
internal sealed class IdleMeasure : IMeasure
{
    private const int Servers = 10_000;
    private const double Target = 200;
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(10);

    // Connections without a request end after a minute, and their memory is returned some time later.
    private static readonly TimeSpan _idle = TimeSpan.FromMinutes(4);

    public string Name => "idle";

    public string Sentence => "the memory of an idle server that has sent a message to 10,000 others";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        await using var peers = await SyntheticPeers.StartAsync(Servers, stop);
        using var server = await FederatedServer.StartAsync(null, address: null, peers.Settings, stop);
        var user = server.Population.Fresh();
        var room = user.CreateRoom("10,000 servers");
        await server.Federating.Process.StopAsync(stop);
        await BigRoomMaker.AddRemoteMembersAsync(
            "sqlite:matrix.db", server.Federating.Process.DataFolder, server.Name, room,
            [.. peers.All.Select(static peer => "@someone:" + peer.Name)], stop);
        await server.StartAsync(stop);

        user.Send(Uri.EscapeDataString(room));
        var until = DateTime.UtcNow + _patience;
        while (peers.Reached < Servers)
        {
            if (DateTime.UtcNow > until) throw new TimeoutException($"{peers.Reached} servers got the message.");
            await Task.Delay(100, stop);
        }

        await Task.Delay(_idle, stop);
        var process = server.Federating.Process;
        bench.Add(Outcome.AtMost(
            "idle: memory with 10,000 destinations that were sent to", Target,
            ProcessFigures.ResidentMegabytes(process.ProcessId), "MB"));
        await process.StopAsync(stop);
        await server.StartAsync(stop);
        user.Send(Uri.EscapeDataString(user.CreateRoom("after a start")));
        await Task.Delay(TimeSpan.FromSeconds(5), stop);
        bench.Add(Outcome.AtMost(
            "idle: memory with 10,000 destinations after a start", Target,
            ProcessFigures.ResidentMegabytes(process.ProcessId), "MB"));
    }
}
