namespace Matrix.Core.StateRes

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.State

/// Why a room's events could not be replayed.
[<RequireQualifiedAccess>]
type ReplayError =
    /// An event that another names as previous is not among them.
    | PrevEventMissing of citing: string * missing: string
    /// An event that another cites as an auth event is not among them.
    | AuthEventMissing of citing: string * missing: string
    /// Events that come after one another in a circle; one of them.
    | Circle of eventId: string
    /// The states before an event could not be resolved; "" for the states after the forward extremities.
    | Unresolved of before: string * ResolutionError

/// An event in its place in the room.
[<Sealed>]
type ReplayedEvent =
    /// The event.
    member Pdu: Pdu

    /// Why it was rejected, by its auth events or the state before it; none if it was accepted.
    member Rejection: Failure voption

    /// The state before it.
    member Before: StateTree

    /// The state after it.
    member After: StateTree

/// A room whose events were all received with valid signatures and nothing else is known: each is decided, and the state after it worked out,
/// as a server does that sees them in this order. Room versions, "State resolution"; Server-Server API, "Checks performed on receipt of a PDU",
/// without soft failure, which no state depends on.
[<Sealed>]
type Replay =
    /// Replays events. They may come in any order: an event waits for those that it names; of two whose turn it may be, the one that was given
    /// first goes first. What a server would have to fetch must be there.
    static member Run: rules: AuthRules * events: Pdu[] * limits: ResolutionLimits -> Result<Replay, ReplayError>

    /// The state that the states after these events resolve to: that before an event which names them as previous. All are among the events.
    member StateBefore: prevEvents: string[] -> Result<StateTree, ResolutionError>

    /// The events in the order in which they were decided.
    member Events: ReplayedEvent[]

    /// The accepted events that no other accepted event comes after.
    member Extremities: string[]

    /// The state after the forward extremities.
    member State: StateTree

    /// How the states after the forward extremities were resolved: nothing to resolve if there is one extremity, or none.
    member Resolution: Resolution

    /// The states after the forward extremities, each once.
    member Tips: StateTree[]

    /// The events as a source of further resolutions.
    member Graph: EventGraph
