using System.Diagnostics;
using Matrix.ClusterFaults.Load;
using Matrix.ClusterNodes;
using Matrix.Processes;

namespace Matrix.ClusterFaults.Tests;

/// <summary>The database fails over, on a cluster of its own.</summary>
internal static class Promotion
{
    public const string Sentence = "the database's standby is promoted: nothing acknowledged is lost";

    private static readonly TimeSpan _before = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(5);

    /// <summary>The primary crashes in the middle of load.</summary>
    public static async Task RunAsync(DatabasePair database, RoomLoad load)
    {
        var took = TimeSpan.Zero;
        Say(await load.RoundAsync(async () =>
        {
            await Task.Delay(_before);
            var acknowledged = load.Acknowledged.Count;
            var crashed = Stopwatch.GetTimestamp();
            database.Crash();
            await Task.Run(database.Promote);
            var promotion = Stopwatch.GetElapsedTime(crashed);
            took = await load.UntilWrittenAsync(load.RoomIds);
            Say($"{acknowledged} writes before the crash, {promotion.TotalSeconds:0.0} s until the standby was "
                + $"promoted, {took.TotalSeconds:0.0} s more until all {load.RoomIds.Count} rooms took messages");
            await Task.Delay(_before);
        }));
        if (took > _longest) throw new LostException($"rooms took no messages for {took.TotalSeconds:0.0} s");
    }

    private static void Say(string line) => Console.WriteLine("        " + line);
}
