namespace Matrix.Core.Room.Incoming

open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.StateRes

/// What the machine asks of a peer.
[<RequireQualifiedAccess>]
type Request =
    /// These events: `GET /event/{eventId}`, one by one or together.
    | Events of eventIds: string[]
    /// The auth chain of an event: `GET /event_auth/{roomId}/{eventId}`.
    | AuthChain of eventId: string
    /// The events before one, down to those that this server has: `POST /get_missing_events/{roomId}`.
    | Missing of latest: string * earliest: string[] * limit: int
    /// The state before an event: `GET /state_ids/{roomId}?event_id=`.
    | StateBefore of eventId: string
    /// The signing keys of a server (`PeerRequest.Peer`), from itself or a notary, and whether these signatures are
    /// valid by them. All are over the same bytes, those that the event's identifier stands for.
    | Keys of server: string * signatures: Signature[]

/// A request to a peer. Whether and how often it is sent again is for the host to decide; it gets one response. Its
/// number means something to the machine that made it only.
type PeerRequest = {
    /// Its number on this machine, which the response names.
    Number: int
    /// The server to ask.
    Peer: string
    Request: Request
    /// The staged event that waits for the response.
    For: string
}

/// The response to a request.
[<RequireQualifiedAccess>]
type Response =
    /// To `Events`, `AuthChain` and `Missing`: what the peer sent, malformed events left out.
    | Events of ReceivedEvent[]
    /// To `StateBefore`: `pdu_ids` and `auth_chain_ids`.
    | State of stateIds: string[] * authChainIds: string[]
    /// To `Keys`: all signatures of the request, checked by the keys that are known now.
    | Signatures of CheckedSignature[]
    /// The peer has none, refuses, or was not reached.
    | Nothing

/// What the machine is given.
[<RequireQualifiedAccess>]
type Input =
    /// An event came in a transaction of this peer.
    | Received of peer: string * event: ReceivedEvent
    /// An event came that does not have the format of its room version.
    | Malformed of peer: string * fault: PduFault
    /// A request got its response. One that is not outstanding any more is passed over.
    | Responded of number: int * response: Response

/// Why an event was not decided. Nothing is kept of it: it may come again.
[<RequireQualifiedAccess>]
type DropReason =
    /// Check 1: it does not have the format of its room version.
    | Malformed of PduFault
    /// It is of another room.
    | OtherRoom of roomId: string
    /// Check 2: a required signature is missing or invalid, or the server's keys could not be fetched.
    | NotSigned of server: string
    /// No peer had this auth event.
    | AuthEventUnavailable of eventId: string
    /// No peer had its missing previous events, or the state before it.
    | StateUnavailable
    /// The states after its previous events could not be resolved.
    | Unresolvable of ResolutionError
    /// Too many events are staged in this room, or from this peer in this room.
    | StagingFull of limit: int
    /// More of its past is missing than is fetched for one event.
    | TooMuchMissing of limit: int
    /// Fetching its past took more requests than are made for one received event.
    | TooManyRequests of limit: int
    /// It depends on itself.
    | Circular

/// A decision about an event.
[<Sealed>]
type DecidedEvent
    internal
    (
        number: int64,
        verdict: Verdict,
        known: KnownEvent,
        stateBefore: StateTree | null,
        wasOutlier: bool,
        stateFrom: string | null,
        isLocal: bool,
        extremities: ForwardExtremity[],
        currentStateBefore: StateTree
    ) =

    /// The decision's number on this machine. Numbers rise, and none is used twice.
    member _.Number = number

    /// The event.
    member _.Event = known.Event.Pdu

    /// The verdict; `Rejected` and `SoftFailed` name the clause.
    member _.Verdict = verdict

    /// What later events ask about it.
    member _.Known = known

    /// The event's number in its room.
    member _.Ordinal = known.Ordinal

    /// The state that it was decided on; null of an outlier.
    member _.StateBefore = stateBefore

    /// The state after it: of a rejected event, the state before it. Null of an outlier.
    member _.StateAfter = known.StateAfter

    /// Whether it was an outlier until now.
    member _.WasOutlier = wasOutlier

    /// The peer that gave the state before it, or part of that; null if this server computed it.
    member _.StateFrom = stateFrom

    /// Whether this server made the event, and adopted it.
    member _.IsLocal = isLocal

    /// The room's forward extremities from now on.
    member _.Extremities = extremities

    /// The room's current state until now.
    member _.CurrentStateBefore = currentStateBefore

    /// The room's current state from now on; the same object if it did not change. What changed is the difference of
    /// the two: state also changes by resolution.
    member val CurrentStateAfter = currentStateBefore with get, internal set

/// What came of an input, in order.
type Output = {
    /// New requests.
    Requests: PeerRequest[]
    Decided: DecidedEvent[]
    /// Events that are no longer waited for, the malformed without an identifier.
    Dropped: struct (string * DropReason)[]
}

/// Bounds of one room's machine.
type IncomingLimits = {
    /// The most events staged at a time.
    Staged: int
    /// The most of them from one peer.
    StagedOfPeer: int
    /// The most missing previous events fetched for one received event, before a state is taken on trust.
    Walk: int
    /// `limit` of a request for missing events.
    Page: int
    /// The most auth and state events fetched for one received event, and the most events of fetched states from one
    /// peer.
    AuthChain: int
    /// The most entries of a fetched state.
    State: int
    /// The most fetched states held at a time, from the request until the event is decided.
    States: int
    /// The most peers asked for the same.
    Peers: int
    /// The most requests made for one received event, not counting those for keys.
    Requests: int
    /// The most extremities that make the current state, and that are named to a peer: the latest. State resolution
    /// takes 64.
    Extremities: int
    /// The most rejected and soft-failed events walked through in search of accepted ones before and after them.
    LookedThrough: int
    /// The most extremities that a new event of this server names: the latest. Server-Server API, "PDUs"
    /// (`prev_events`).
    Previous: int
    /// Bounds of one resolution.
    Resolution: ResolutionLimits
} with

    /// The default bounds: what a server with many rooms can afford for each.
    static member Default = {
        Staged = 2_000
        StagedOfPeer = 1_000
        Walk = 500
        Page = 50
        AuthChain = 20_000
        State = 200_000
        States = 4
        Peers = 4
        Requests = 2_000
        Extremities = 64
        LookedThrough = 1_000
        Previous = 20
        Resolution = ResolutionLimits.usual
    }

    /// The same with another number of previous events.
    member this.WithPrevious(previous: int) : IncomingLimits = { this with Previous = previous }

/// The steps of the machine in which servers could differ. A server takes `Practices.usual`; a simulation shows that it
/// notices others.
type Practices = {
    /// Resolves several states that differ, given the resolution of the room version.
    Resolve: (StateTree[] -> Result<StateTree, ResolutionError>) -> StateTree[] -> Result<StateTree, ResolutionError>
    /// The verdict on an event that the current state alone does not allow.
    NotInCurrentState: Failure -> Verdict
    /// Whether a server asks for the state before an event at once, and believes it over what it computed.
    BelievesStates: bool
    /// Whether a failed flush restores the extremities.
    RestoresExtremities: bool
}

/// The steps as the specification has them.
[<RequireQualifiedAccess>]
module Practices =

    /// What every server does.
    let usual: Practices = {
        Resolve = id
        NotInCurrentState = Verdict.SoftFailed
        BelievesStates = false
        RestoresExtremities = true
    }
