namespace Matrix.Core.State

open System.Collections.Generic

/// The change of one entry in a step.
[<Sealed>]
type StepChange =
    /// The type of the entry.
    member Type: string
    /// The state key of the entry.
    member StateKey: string
    /// The ordinal of the event before; 0 if there was none.
    member BeforeOrdinal: uint32
    /// The ordinal of the event after; 0 if there is none.
    member AfterOrdinal: uint32
    /// The entry after; null if there is none.
    member After: StateEntry | null

/// A state change as one small row: the difference from the parent step's state. Event ordinals start at 1.
[<Sealed>]
type StateStep =
    /// The changes, each key once.
    member Changes: IReadOnlyList<StepChange>

    /// Whether the state after the step is partial.
    member IsPartial: bool

    /// The step with these changes, each key once. `isPartial` is that of the state after it.
    static member Of: changes: IReadOnlyList<StateChange> * isPartial: bool -> StateStep

    /// The step from one state to another.
    static member Between: before: StateTree * after: StateTree -> StateStep

    /// The state after the step.
    member Apply: before: StateTree -> StateTree

    /// Consecutive steps as one: the difference between the first step's parent and the last step's state, without
    /// changes that were undone. It loads no state. Without steps, it is empty and complete.
    static member Fold: steps: IReadOnlyList<StateStep> -> StateStep

    /// The stored form: about 70 bytes for one changed member.
    member ToBytes: unit -> byte[]

    /// Reads the stored form; throws InvalidDataException if it is damaged.
    static member Parse: bytes: byte[] -> StateStep
