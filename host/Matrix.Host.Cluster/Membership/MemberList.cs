using System.Collections.Frozen;
using System.Net;
using Matrix.Core.Cluster;
using Orleans.Runtime;

namespace Matrix.Host.Cluster.Membership;

/// <summary>The members of one moment. Immutable.</summary>
internal sealed class MemberList
{
    private readonly FrozenDictionary<NodeIncarnation, NodeSays> _says;

    private MemberList(
        NodeIncarnation? self,
        List<(NodeIncarnation Node, SiloAddress Address, NodeSays Says)> alive,
        FrozenSet<NodeIncarnation> ended)
    {
        _says = alive.ToFrozenDictionary(member => member.Node, member => member.Says);
        Alive = alive.ToFrozenDictionary(member => member.Node, member => member.Address);
        Others = [.. alive.Select(member => member.Node).Where(node => self is null || !node.Equals(self))];
        Ended = ended;
        View = new ClusterView(
            alive.Where(member => member.Says.Readiness == Readiness.Ready).Select(member => member.Node),
            alive.Where(member => member.Says.Readiness != Readiness.Ready).Select(member => member.Node));
    }

    public static MemberList None { get; } = new(null, [], []);

    /// <summary>The nodes that are alive, with their addresses.</summary>
    public FrozenDictionary<NodeIncarnation, SiloAddress> Alive { get; }

    /// <summary>The nodes that are alive, without this one.</summary>
    public IReadOnlyCollection<NodeIncarnation> Others { get; }

    /// <summary>The nodes that were declared dead, or ended in order, as far as the table still has them.</summary>
    public FrozenSet<NodeIncarnation> Ended { get; }

    /// <summary>
    /// Those that say that they are ready, and all others that are alive: they have shards to give, or none yet.
    /// </summary>
    public ClusterView View { get; }

    /// <summary>What a node says of itself.</summary>
    public Readiness ReadinessOf(NodeIncarnation node) => _says.GetValueOrDefault(node).Readiness;

    /// <summary>Where a node takes requests that others forward; null if that is not known.</summary>
    public IPEndPoint? RequestsOf(NodeIncarnation node) => _says.GetValueOrDefault(node).Requests;

    /// <summary>By how many milliseconds a node's clock is ahead of the database's; null if that is not known.
    /// </summary>
    public long? ClockOf(NodeIncarnation node) => _says.GetValueOrDefault(node).Clock;

    public static MemberList Of(
        NodeIncarnation self, ClusterMembershipSnapshot snapshot, Dictionary<SiloAddress, NodeSays> says)
    {
        var alive = new List<(NodeIncarnation, SiloAddress, NodeSays)>();
        var ended = new List<NodeIncarnation>();
        foreach (var (address, member) in snapshot.Members)
        {
            if (SiloNames.TryParse(member.Name) is not { } node) continue;
            switch (member.Status)
            {
                case SiloStatus.Active:
                    alive.Add((node, address, says.GetValueOrDefault(address)));
                    break;
                case SiloStatus.ShuttingDown or SiloStatus.Stopping:
                    alive.Add((node, address, says.GetValueOrDefault(address) with { Readiness = Readiness.Leaving }));
                    break;
                case SiloStatus.Dead:
                    ended.Add(node);
                    break;
            }
        }

        return new MemberList(self, alive, ended.ToFrozenSet());
    }

    /// <summary>Whether the same nodes are alive, and say the same, but for their clocks.</summary>
    public bool IsLike(MemberList other) =>
        _says.Count == other._says.Count
        && _says.All(member => other._says.TryGetValue(member.Key, out var says)
            && says with { Clock = null } == member.Value with { Clock = null });
}
