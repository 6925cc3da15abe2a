using Matrix.Benchmarks.Federation.Servers;
using Matrix.Benchmarks.Measures;

namespace Matrix.Benchmarks.Federation.Measures;

/// <summary>The growth of a receiving server's compacted database for each plain message of 200 bytes.</summary>
internal sealed class GrowthMeasure : IMeasure
{
    private const int Messages = 5000;
    private const int WarmUp = 200;
    private const double Target = 1536;
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    public string Name => "growth";

    public string Sentence => "the growth of the receiver's database for each message";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        using var sqlite = new SqliteDatabase();
        await RunAsync(bench, sqlite, stop);
        await RunAsync(bench, bench.Postgres, stop);
    }

    private static async Task RunAsync(MeasureContext bench, Database database, CancellationToken stop)
    {
        const string name = "federated_growth";
        using var servers = new TwoServers(
            await FederatedServer.StartAsync(null, stop),
            await FederatedServer.StartAsync(database.New(name), stop));
        var (sender, guest) = (servers.A.Population.Fresh(), servers.B.Population.Fresh());
        var room = await SharedRoom.CreateAsync(servers.A, sender, guest, "growth", stop);
        await SendAsync(WarmUp);
        var before = await database.CompactedBytesAsync(servers.B.Federating.Process, name, stop);
        await SendAsync(Messages);
        var after = await database.CompactedBytesAsync(servers.B.Federating.Process, name, stop);
        bench.Add(Outcome.AtMost(
            $"growth: {database.Name}, for each plain message of 200 bytes", Target,
            (after - before) / (double)Messages, "bytes"));

        async Task SendAsync(int count)
        {
            using var reader = new SyncReader(guest);
            var path = Uri.EscapeDataString(room);
            for (var i = 0; i < count; i++) sender.Send(path);
            await reader.HasAsync(count, _patience, stop);
        }
    }
}
