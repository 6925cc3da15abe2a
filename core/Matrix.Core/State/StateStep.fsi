namespace Matrix.Core.State

open System.Collections.Generic

/// One entry's change, as a step records it.
[<Sealed>]
type StepChange =
    /// The type that changed.
    member Type: string
    /// The state key that changed.
    member StateKey: string
    /// The number in the room of the event that stood before; 0 if none did.
    member BeforeOrdinal: uint32
    /// The number in the room of the event that stands after; 0 if none does.
    member AfterOrdinal: uint32
    /// The entry that stands after; null if none does.
    member After: StateEntry | null

/// A state change as one small row of a room: what differs from the parent step's state. Event ordinals start at 1.
[<Sealed>]
type StateStep =
    /// What changes, each key once.
    member Changes: IReadOnlyList<StepChange>

    /// Whether the state after the step is partial.
    member IsPartial: bool

    /// The step of known changes (each key once) to a state that is then partial or not.
    static member Of: changes: IReadOnlyList<StateChange> * isPartial: bool -> StateStep

    /// The step from one state to another.
    static member Between: before: StateTree * after: StateTree -> StateStep

    /// The state after the step.
    member Apply: before: StateTree -> StateTree

    /// Steps in a row as one, without what changed and changed back: the difference between the first one's parent and the last
    /// one's state, with no state loaded. Of no steps, an empty and complete one.
    static member Fold: steps: IReadOnlyList<StateStep> -> StateStep

    /// The stored form: about 70 bytes for one changed member.
    member ToBytes: unit -> byte[]

    /// Reads the stored form; throws InvalidDataException if it is damaged.
    static member Parse: bytes: byte[] -> StateStep
