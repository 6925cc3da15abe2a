using System.Diagnostics;
using Matrix.ClusterFaults.Faults;
using Matrix.ClusterFaults.Load;
using Matrix.ClusterNodes;
using Matrix.Processes;

namespace Matrix.ClusterFaults.Tests;

/// <summary>Rounds of load with faults that are drawn, until the time is over.</summary>
internal sealed class LongRun(Cluster cluster, RoomLoad load, int seed)
{
    private const int MostFaults = 4;

    /// <summary>The longest time that a node has between two faults.</summary>
    private static readonly TimeSpan _longestBetween = TimeSpan.FromSeconds(8);

    private readonly Random _random = new(seed);

    public async Task RunAsync(Suite suite, TimeSpan time)
    {
        var (happened, acknowledged, writing) = (0, 0, TimeSpan.Zero);
        var watch = Stopwatch.StartNew();
        for (var round = 1; watch.Elapsed < time; round++)
        {
            var faults = Enumerable.Range(0, _random.Next(1, MostFaults + 1))
                .Select(_ => Fault.Draw(cluster, _random)).ToList();
            var between = faults.Select(_ => _random.NextDouble() * _longestBetween).ToList();
            var names = string.Join("; ", faults.Select(static fault => fault.Name));
            await suite.TestAsync($"round {round}, {names}", async () =>
            {
                await cluster.WholeAsync();
                Console.WriteLine("        " + await load.RoundAsync(async () =>
                {
                    var begin = Stopwatch.GetTimestamp();
                    foreach (var (fault, pause) in faults.Zip(between))
                    {
                        await Task.Delay(pause);
                        await fault.RunAsync();
                        happened++;
                    }

                    await Task.Delay(_longestBetween / 2);
                    writing += Stopwatch.GetElapsedTime(begin);
                    acknowledged += load.Acknowledged.Count;
                }));
            });
        }

        Console.WriteLine(
            $"{happened} faults, {acknowledged} acknowledged writes, {acknowledged / writing.TotalSeconds:0} a second");
    }
}
