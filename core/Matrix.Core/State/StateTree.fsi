namespace Matrix.Core.State

open System
open System.Collections.Generic

/// What `StateTree.Diff` found, and what it cost.
[<Sealed>]
type StateDiff =
    /// The differences, in the tree's own order.
    member Changes: StateChange[]
    /// How many nodes were looked at: it follows the difference, not the size of the states.
    member NodesVisited: int

/// A room's state at one point: an immutable map from (type, state key) to an event, with structural sharing.
/// Equal content has an equal root on every server, whatever the order of insertion.
/// Texts must be well-formed Unicode, as the JSON reader leaves them.
[<Sealed>]
type StateTree =
    /// The state without entries, complete.
    static member Empty: StateTree

    /// A tree of many entries at once. Of entries with the same key, the last stands.
    static member OfEntries: entries: IReadOnlyList<StateEntry> * isPartial: bool -> StateTree

    /// How many entries there are.
    member Count: int

    /// Whether entries are known to be missing (a join with partial state).
    member IsPartial: bool

    /// The same entries, marked as partial or as complete.
    member MarkedPartial: isPartial: bool -> StateTree

    /// 32 bytes that stand for the content. The root of a partial tree differs from that of a full one with the same entries.
    member Root: ReadOnlyMemory<byte>

    /// Whether both are complete and hold the same entries. Never true of a partial tree, not even of one and itself:
    /// nothing may be cut short on what is incomplete.
    static member AreSame: a: StateTree * b: StateTree -> bool

    /// The entry of a key; null if there is none.
    member Find: eventType: string * stateKey: string -> StateEntry | null

    /// All entries, in the tree's own order.
    member Entries: unit -> StateEntry[]

    /// All entries of a type, in the tree's own order. Costs what that type has, not what the room has.
    member OfType: eventType: string -> StateEntry[]

    /// All entries but those of a type, in the tree's own order: what there is of a big room beside its members. Looks at all of
    /// them, but keeps none of that type.
    member Beside: eventType: string -> StateEntry[]

    /// The tree in which an entry stands for its key.
    member Set: entry: StateEntry -> StateTree

    /// The tree without an entry for the key.
    member Remove: eventType: string * stateKey: string -> StateTree

    /// The tree after changes, in their order. What a change says was there before is not looked at.
    member Apply: changes: IReadOnlyList<StateChange> -> StateTree

    /// The changes that lead from one state to the other. Subtrees that both share, or whose hashes are known and equal, are passed over.
    static member Diff: before: StateTree * after: StateTree -> StateDiff

    /// Bytes of memory that the tree occupies, estimated, counting what it shares with others.
    member MemoryBytes: int

    /// Bytes of memory that this tree has and another does not share, estimated.
    member MemoryBytesBeside: other: StateTree -> int

    member internal Top: Branch | null
    internal new: top: Branch | null * isPartial: bool -> StateTree
