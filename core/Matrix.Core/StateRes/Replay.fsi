namespace Matrix.Core.StateRes

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.State

/// Why a room's events could not be replayed.
[<RequireQualifiedAccess>]
type ReplayError =
    /// An event in `prev_events` is not among the given events.
    | PrevEventMissing of citing: string * missing: string
    /// An event in `auth_events` is not among the given events.
    | AuthEventMissing of citing: string * missing: string
    /// The events form a cycle; this is one of its events.
    | Circle of eventId: string
    /// The states before an event could not be resolved; "" for the states after the forward extremities.
    | Unresolved of before: string * ResolutionError

/// A replayed event.
[<Sealed>]
type ReplayedEvent =
    /// The event.
    member Pdu: Pdu

    /// The reason for its rejection, by its auth events or the state before it; none if it was accepted.
    member Rejection: Failure voption

    /// The state before it.
    member Before: StateTree

    /// The state after it.
    member After: StateTree

/// A room replayed from its events, all with valid signatures: each event is decided, and the state after it computed,
/// as by a server that receives the events in this order. Soft failure is left out, since no state depends on it.
/// v1.19 rooms/v12#state-resolution; v1.19 server-server-api#checks-performed-on-receipt-of-a-pdu
[<Sealed>]
type Replay =
    /// Replays events, which may come in any order: an event waits for those that it names, and of several that are
    /// ready the one given first is next. Every named event must be given.
    static member Run: rules: AuthRules * events: Pdu[] * limits: ResolutionLimits -> Result<Replay, ReplayError>

    /// The resolution of the states after these events, which must be among the replayed ones: the state before an
    /// event with these previous events.
    member StateBefore: prevEvents: string[] -> Result<StateTree, ResolutionError>

    /// The events in the order in which they were decided.
    member Events: ReplayedEvent[]

    /// The accepted events from which no accepted event descends.
    member Extremities: string[]

    /// The state after the forward extremities.
    member State: StateTree

    /// How the states after the forward extremities were resolved; empty for one extremity or none.
    member Resolution: Resolution

    /// The states after the forward extremities, each once.
    member Tips: StateTree[]

    /// The events as a source of further resolutions.
    member Graph: EventGraph
