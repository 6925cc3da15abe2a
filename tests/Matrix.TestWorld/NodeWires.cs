using Matrix.Core.Cluster;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Ownership.Told;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.TestWorld;

/// <summary>Nodes in one process, which tell each other what is in their memory. A tell arrives before it returns.
/// </summary>
public sealed class NodeWires
{
    private readonly List<WiredNode> _nodes = [];

    /// <summary>The bytes of each tell that arrived, in order.</summary>
    public List<(NodeTellKind Kind, ReadOnlyMemory<byte> Body)> Arrived { get; } = [];

    /// <summary>Whether tells are lost.</summary>
    public bool IsCut { get; set; }

    internal IReadOnlyList<WiredNode> Nodes => _nodes;

    /// <summary>A node that is alive, which all others know.</summary>
    public WiredNode Starts(string name, TimeProvider time)
    {
        var node = new WiredNode(this, new NodeIncarnation(name, _nodes.Count + 1), time);
        _nodes.Add(node);
        Tell();
        return node;
    }

    /// <summary>A node dies, which all others know.</summary>
    public void Dies(WiredNode node)
    {
        _nodes.Remove(node);
        Tell();
    }

    private void Tell()
    {
        foreach (var node in _nodes.ToArray()) node.OnChanged();
    }
}

/// <summary>One of the nodes.</summary>
public sealed class WiredNode : INodeTells
{
    private readonly NodeWires _wires;

    internal WiredNode(NodeWires wires, NodeIncarnation self, TimeProvider time)
    {
        (_wires, Self) = (wires, self);
        Memories = new ToldMemories(this, time, NullLogger<ToldMemories>.Instance);
        Handlers.Add(Memories);
    }

    /// <inheritdoc/>
    public event Action? Changed;

    /// <summary>Which it is.</summary>
    public NodeIncarnation Self { get; }

    /// <summary>What it shares.</summary>
    public ToldMemories Memories { get; }

    /// <summary>What takes what it is told.</summary>
    public IList<INodeTellHandler> Handlers { get; } = [];

    /// <inheritdoc/>
    public IReadOnlyCollection<NodeIncarnation> Others =>
        [.. _wires.Nodes.Where(node => node != this).Select(static node => node.Self)];

    /// <inheritdoc/>
    public void TellAll(NodeTellKind kind, ReadOnlyMemory<byte> body)
    {
        foreach (var node in Others) Tell(node, kind, body);
    }

    /// <inheritdoc/>
    public void Tell(NodeIncarnation to, NodeTellKind kind, ReadOnlyMemory<byte> body)
    {
        if (_wires.IsCut || !_wires.Nodes.Contains(this)) return;
        if (_wires.Nodes.FirstOrDefault(node => node.Self.Equals(to)) is not { } other) return;
        _wires.Arrived.Add((kind, body));
        other.OnTold(new NodeIncarnation(Self.Node, Self.Incarnation), kind, body);
    }

    /// <summary>It is told something.</summary>
    public void OnTold(NodeIncarnation from, NodeTellKind kind, ReadOnlyMemory<byte> body)
    {
        foreach (var handler in Handlers.Where(handler => handler.Kind == kind)) handler.OnTold(from, body);
    }

    internal void OnChanged() => Changed?.Invoke();
}
