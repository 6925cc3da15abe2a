using Matrix.Core.Cluster;
using Matrix.Host.Cluster.Calls;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Cluster.Shards;

/// <summary>Tells other nodes, with this node's name before what is told.</summary>
public sealed class NodeTells(ClusterNode node) : INodeTells
{
    /// <inheritdoc/>
    public event Action? Changed
    {
        add => node.Members.Changed += value;
        remove => node.Members.Changed -= value;
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<NodeIncarnation> Others => node.Members.Others;

    /// <inheritdoc/>
    public void TellAll(NodeTellKind kind, ReadOnlyMemory<byte> body)
    {
        var framed = NodeFrame.Of(node.Self, body);
        foreach (var other in Others) node.Calls.Tell(other, (int)kind, framed);
    }

    /// <inheritdoc/>
    public void Tell(NodeIncarnation to, NodeTellKind kind, ReadOnlyMemory<byte> body) =>
        node.Calls.Tell(to, (int)kind, NodeFrame.Of(node.Self, body));
}

/// <summary>Hands on what other nodes tell, with the name of the node.</summary>
internal sealed class ToldFrom(INodeTellHandler handler) : ITellHandler
{
    public int Kind => (int)handler.Kind;

    public void OnTold(ReadOnlyMemory<byte> body)
    {
        if (NodeFrame.TryRead(body, out var from, out var told)) handler.OnTold(from, told);
    }
}
