using System.Diagnostics;
using System.Globalization;

namespace Matrix.Cluster.Tests;

/// <summary>Measures nodes in processes, and one in its own, which watches.</summary>
internal static class Measures
{
    private const int Rounds = 3;
    private const int Calls = 20_000;

    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(60);

    public static async Task<int> RunAsync(string[] what)
    {
        try
        {
            if (what.Contains("deaths")) await DeathsAsync();
            if (what.Contains("busy"))
            {
                foreach (var items in new[] { 10, 40, 100 }) await BusyAsync(items);
            }

            if (what.Contains("calls")) await CallsAsync();
        }
        finally
        {
            ClusterDatabase.StopServer();
        }

        return 0;
    }

    private static async Task DeathsAsync()
    {
        foreach (var count in new[] { 2, 3 })
        {
            await DeathsAsync(count, "killed", static node => node.Kill());
            await DeathsAsync(count, "standing still", static node => node.Pause());
        }

        await BothDieAsync();
    }

    /// <summary>How long until a node is dead to another one.</summary>
    private static async Task DeathsAsync(int count, string what, Action<NodeProcess> end)
    {
        var times = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            await using var cluster = await MeasuredCluster.StartAsync(count);
            end(cluster.Others[0]);
            times.Add((await cluster.UntilAsync(one => !one.IsAlive(cluster.Others[0].Self))).TotalSeconds);
        }

        Print($"{count} nodes, one {what}", times);
    }

    /// <summary>How long until both others are dead to the one that is left.</summary>
    private static async Task BothDieAsync()
    {
        var times = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            await using var cluster = await MeasuredCluster.StartAsync(3);
            foreach (var node in cluster.Others) node.Kill();
            times.Add((await cluster.UntilAsync(
                one => cluster.Others.All(node => !one.IsAlive(node.Self)))).TotalSeconds);
        }

        Print("3 nodes, two killed at once", times);
    }

    /// <summary>Whether a node whose threads are busy stays alive, and how long calls to it take meanwhile.</summary>
    private static async Task BusyAsync(int items)
    {
        await using var cluster = await MeasuredCluster.StartAsync(3);
        var busy = cluster.Others[0];
        busy.Say($"busy 30 {items}");
        var times = new List<double>();
        for (var since = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(since) < TimeSpan.FromSeconds(35);)
        {
            var start = Stopwatch.GetTimestamp();
            var answer = await cluster.Own.Calls.CallAsync(busy.Self, TestNode.Echo, default, CancellationToken.None);
            if (answer.IsAnswered) times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            await Task.Delay(100);
        }

        var isAlive = cluster.Own.View.IsAlive(busy.Self) && !busy.Has(NodeProgram.Dead);
        Print($"3 nodes, one with {items} items of 5 ms for each core: {(isAlive ? "alive" : "DEAD")}; calls", times);
    }

    /// <summary>What calls cost.</summary>
    private static async Task CallsAsync()
    {
        await using var cluster = await MeasuredCluster.StartAsync(2);
        Console.WriteLine($"a node {cluster.Others[0].LineOf(NodeProgram.Joined)}");
        var to = cluster.Others[0].Self;
        foreach (var (bytes, atOnce) in new[] { (100, 1), (100, 32), (10_000, 32) })
        {
            var body = new byte[bytes];
            var left = Calls;
            var start = Stopwatch.GetTimestamp();
            await Task.WhenAll(Enumerable.Range(0, atOnce).Select(async _ =>
            {
                while (Interlocked.Decrement(ref left) >= 0)
                {
                    var answer = await cluster.Own.Calls.CallAsync(to, TestNode.Echo, body, CancellationToken.None);
                    if (!answer.IsAnswered) throw new InvalidOperationException($"A call was {answer.Outcome}.");
                }
            }));
            var time = Stopwatch.GetElapsedTime(start);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"calls of {bytes} bytes, {atOnce} at once: {Calls / time.TotalSeconds:0} a second"));
        }
    }

    private static void Print(string what, List<double> seconds) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{what}: {seconds.Min():0.000} to {seconds.Max():0.000} s, mean {seconds.Average():0.000} s"));

    /// <summary>A node in this process, and others.</summary>
    private sealed class MeasuredCluster : IAsyncDisposable
    {
        private readonly NodeAuthority _authority = new();
        private ClusterDatabase _database = null!;

        public TestNode Own { get; private set; } = null!;

        public List<NodeProcess> Others { get; } = [];

        /// <summary>Starts nodes. On a machine that is too busy one may be dead before all have joined.</summary>
        public static async Task<MeasuredCluster> StartAsync(int count)
        {
            while (true)
            {
                var cluster = await JoinAsync(count);
                if (cluster.Own.View.Ready.Count == count) return cluster;
                Console.WriteLine("  a node was dead before all had joined");
                await cluster.DisposeAsync();
            }
        }

        public async Task<TimeSpan> UntilAsync(Func<Core.Cluster.ClusterView, bool> holds)
        {
            var start = Stopwatch.GetTimestamp();
            while (!holds(Own.View))
            {
                if (Stopwatch.GetElapsedTime(start) > _longest) throw new TimeoutException();
                await Task.Delay(10);
            }

            return Stopwatch.GetElapsedTime(start);
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var node in Others) await node.DisposeAsync();
            await Own.DisposeAsync();
            _authority.Dispose();
            await _database.DisposeAsync();
        }

        private static async Task<MeasuredCluster> JoinAsync(int count)
        {
            var cluster = new MeasuredCluster { _database = await ClusterDatabase.CreateAsync() };
            cluster.Own = await TestNode.StartAsync(
                cluster._database, TestNode.OptionsOf(cluster._authority, "own"), "own");
            for (var i = 1; i < count; i++)
                cluster.Others.Add(await NodeProcess.StartAsync(cluster._database, cluster._authority, $"node{i}"));

            // So that the first probes have passed.
            await Task.Delay(TimeSpan.FromSeconds(3));
            return cluster;
        }
    }
}
