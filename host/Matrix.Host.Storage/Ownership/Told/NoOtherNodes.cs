using Matrix.Core.Cluster;

namespace Matrix.Host.Storage.Ownership.Told;

/// <summary>The other nodes of a server that is alone: there are none, and nothing is told.</summary>
public sealed class NoOtherNodes : INodeTells
{
    private NoOtherNodes()
    {
    }

    /// <summary>The only one.</summary>
    public static NoOtherNodes Instance { get; } = new();

    /// <inheritdoc/>
    public event Action? Changed
    {
        add
        {
            // There never are others.
        }

        remove
        {
        }
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<NodeIncarnation> Others => [];

    /// <inheritdoc/>
    public void TellAll(NodeTellKind kind, ReadOnlyMemory<byte> body)
    {
    }

    /// <inheritdoc/>
    public void Tell(NodeIncarnation to, NodeTellKind kind, ReadOnlyMemory<byte> body)
    {
    }
}
