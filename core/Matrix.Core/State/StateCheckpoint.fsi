namespace Matrix.Core.State

open System.Collections.Generic

/// What is stored of a checkpoint beside its nodes. A room's nodes are numbered from 1 in the order in which they were stored.
[<Sealed>]
type CheckpointHeader =
    /// The number of the tree's top node; 0 if the state is empty.
    member RootNode: int

    /// The number of the first node that this checkpoint brought, or would have brought: the key of its pack.
    member FirstNode: int

    /// No node below this number is needed to load the checkpoint: its packs are those with keys from here to `RootNode`.
    member BaseNode: int

    /// Whether the checkpoint's own pack holds everything that it needs. Compaction may drop, of all that is older than the
    /// newest `BaseNode`, every checkpoint that is not whole, with its pack: what remains still loads, through more steps.
    member IsWhole: bool

    /// How many entries the state has.
    member Count: int

    /// Whether the state is partial.
    member IsPartial: bool

    /// The stored form.
    member ToBytes: unit -> byte[]

    /// Reads the stored form; throws InvalidDataException if it is damaged.
    static member Parse: bytes: byte[] -> CheckpointHeader

/// A state made loadable without its history: the nodes that no earlier checkpoint of the room stored.
[<Sealed>]
type StateCheckpoint =
    /// At most this many steps stand between a state and the checkpoint from which it is loaded.
    static member MaxSteps: int

    /// Whether a step should come with a checkpoint of the state after it: its place is `stepsSince` steps after a checkpoint
    /// (or after the empty state), and it is, or is not, where branches of the room meet.
    static member IsDue: stepsSince: int * branchesMeet: bool -> bool

    /// Takes a checkpoint. `newest` is the header of the room's most recently taken one; null before the first.
    static member Take: tree: StateTree * newest: CheckpointHeader | null -> StateCheckpoint

    /// The header, a row of its own.
    member Header: CheckpointHeader

    /// The new nodes, a row with the key `Header.FirstNode`; empty if there are none, and then there is no row.
    member Pack: byte[]

    /// The same state, whose nodes now know their numbers: go on from this one, so that the next checkpoint stores new nodes only.
    /// If the rows did not become durable, forget it and whatever was made from it.
    member Tree: StateTree

    /// Loads the state from the packs whose keys go from `BaseNode` to `RootNode`, in order. Nodes that `like`, a state of the
    /// same room that is durable, has at the same place are shared with it. Throws InvalidDataException if something is missing or damaged.
    static member Load: header: CheckpointHeader * packs: IReadOnlyList<byte[]> * like: StateTree | null -> StateTree
