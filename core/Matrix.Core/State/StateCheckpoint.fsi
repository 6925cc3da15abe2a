namespace Matrix.Core.State

open System.Collections.Generic

/// The stored form of a checkpoint, without its nodes. A room's nodes are numbered from 1 in the order in which they
/// are stored.
[<Sealed>]
type CheckpointHeader =
    /// The number of the tree's top node; 0 if the state is empty.
    member RootNode: int

    /// The number of the first new node of this checkpoint: the key of its pack.
    member FirstNode: int

    /// The least node number needed to load the checkpoint: its packs are those with keys from here to `RootNode`.
    member BaseNode: int

    /// Whether its own pack has all nodes. Compaction may delete every checkpoint that is older than the newest
    /// `BaseNode` and not whole, with its pack. All states can still be loaded, through more steps.
    member IsWhole: bool

    /// The number of entries of the state.
    member Count: int

    /// Whether the state is partial.
    member IsPartial: bool

    /// The stored form.
    member ToBytes: unit -> byte[]

    /// Reads the stored form; throws InvalidDataException if it is damaged.
    static member Parse: bytes: byte[] -> CheckpointHeader

/// A state stored so that it loads without its history: the nodes that no earlier checkpoint of the room has.
[<Sealed>]
type StateCheckpoint =
    /// The most steps between a checkpoint and a state loaded from it.
    static member MaxSteps: int

    /// Whether a step should have a checkpoint of the state after it. `stepsSince` counts from the checkpoint (or the
    /// empty state) that it builds on; `branchesMeet` says whether branches of the room meet there.
    static member IsDue: stepsSince: int * branchesMeet: bool -> bool

    /// Takes a checkpoint. `newest` is the header of the room's latest one; null if there is none.
    static member Take: tree: StateTree * newest: CheckpointHeader | null -> StateCheckpoint

    /// The header, a row of its own.
    member Header: CheckpointHeader

    /// The new nodes, a row with the key `Header.FirstNode`; empty, without a row, if there are none.
    member Pack: byte[]

    /// The same state with numbered nodes. Use it from now on, so that the next checkpoint stores new nodes only. If
    /// the rows do not become durable, drop it and everything made from it.
    member Tree: StateTree

    /// Loads the state from the packs with keys from `BaseNode` to `RootNode`, in order. Nodes equal to those of
    /// `like`, a durable state of the same room, are shared. Throws InvalidDataException if something is missing or
    /// damaged.
    static member Load: header: CheckpointHeader * packs: IReadOnlyList<byte[]> * like: StateTree | null -> StateTree
