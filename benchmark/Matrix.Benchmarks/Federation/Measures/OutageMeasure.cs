using System.Diagnostics;
using System.Net;
using Matrix.Benchmarks.Federation.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.Processes.Network;

namespace Matrix.Benchmarks.Federation.Measures;

/// <summary>
/// A server cannot be reached for more than a minute, while 1,000 events are sent in 200 rooms that it shares. The
/// clock runs from its first request afterwards until all events are in its sync.
/// </summary>
internal sealed class OutageMeasure : IMeasure
{
    private const int Rooms = 200;
    private const int PerRoom = 5;
    private const double Target = 2;

    // Failures are an outage after a minute, and a later attempt finds that they are.
    private static readonly TimeSpan _outage = TimeSpan.FromSeconds(75);
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    public string Name => "outage";

    public string Sentence => "1,000 events in 200 rooms after an outage";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        var listener = Loopback.Next();
        var at = new IPEndPoint(Loopback.Next().Address, listener.Port);
        await using var link = TcpLink.Start(at, listener);
        using var servers = new TwoServers(
            await FederatedServer.StartAsync(null, stop),
            await FederatedServer.StartAsync(null, ServerAddress.Behind(at, listener), settings: null, stop));
        var (sender, guest) = (servers.A.Population.Fresh(), servers.B.Population.Fresh());
        var rooms = new List<string>();
        for (var i = 0; i < Rooms; i++)
        {
            rooms.Add(await SharedRoom.CreateAsync(servers.A, sender, guest, $"outage {i}", stop));
        }

        using var reader = new SyncReader(guest);
        foreach (var room in rooms) sender.Send(Uri.EscapeDataString(room));
        await reader.HasAsync(Rooms, _patience, stop);

        link.Fault = LinkFault.Reset;
        for (var i = 0; i < PerRoom; i++)
        {
            foreach (var room in rooms) sender.Send(Uri.EscapeDataString(room));
        }

        await Task.Delay(_outage, stop);
        if (reader.Count != Rooms) throw new InvalidDataException("Events came through the outage.");
        link.Fault = LinkFault.None;
        var watch = Stopwatch.StartNew();
        guest.Send(Uri.EscapeDataString(rooms[0]));

        // The guest's own message comes by sync, too.
        await reader.HasAsync(Rooms + (Rooms * PerRoom) + 1, _patience, stop);
        var seconds = watch.Elapsed.TotalSeconds;
        bench.Add(Outcome.AtMost(
            "outage: 1,000 events in 200 rooms after the first request, scaled", Target, seconds / bench.Scale, "s"));
        bench.Add(Outcome.Reported("outage: timelines that left messages out", reader.Limited, "timelines"));
    }
}
