using System.Diagnostics;
using Matrix.Benchmarks.Federation.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Workloads;

namespace Matrix.Benchmarks.Federation.Measures;

/// <summary>
/// Ten senders flood a room that another server shares. The rate is that of the messages in the other server's sync,
/// compared by turns with ten senders in a room of one server.
/// </summary>
internal sealed class FloodMeasure : IMeasure
{
    private const int Messages = 10_000;
    private const int Rounds = 3;
    private const double Target = 0.35;
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    public string Name => "flood";

    public string Sentence => "10,000 messages of ten senders in one room, until they are in another server's sync";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        using var servers = new TwoServers(
            await FederatedServer.StartAsync(null, stop), await FederatedServer.StartAsync(null, stop));
        var senders = servers.A.Population.First(servers.A.Stage.Settings.Senders);
        var guest = servers.B.Population.Fresh();
        var room = await SharedRoom.CreateAsync(servers.A, senders[0], guest, "flood", stop);
        foreach (var sender in senders.Skip(1)) sender.Join(room);
        await SharedRoom.HasMembersAsync(guest, room, senders.Count + 1, stop);

        using var local = OneRoomSend.Senders(servers.A.Stage);
        using var reader = new SyncReader(guest);
        var expected = 0;
        local.WarmUp();
        await FloodAsync();
        var shares = new List<double>();
        var rates = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            local.Slice();
            var rate = await FloodAsync();
            rates.Add(rate);
            shares.Add(rate / local.LastPerSecond);
        }

        shares.Sort();
        rates.Sort();
        bench.Add(Outcome.Reported("flood: messages in the other server's sync", rates[Rounds / 2], "per second"));
        bench.Add(Outcome.AtLeast(
            "flood: share of the rate of ten senders in a local room", Target, shares[Rounds / 2], "times"));
        bench.Add(Outcome.AtMost("flood: messages that did not come by sync", 0, expected - reader.Count, "messages"));
        bench.Add(Outcome.Reported("flood: timelines that left messages out", reader.Limited, "timelines"));

        async Task<double> FloodAsync()
        {
            var path = Uri.EscapeDataString(room);
            var crowd = new Crowd(servers.A.Stage.Server);
            var watch = Stopwatch.StartNew();
            crowd.RepeatInAll([.. senders.Select(sender => sender.Sending(path))], Messages);
            expected += Messages;
            await reader.HasAsync(expected, _patience, stop);
            return Messages / watch.Elapsed.TotalSeconds;
        }
    }
}
