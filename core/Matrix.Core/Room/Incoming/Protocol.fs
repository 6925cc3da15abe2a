namespace Matrix.Core.Room.Incoming

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.StateRes

/// A request of the machine to a peer.
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
    /// valid by them. All signatures are over the same bytes, those of the event with that id.
    | Keys of server: string * signatures: Signature[]

/// A request to a peer. The host decides whether and how often it is sent again; the machine gets one response. The
/// number is valid on this machine only.
type PeerRequest = {
    /// Its number on this machine, which the response repeats.
    Number: int
    /// The server to ask.
    Peer: string
    Request: Request
    /// The staged event that waits for the response.
    For: string
    /// Whether the requested events are those of the state before `For`: they may be many, and come with
    /// `GET /state/{roomId}` at once.
    IsOfState: bool
}

/// The response to a request.
[<RequireQualifiedAccess>]
type Response =
    /// To `Events`, `AuthChain` and `Missing`: the events that the peer sent, without malformed ones.
    | Events of ReceivedEvent[]
    /// To `StateBefore`: `pdu_ids` and `auth_chain_ids`.
    | State of stateIds: string[] * authChainIds: string[]
    /// To `Keys`: all signatures of the request, checked with the keys that are now known.
    | Signatures of CheckedSignature[]
    /// The peer has nothing, or refuses.
    | Nothing
    /// The peer was not reached, or could not answer now; `events` are those that it sent nevertheless. It may be asked
    /// again from this time on.
    | NotNow of events: ReceivedEvent[] * retryAt: int64

/// The reason why an event was not decided. Nothing of it is kept: it may come again.
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
    /// Peers that may have what it needs were unreachable for too long.
    | NotReached of milliseconds: int64
    /// Too many events are staged in this room, or from this peer in this room; or it made room for those of another
    /// peer that has fewer.
    | StagingFull of limit: int
    /// More of its history is missing than is fetched for one event.
    | TooMuchMissing of limit: int
    /// Fetching its history took more requests than the limit for one received event.
    | TooManyRequests of limit: int
    /// It lacks others, and its sender waits for the decision.
    | MustNotWait
    /// It depends on itself.
    | Circular
    /// The storage refused it.
    | NotStored
    /// The numbers of the room's outliers are used up, or those of a place in its history.
    | NoNumber

/// A decision about an event.
[<Sealed>]
type DecidedEvent
    internal
    (
        number: int64,
        verdict: Verdict,
        known: KnownEvent,
        stateBefore: StateTree | null,
        stateAfter: StateTree | null,
        outlierOrdinal: uint32,
        stateFrom: string | null,
        isLocal: bool,
        extremities: ForwardExtremity[],
        currentStateBefore: StateTree,
        gapsOpened: string[],
        closesGap: bool,
        isHistory: bool
    ) =

    /// The decision's number on this machine. Numbers rise, and none is used twice.
    member _.Number = number

    /// The event.
    member _.Event = known.Event.Pdu

    /// The verdict; `Rejected` and `SoftFailed` name the clause.
    member _.Verdict = verdict

    /// The parts of the event that later events need.
    member _.Known = known

    /// The event's number in its room. Entries of states keep the number under which they were made.
    member _.Ordinal = known.Ordinal

    /// The number that the event had as an outlier; 0 if it was none. It has another number now.
    member _.OutlierOrdinal = outlierOrdinal

    /// Whether it is an outlier: decided by its auth events alone.
    member _.IsOutlier = isNull stateAfter

    /// The dotted name of the rule that rejected or soft-failed it; "" if it was accepted.
    member _.RefusedBy =
        match verdict with
        | Verdict.Accepted -> ""
        | Verdict.Rejected failure
        | Verdict.SoftFailed failure -> failure.Clause

    /// What that rule required, and what was supplied; "" if the event was accepted.
    member _.Reason =
        match verdict with
        | Verdict.Accepted -> ""
        | Verdict.Rejected failure
        | Verdict.SoftFailed failure -> Failures.render failure

    /// The state that it was decided on; null for an outlier.
    member _.StateBefore = stateBefore

    /// The state after it; for a rejected event, the state before it; null for an outlier.
    member _.StateAfter = stateAfter

    /// Whether it was an outlier until now.
    member _.WasOutlier = outlierOrdinal > 0u

    /// The peer that sent the state before it, or part of it; null if this server computed it.
    member _.StateFrom = stateFrom

    /// Whether it was decided as history.
    member _.IsHistory = isHistory

    /// Whether this server made and adopted the event.
    member _.IsLocal = isLocal

    /// The room's forward extremities after the decision.
    member _.Extremities = extremities

    /// The gaps that it opens: ids in its `prev_events` that are not decided here, or only as outliers.
    member _.GapsOpened = gapsOpened

    /// Whether the event was, or may have been, a gap itself.
    member _.ClosesGap = closesGap

    /// The room's current state before the decision.
    member _.CurrentStateBefore = currentStateBefore

    /// The room's current state after the decision; the same object if it did not change. The change is the difference
    /// of the two, since state also changes by resolution.
    member val CurrentStateAfter = currentStateBefore with get, internal set

/// Bounds of one room's machine.
type IncomingLimits = {
    /// The most events of transactions staged at a time, and the most previous events and events of history that were
    /// fetched.
    Staged: int
    /// The most of either from one peer.
    StagedOfPeer: int
    /// The most bytes of events staged at a time. Events of transactions use at most three quarters.
    StagedBytes: int
    /// The most missing previous events fetched for one received event. Beyond it, a state is taken on trust.
    Walk: int
    /// `limit` of a request for missing events.
    Page: int
    /// The most auth and state events fetched for one received event, and the most events of fetched states from one
    /// peer.
    AuthChain: int
    /// The most entries of a fetched state.
    State: int
    /// The most fetched states held at a time, each from its request until the event is decided.
    States: int
    /// More missing events of a fetched state than this are requested together: one request.
    BulkState: int
    /// The most peers asked for the same event or state.
    Peers: int
    /// The most requests made for one received event, without those for keys. Each of several events that are requested
    /// by their ids counts as a request.
    Requests: int
    /// The most requests to one peer in a minute, counted in the same way. Beyond it, events wait for the next minute.
    RequestsPerMinute: int
    /// The most ids remembered that no peer had.
    GivenUp: int
    /// How long they are not requested again, in milliseconds.
    GivenUpFor: int64
    /// How often the search for what an event lacks is repeated because a peer was not reached. After that, the state
    /// is taken from another peer; an event that was only fetched is dropped.
    Patience: int
    /// The pause before such a search begins again, in milliseconds. It doubles.
    FirstPause: int64
    /// The longest such pause.
    LongestPause: int64
    /// How long a received event waits for peers that are not reached, in milliseconds.
    WaitsFor: int64
    /// The most received events remembered that lack others which no peer had.
    Remembered: int
    /// How long they are remembered, from when they came, in milliseconds.
    RememberedFor: int64
    /// The most searches for what a received event lacks: when it comes, and when something that it lacked came. After
    /// these nothing is requested for it, but it is decided once it can be.
    Searches: int
    /// The most extremities that a request names: the latest.
    Extremities: int
    /// The most rejected and soft-failed events walked through in the search for accepted ones.
    LookedThrough: int
    /// The most extremities that a new event of this server names: the latest. v1.19 server-server-api#pdus
    /// (`prev_events`).
    Previous: int
    /// The most facts of each kind that are kept between inputs, beside those of undurable decisions.
    CachedLookUps: int
    /// The most looked-up states that are kept between inputs.
    CachedStates: int
    /// The most numbers that are left free before a live event whose previous events are missing, for these.
    GapNumbers: uint32
    /// The most gaps that are known one by one. Beyond them, the followers of each received event are looked up.
    Gaps: int
    /// Bounds of a resolution inside of a call. Beyond them, the host runs it: `Output.Resolve`.
    SmallResolution: ResolutionLimits
    /// The most states that are resolved inside of a call.
    SmallStates: int
    /// Bounds of a resolution that the host runs.
    Resolution: ResolutionLimits
    /// The most work of decisions in one call: a decided event counts one, and states that it resolves count ten. What
    /// is beyond waits for the next call: `Output.HasMore`.
    Work: int
    /// Whether fetched outliers that lack nothing are decided at once, with their response, whatever `Work` says.
    InBulk: bool
} with

    /// The default bounds: what a server with many rooms can afford for each.
    static member Default = {
        Staged = 2_000
        StagedOfPeer = 1_000
        StagedBytes = 32 * 1024 * 1024
        Walk = 500
        Page = 50
        AuthChain = 20_000
        State = 200_000
        States = 4
        BulkState = 50
        Peers = 4
        Requests = 2_000
        RequestsPerMinute = 1_000
        GivenUp = 1_000
        GivenUpFor = 600_000L
        Patience = 3
        FirstPause = 1_000L
        LongestPause = 600_000L
        WaitsFor = 86_400_000L
        Remembered = 100
        RememberedFor = 86_400_000L
        Searches = 3
        Extremities = 64
        LookedThrough = 1_000
        Previous = 20
        CachedLookUps = 2_000
        CachedStates = 16
        GapNumbers = 100_000u
        Gaps = 10_000
        SmallResolution = { Events = 2_000 }
        SmallStates = 64
        Resolution = ResolutionLimits.Usual
        Work = 100
        InBulk = true
    }

    /// The same for a room that a local user joins through another server: its state and auth chain, which are here
    /// already, have at most so many events.
    member this.ForJoin(events: int) : IncomingLimits = {
        this with
            AuthChain = events
            State = events
            StagedBytes = System.Int32.MaxValue
            Work = System.Int32.MaxValue
            CachedLookUps = max this.CachedLookUps events
    }

    /// The same with one decision in a call, so that a failed write names the event. Events of fetched states are
    /// staged then: they get twice the space.
    member this.OneByOne: IncomingLimits = {
        this with
            Work = 1
            InBulk = false
            StagedBytes = min this.StagedBytes (System.Int32.MaxValue / 2) * 2
    }

/// The steps of the machine in which servers could differ. A server uses `Behaviour.usual`; simulations use others to
/// show that the difference is noticed.
type Behaviour = {
    /// Resolves several states that differ, given the resolution of the room version.
    Resolve: (StateTree[] -> Result<StateTree, ResolutionError>) -> StateTree[] -> Result<StateTree, ResolutionError>
    /// The verdict on an event that the current state alone does not allow.
    NotInCurrentState: Failure -> Verdict
    /// Whether a server requests the state before each event at once, and prefers it to the state that it computed.
    BelievesStates: bool
    /// Whether the state before an event that a peer sent is resolved with those after its known previous events.
    JoinsStates: bool
    /// Whether a failed flush restores the extremities.
    RestoresExtremities: bool
}

/// The steps that the specification requires.
[<RequireQualifiedAccess>]
module Behaviour =

    /// The behaviour of every server.
    let usual: Behaviour = {
        Resolve = id
        NotInCurrentState = Verdict.SoftFailed
        BelievesStates = false
        JoinsStates = false
        RestoresExtremities = true
    }
