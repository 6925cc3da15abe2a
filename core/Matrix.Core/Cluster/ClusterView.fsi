namespace Matrix.Core.Cluster

/// One start of a node: the name that the operator gave it, and what it drew when it started.
type NodeIncarnation = {
    /// The name, which stays the same when the node starts again.
    Node: string
    /// The number that this start drew.
    Incarnation: int64
}

/// The nodes of a cluster that are alive, as one node knows them. Immutable.
[<Sealed>]
type ClusterView =
    /// The nodes that should have shards, and those that are alive but should have none, such as nodes that leave in
    /// order. A node in both counts as leaving. The order does not matter.
    new: ready: seq<NodeIncarnation> * leaving: seq<NodeIncarnation> -> ClusterView

    /// The nodes that should have shards, by name, each name once. If a view has several incarnations of a name, the
    /// one with the greatest number counts: incarnations are drawn, so this is arbitrary, but the same on all nodes.
    member Ready: System.Collections.Generic.IReadOnlyList<NodeIncarnation>

    /// Whether this incarnation is alive, ready or leaving. Only such a node can give its shards.
    member IsAlive: node: NodeIncarnation -> bool
