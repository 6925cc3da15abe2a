namespace Matrix.Core.State

open System
open System.Collections.Generic

/// The difference of two states.
[<Sealed>]
type StateDiff =
    /// The differences, in the tree's own order.
    member Changes: StateChange[]
    /// The number of nodes visited: it grows with the difference, not with the states.
    member NodesVisited: int

/// A room's state at one point: an immutable map from (type, state key) to an event, with structural sharing. Equal
/// content has an equal root on every server, whatever the order of insertion. Strings must be well-formed Unicode, as
/// the JSON reader returns them.
[<Sealed>]
type StateTree =
    /// The empty state, complete.
    static member Empty: StateTree

    /// A tree of many entries. For a key given twice, the last entry wins.
    static member OfEntries: entries: IReadOnlyList<StateEntry> * isPartial: bool -> StateTree

    /// The number of entries.
    member Count: int

    /// Whether entries are known to be missing (a join with partial state).
    member IsPartial: bool

    /// The same entries, marked as partial or as complete.
    member MarkedPartial: isPartial: bool -> StateTree

    /// A hash of the content, of 32 bytes. The root of a partial tree differs from that of a full one with the same
    /// entries.
    member Root: ReadOnlyMemory<byte>

    /// Whether both are complete and have the same entries. It is never true for a partial tree, not even compared with
    /// itself: a partial state must not short-cut anything.
    static member AreSame: a: StateTree * b: StateTree -> bool

    /// The entry of a key; null if there is none.
    member Find: eventType: string * stateKey: string -> StateEntry | null

    /// All entries, in the tree's own order.
    member Entries: unit -> StateEntry[]

    /// All entries of a type, in the tree's own order. The cost follows the entries of that type.
    member OfType: eventType: string -> StateEntry[]

    /// All entries except those of a type, in the tree's own order. Visits every entry.
    member Beside: eventType: string -> StateEntry[]

    /// The tree with an entry set.
    member Set: entry: StateEntry -> StateTree

    /// The tree without an entry for the key.
    member Remove: eventType: string * stateKey: string -> StateTree

    /// The tree after changes, in their order. The `Before` of a change is not checked.
    member Apply: changes: IReadOnlyList<StateChange> -> StateTree

    /// The changes from one state to the other. Subtrees that both share, or whose hashes are known and equal, are
    /// skipped.
    static member Diff: before: StateTree * after: StateTree -> StateDiff

    /// Estimated bytes of memory, including what it shares with other trees.
    member MemoryBytes: int

    /// Estimated bytes of memory that it does not share with another tree.
    member MemoryBytesBeside: other: StateTree -> int

    member internal Top: Branch | null
    internal new: top: Branch | null * isPartial: bool -> StateTree
