using Matrix.Core.Cluster;

namespace Matrix.Host.Storage.Ownership;

/// <summary>Tells the other nodes what is in memory only, such as who is typing.</summary>
public interface INodeTells
{
    /// <summary>The other nodes that are alive. Raised on any thread.</summary>
    event Action? Changed;

    /// <summary>The other nodes that are alive.</summary>
    IReadOnlyCollection<NodeIncarnation> Others { get; }

    /// <summary>Tells all others. It may arrive late, out of order or not at all, so it is repeated.</summary>
    void TellAll(NodeTellKind kind, ReadOnlyMemory<byte> body);

    /// <summary>Tells one of them.</summary>
    void Tell(NodeIncarnation to, NodeTellKind kind, ReadOnlyMemory<byte> body);
}

/// <summary>Takes what other nodes tell in one kind.</summary>
public interface INodeTellHandler
{
    /// <summary>The kind.</summary>
    NodeTellKind Kind { get; }

    /// <summary>Takes it. All that is told waits for it, so it is quick.</summary>
    void OnTold(NodeIncarnation from, ReadOnlyMemory<byte> body);
}

/// <summary>
/// The kinds of what nodes tell each other. Nodes of two versions serve together: numbers keep their meaning.
/// </summary>
public enum NodeTellKind
{
    /// <summary>The position that a node's consumers have reached, and perhaps a flush of the node.</summary>
    Applied = 1,

    /// <summary>Who is typing in the rooms of a node.</summary>
    Typing = 2,

    /// <summary>Presence of the users and servers of a node.</summary>
    Presence = 3,

    /// <summary>A node that is new asks for all that is told.</summary>
    TellMe = 4,

    /// <summary>Devices that sync at a node which does not have their user's shard.</summary>
    Syncing = 5,

    /// <summary>Requests that were counted.</summary>
    Rates = 6,
}
