using Matrix.Core.Cluster;
using Matrix.Host.Api.Admin.Server;
using Matrix.Host.Cluster;
using Matrix.Host.Cluster.Flushes;
using Matrix.Host.Cluster.Joining;
using Matrix.Host.Cluster.Membership;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Shards;

namespace Matrix.Host.Adapters;

/// <summary>The nodes of the cluster, for operators.</summary>
internal sealed class ClusterControl(
    ClusterNode node, ShardOwners owners, AppliedPositions positions, OtherTerms terms, IStorageWriter writer)
    : IClusterControl
{
    public IReadOnlyList<NodeState> Nodes =>
    [
        .. node.Members.Alive.OrderBy(static one => one.Node, StringComparer.Ordinal).Select(one =>
        {
            var position = one.Equals(node.Self) ? positions.Position : positions.Of(one);
            return new NodeState(
                one.Node,
                one.Equals(node.Self),
                WordOf(node.Members.ReadinessOf(one)),
                ShardGates.All.Count(shard => Has(one, owners.Of(shard))),
                position,
                position is { } at ? Math.Max(0, positions.Position - at) : null,
                terms.Of(one)?.Version,
                node.Members.ClockOf(one),
                terms.DifferingOf(one));
        }),
    ];

    public int ShardsWithoutNode => ShardGates.All.Count(
        shard => !node.Members.Alive.Any(one => Has(one, owners.Of(shard))));

    public Task DrainAsync(CancellationToken stop) => node.Members.SayAsync(Readiness.Leaving, stop);

    public async Task<bool> RemoveAsync(string name, CancellationToken stop)
    {
        var found = node.Members.Others.FirstOrDefault(one => one.Node == name);
        if (found is null) return false;
        var fenced = new NodeFenced(new ShardOwner(found.Node, found.Incarnation));
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(fenced), stop);
        return true;
    }

    private static bool Has(NodeIncarnation node, ShardOwner owner) =>
        owner.Node == node.Node && owner.Incarnation == node.Incarnation;

    private static string WordOf(Readiness readiness) => readiness switch
    {
        Readiness.Ready => "ready",
        Readiness.Leaving => "leaving",
        Readiness.ClockApart => "clock differs",
        _ => "starting",
    };
}
