namespace Matrix.Core.StateRes

open Matrix.Core.Auth

/// An event as state resolution reads it.
[<Sealed>]
type SourcedEvent(event: AuthEvent, rejected: bool, height: int) =

    /// The event, with the parts that authorization reads.
    member _.Event = event

    /// Whether it was rejected.
    member _.Rejected = rejected

    /// One more than the greatest height among its auth events, 0 without any. The server computes it when it accepts
    /// the event, since the event's own `depth` is only a claim. It orders every walk through auth events.
    member _.Height = height

/// A source of events. It is called often, for few events at a time: a cache pays off.
type IEventSource =
    /// The event with this id; null if it is not known.
    abstract Find: eventId: string -> SourcedEvent | null

    /// The known state events that name an event in `auth_events`, the newest first. This index lets a resolution
    /// recognise a shared history without walking through it. Rejected events are included if a state may have them, as
    /// states taken on trust may.
    abstract Citing: eventId: string -> seq<string>

/// The entries of one of the states.
type IStateLookup =
    /// The id of the event of a type and state key; null if there is none.
    abstract Find: eventType: string * stateKey: string -> string | null

/// A key at which the states differ.
[<Struct>]
type ConflictedEntry = {
    Type: string
    StateKey: string
    /// For each state, the event id; null where the state has none.
    Events: (string | null)[]
}

/// The states to resolve: their differences, and one of the states for the entries that they share.
type StatesToResolve = {
    /// The number of states: from 1 to `ResolutionLimits.states`.
    Count: int
    /// Every key at which any two of the states differ.
    Conflicted: ConflictedEntry[]
    /// Any one of the states. It is read only at keys at which all states agree.
    Shared: IStateLookup
}

/// Bounds of one resolution.
[<Struct>]
type ResolutionLimits = {
    /// The most events that may be visited.
    Events: int
} with

    /// The default: a hundred times what a large conflict visits.
    static member Usual = { Events = 200_000 }

/// Fixed bounds.
[<RequireQualifiedAccess>]
module ResolutionLimits =

    /// The most states that are resolved together.
    [<Literal>]
    let states = 1_000

/// Why states could not be resolved.
[<RequireQualifiedAccess>]
type ResolutionError =
    /// An event of one of the states is not known.
    | EventMissing of eventId: string
    /// An auth event of a known event is not known.
    | AuthEventMissing of citing: string * missing: string
    /// An event of a state, or an auth event, is no state event.
    | NotState of eventId: string
    /// The heights of an event's auth events are not below its own: there is a cycle, or heights are wrong.
    | OutOfOrder of citing: string * cited: string
    /// The walk would visit more events than allowed.
    | TooManyEvents of limit: int
    /// More states than fit, or none.
    | StateCount of count: int

/// An entry of the resolved state.
[<Struct>]
type ResolvedEntry = {
    Type: string
    StateKey: string
    EventId: string
}

/// The result of version 1 of the algorithm for the conflict at one key.
type SettledConflict = {
    Type: string
    StateKey: string
    /// The events in the order in which they were tried.
    Order: string[]
    /// The resolved event.
    Chosen: string
}

/// The results of the steps of one resolution, by event id, for explanations and tests. Each version of the algorithm
/// fills in its own steps.
type ResolutionSteps = {
    /// Versions 2 and 2.1.
    AuthDifference: string[]
    /// Version 2.1.
    Subgraph: string[]
    /// Versions 2 and 2.1: the power events of the full conflicted set and those of its events that are in their auth
    /// chains, in reverse topological power order.
    PowerOrder: string[]
    /// Versions 2 and 2.1: the rest of the full conflicted set, in mainline order.
    MainlineOrder: string[]
    /// Versions 2 and 2.1: the events of both orders that passed the check.
    Applied: string[]
    /// Version 1: each key in conflict, in the order in which they were resolved.
    Settled: SettledConflict[]
    /// The events that did not pass the check, and why.
    Refused: struct (string * Matrix.Rules.Failure)[]
    /// The number of events visited.
    Visited: int
}

/// The outcome of a resolution.
type Resolution = {
    /// The entries at keys where the states disagree. With the entries that the states share, they are the resolved
    /// state.
    Entries: ResolvedEntry[]
    Steps: ResolutionSteps
}

/// Outcomes without a conflict.
[<RequireQualifiedAccess>]
module Resolution =

    /// Steps without results.
    let internal noSteps = {
        AuthDifference = [||]
        Subgraph = [||]
        PowerOrder = [||]
        MainlineOrder = [||]
        Applied = [||]
        Settled = [||]
        Refused = [||]
        Visited = 0
    }

    /// The outcome if all states agree.
    let nothing = { Entries = [||]; Steps = noSteps }
