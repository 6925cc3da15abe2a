namespace Matrix.Core.Sync

open Matrix.Core.Json
open Matrix.Core.State

/// The state events that a client of sliding sync wants of a room: a union of requests. Immutable. MSC4186,
/// "RequiredStateRequest".
[<Sealed>]
type RequiredState =

    /// No state events.
    static member Nothing: RequiredState

    /// The events that at least one of the two asks for.
    static member Union: first: RequiredState * second: RequiredState -> RequiredState

    /// Whether the members whom the timeline names are sent.
    member LazyMembers: bool

    /// Whether an event is asked for, apart from lazily loaded members.
    member Admits: eventType: string * stateKey: string -> bool

    /// The entries of a state that are asked for, apart from lazily loaded members.
    member Select: state: StateTree -> StateEntry[]

    /// The requests as JSON; equal for equal requests.
    member Text: string

    /// Reads the JSON of `Text`. Anything else asks for nothing.
    static member OfText: text: string -> RequiredState

    /// Reads the object of MSC4186.
    static member internal ReadObject: value: Json * path: string * faults: FilterFaults -> RequiredState

    /// Reads pairs of a type and a state key, as in MSC3575. `$ME` is `self`.
    static member internal ReadPairs: value: Json * path: string * self: string * faults: FilterFaults -> RequiredState
