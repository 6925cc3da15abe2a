using System.Diagnostics;
using System.Globalization;
using Matrix.Processes;

namespace Matrix.ClusterNodes.Flushes;

/// <summary>A flush of a node that stands at a moment, between the node and the database.</summary>
internal sealed class HeldFlush(Cluster cluster, Node node)
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(20);

    /// <summary>A flush that is refused executes nothing more: others wrote, and it is sent again.</summary>
    private static readonly TimeSpan _longestExecution = TimeSpan.FromSeconds(0.5);

    /// <summary>Holds the next flush that comes so far. The database has executed what was sent of it.</summary>
    public static async Task<HeldFlush> TakeAsync(Cluster cluster, Node node, FlushMoment moment)
    {
        var flush = new HeldFlush(cluster, node);
        var hold = node.Wires.Flushes;
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < _patience; hold.Open())
        {
            await hold.HoldNextAsync(moment, _patience);
            if (!await IsSoonAsync(flush.HasFence)) continue;
            if (moment != FlushMoment.Committed) return flush;
            var last = flush.LastFlush();
            hold.HoldReplies();
            if (await IsSoonAsync(() => flush.LastFlush() > last)) return flush;
        }

        throw new LostException($"No flush of {node.Name} could be held.");
    }

    /// <summary>Sends what is held, and returns when the database or the node has it, or nobody takes it.</summary>
    public Task LetGoAsync()
    {
        node.Wires.Flushes.Open();
        return cluster.UntilAsync(() => Task.FromResult(!node.Wires.HoldsBytes), "what was held was not sent");
    }

    /// <summary>Whether a session of the node has executed the statement that proves that it may write.</summary>
    private bool HasFence() => cluster.Sql($"""
        SELECT count(*) FROM pg_locks WHERE relation = 'nodes'::regclass AND mode = 'RowExclusiveLock'
            AND pid IN (SELECT pid FROM pg_stat_activity
                WHERE client_port IN ({string.Join(',', node.Wires.DatabasePorts.DefaultIfEmpty(0))}))
        """) != "0";

    private long LastFlush() => long.Parse(
        cluster.Sql($"SELECT last_flush FROM nodes WHERE node = '{node.Name}'"), CultureInfo.InvariantCulture);

    private static async Task<bool> IsSoonAsync(Func<bool> holds)
    {
        for (var watch = Stopwatch.StartNew(); !holds(); await Task.Delay(_lookAgain))
        {
            if (watch.Elapsed > _longestExecution) return false;
        }

        return true;
    }
}
