namespace Matrix.Core.StateRes

open Matrix.Core.Auth

/// An event as state resolution sees it.
[<Sealed>]
type SourcedEvent(event: AuthEvent, rejected: bool, height: int) =

    /// The event, with what authorization reads of it.
    member _.Event = event

    /// Whether it was rejected.
    member _.Rejected = rejected

    /// One more than the greatest height among its auth events, 0 without any. The server computes it when it accepts the
    /// event, whose own `depth` is only a claim. It orders every walk through auth events.
    member _.Height = height

/// Where events come from. Called often and for few events: a cache behind it pays.
type IEventSource =
    /// The event of that identifier; null if it is not known.
    abstract Find: eventId: string -> SourcedEvent | null

    /// The known state events that cite an event among their auth events, the newest first: the index by which a shared past is
    /// recognised without walking through it. Rejected ones too, if they can be in a state, as they can in one that was taken on trust.
    abstract Citing: eventId: string -> seq<string>

/// The entries of one of the states.
type IStateLookup =
    /// The identifier of the event of a type and state key; null if there is none.
    abstract Find: eventType: string * stateKey: string -> string | null

/// A key at which the states differ.
[<Struct>]
type ConflictedEntry = {
    Type: string
    StateKey: string
    /// Per state, the identifier of the event; null where the state has none.
    Events: (string | null)[]
}

/// States to resolve: their differences, and any one of them to look up what they agree on.
type StatesToResolve = {
    /// How many states there are: from 1 to 64.
    Count: int
    /// Every key at which any two of the states differ.
    Conflicted: ConflictedEntry[]
    /// Any one of the states. Asked only about keys at which they agree.
    Shared: IStateLookup
}

/// Bounds of one resolution.
[<Struct>]
type ResolutionLimits = {
    /// How many events may be looked at.
    Events: int
}

/// Named defaults of the bounds.
[<RequireQualifiedAccess>]
module ResolutionLimits =

    /// A hundred times what a large conflict looks at.
    let usual = { Events = 200_000 }

/// Why states could not be resolved.
[<RequireQualifiedAccess>]
type ResolutionError =
    /// An event of one of the states is not known.
    | EventMissing of eventId: string
    /// An auth event of a known event is not known.
    | AuthEventMissing of citing: string * missing: string
    /// An event of a state, or an auth event, is no state event.
    | NotState of eventId: string
    /// The auth events of an event do not lie below it: a cycle, or heights that are wrong.
    | OutOfOrder of citing: string * cited: string
    /// The walk would look at more events than it may.
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

/// What version 1 of the algorithm made of the conflict at one key.
type SettledConflict = {
    Type: string
    StateKey: string
    /// The events in the order in which they were tried.
    Order: string[]
    /// The one that stands.
    Chosen: string
}

/// What the steps of one resolution found, by event id: for explanations, and for tests. Each version of the algorithm fills in its own steps.
type ResolutionSteps = {
    /// Versions 2 and 2.1.
    AuthDifference: string[]
    /// Version 2.1.
    Subgraph: string[]
    /// Versions 2 and 2.1: the full conflicted set's power events and what they rest on, in reverse topological power order.
    PowerOrder: string[]
    /// Versions 2 and 2.1: the rest of the full conflicted set, in mainline order.
    MainlineOrder: string[]
    /// Versions 2 and 2.1, of both orders: which events passed the check.
    Applied: string[]
    /// Version 1: each key with a conflict, in the order in which they were settled.
    Settled: SettledConflict[]
    /// Which events were tried and did not pass, and why.
    Refused: struct (string * Matrix.Rules.Failure)[]
    /// How many events were looked at.
    Visited: int
}

/// The outcome of a resolution.
type Resolution = {
    /// The entries at keys that the states do not all agree on. Together with what they agree on, they are the resolved state.
    Entries: ResolvedEntry[]
    Steps: ResolutionSteps
}

/// Named values of outcomes.
[<RequireQualifiedAccess>]
module Resolution =

    /// No step found anything.
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

    /// The states agree on everything.
    let nothing = { Entries = [||]; Steps = noSteps }
