using System.Diagnostics;
using Matrix.Core.Cluster;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Shards;

namespace Matrix.Host.Cluster.Shards;

/// <summary>Finds the node that has the shard of an authority, and waits while it moves.</summary>
internal sealed class ShardFinder(
    ClusterNode node, ClusterNodeOptions options, ShardOwners owners, ShardGates gates, ClusterMetrics metrics)
{
    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(5);

    /// <summary>
    /// The node that has it: this one if the shard is open here. Null if nobody had it in time, or its owner is not
    /// alive.
    /// </summary>
    public ValueTask<NodeIncarnation?> FindAsync(Authority authority, CancellationToken stop) =>
        Find(authority) is { } found ? ValueTask.FromResult<NodeIncarnation?>(found) : WaitAsync(authority, stop);

    private NodeIncarnation? Find(Authority authority)
    {
        if (gates.IsOpen(authority)) return node.Self;
        var owner = owners.Of(authority.Shard);
        if (owner == ShardOwner.Nobody) return null;
        var found = new NodeIncarnation(owner.Node, owner.Incarnation);

        // Its own, and closed: it is about to be given, or to be opened.
        return !found.Equals(node.Self) && node.Members.View.IsAlive(found) ? found : null;
    }

    private async ValueTask<NodeIncarnation?> WaitAsync(Authority authority, CancellationToken stop)
    {
        var since = Stopwatch.GetTimestamp();
        try
        {
            while (Stopwatch.GetElapsedTime(since) < options.MoveTime)
            {
                await Task.Delay(_lookAgain, stop);
                if (Find(authority) is { } found) return found;
            }

            return null;
        }
        finally
        {
            metrics.Held("move", since);
        }
    }
}
