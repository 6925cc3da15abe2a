using System.Formats.Cbor;
using Matrix.Core.Cluster;

namespace Matrix.Host.Storage.Ownership.Told;

/// <summary>
/// Memory of which each node has a part, and shows that of all, such as typing users. Items have keys; what an item
/// says is for its owner alone to decide. Called on any thread, one call at a time of the last three.
/// </summary>
public interface IToldItems
{
    /// <summary>In what it is told.</summary>
    NodeTellKind Kind { get; }

    /// <summary>The items of this node that are worth telling: a bounded number.</summary>
    IReadOnlyCollection<string> Own();

    /// <summary>Writes what an item of this node says now: one value. False if it is not this node's.</summary>
    bool TryWrite(string key, CborWriter value);

    /// <summary>Takes what an item of another node says. Of the items of this node nothing is taken.</summary>
    /// <exception cref="CborContentException">It is malformed, as for <see cref="InvalidOperationException"/> and
    /// <see cref="OverflowException"/>.</exception>
    void Take(NodeIncarnation from, string key, CborReader value);

    /// <summary>Another node has told all that it has: other items that it told before are gone.</summary>
    void Keep(NodeIncarnation from, Predicate<string> isKept);

    /// <summary>Another node is not alive any more.</summary>
    void Drop(NodeIncarnation from);
}
