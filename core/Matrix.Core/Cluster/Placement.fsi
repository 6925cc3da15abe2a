namespace Matrix.Core.Cluster

/// How a shard changes hands.
type ShardMoveKind =
    /// The owner is alive, and gives the shard.
    | Give = 0
    /// Nobody has the shard, or a node that is not alive: the new owner takes it, and fences the one before.
    | Take = 1

/// A shard that should change hands.
[<Struct>]
type ShardMove = {
    /// What the owner, or the new owner, does.
    Kind: ShardMoveKind
    /// The number of the shard.
    Shard: int
    /// Who has it; none if nobody does.
    From: NodeIncarnation | null
    /// Who should have it.
    To: NodeIncarnation
}

/// Which node should have each shard: a function of the names of the ready nodes in a view. Nodes with the same view
/// agree without asking one another, and a node that starts again gets the shards that it had. It is rendezvous hashing
/// with bounded load:
///
/// 1. The weight of a node for shard s is the number at index s, from 0, of SplitMix64's sequence. The seed is FNV-1a
///    of a zero octet and the node's name, as for `Shards`. A shard prefers nodes with greater weights. Between equal
///    weights, it prefers the name that comes first in ordinal order.
/// 2. Each shard applies to the node that it prefers most. A node admits the shards for which its weight is greatest,
///    and of equal ones those with lower numbers, until it has as many as the bound.
/// 3. The shards that were refused apply to their next node, and so on. No node gives up a shard that it admitted.
///
/// A shard is refused only by a node that is full. All nodes together have room for more than all shards, so each shard
/// is admitted by one of them.
///
/// When a node joins or leaves, a shard that has its first choice before and after it moves only to or from that node.
/// Only shards that were refused, before or after, move otherwise. No function of the view alone can avoid such moves
/// and keep a bound, as decision record 162 shows.
///
/// The placement is the same in every version. Otherwise nodes of two versions would move shards to and fro.
[<Sealed>]
type Placement =
    /// The most shards of a node, if there are so many nodes: a sixteenth more than the mean, rounded up; 0 if there is
    /// no node. Without a bound, one of 16 nodes has a third more than the mean. A lower bound moves more shards that
    /// need not move, and shards differ by more than a sixteenth in what they cost.
    static member Bound: nodes: int -> int

    /// The placement in a view.
    static member Of: view: ClusterView -> Placement

    /// The node that should have a shard; none if no node is ready, or if there is no such shard.
    member Owner: shard: int -> NodeIncarnation | null

    /// What should change. `owners` says who has each shard, by its number; none is nobody, and so is an owner beyond
    /// the end of the list. Takes come before gives, and each of them by number. There is nothing to do if each shard
    /// has the owner that it should have, or if no node is ready.
    member Moves: owners: System.Collections.Generic.IReadOnlyList<NodeIncarnation | null> -> ShardMove[]
