namespace Matrix.Core.Room.Incoming

open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.StateRes

/// What the machine wants to know of a peer.
[<RequireQualifiedAccess>]
type Question =
    /// These events: `GET /event/{eventId}`, one by one or together.
    | Events of eventIds: string[]
    /// The events that authorise one, all the way down: `GET /event_auth/{roomId}/{eventId}`.
    | AuthChain of eventId: string
    /// The events before one, down to those that this server has: `POST /get_missing_events/{roomId}`.
    | Missing of latest: string * earliest: string[] * limit: int
    /// The state before an event: `GET /state_ids/{roomId}?event_id=`.
    | StateBefore of eventId: string
    /// The signing keys of a server (which `Ask.Peer` is), from itself or a notary, and what these signatures are by them. All are over
    /// the same bytes, for the identifier of the event stands for these.
    | Keys of server: string * signatures: Signature[]

/// A question to a peer. Whether and how often it is sent again is the host's; it is answered once.
type Ask = {
    /// Its number on this machine: what the answer refers to.
    Number: int
    /// Whom to ask.
    Peer: string
    Question: Question
    /// The staged event that waits for the answer.
    For: string
}

/// What came back for a question.
[<RequireQualifiedAccess>]
type Answer =
    /// To `Events`, `AuthChain` and `Missing`: what the peer sent, malformed events left out.
    | Events of ReceivedEvent[]
    /// To `StateBefore`: `pdu_ids` and `auth_chain_ids`.
    | State of stateIds: string[] * authChainIds: string[]
    /// To `Keys`: all signatures that were asked about, checked by the keys that are known now.
    | Signatures of CheckedSignature[]
    /// The peer has none, refuses, or was not reached.
    | Nothing

/// What the machine is told.
[<RequireQualifiedAccess>]
type Fact =
    /// An event came unasked, in a transaction of this peer.
    | Received of peer: string * event: Result<ReceivedEvent, PduFault>
    /// A question was answered. An answer to what is not asked (any more) is passed over.
    | Answered of number: int * answer: Answer
    /// An event that this server made on the extremities and the state that the machine showed.
    | Made of ReceivedEvent
    /// These decisions are durable: the history answers for them now. One that another has followed since leaves that one be.
    | Durable of decisions: KnownEvent[]

/// Why an event was not decided. Nothing is kept of it: it may come again.
[<RequireQualifiedAccess>]
type DropReason =
    /// Check 1: it has not the format of its room version.
    | Malformed of PduFault
    /// It is of another room.
    | OtherRoom of roomId: string
    /// Check 2: a server that must have signed it did not, or its keys could not be had.
    | NotSigned of server: string
    /// An auth event that nobody gave.
    | AuthEventUnavailable of eventId: string
    /// Previous events are missing, and nobody gave them or the state before the event.
    | StateUnavailable
    /// The states before it could not be made one.
    | Unresolvable of ResolutionError
    /// Too many events wait in this room, or of this peer in this room.
    | StagingFull of limit: int
    /// Its past is larger than what is fetched for one event.
    | TooMuchMissing of limit: int
    /// So much was asked for the sake of one received event.
    | TooManyQuestions of limit: int
    /// It waits, in a circle, for itself.
    | Circular

/// A decision about an event.
type Decided = {
    Event: Pdu
    /// `Rejected` and `SoftFailed` say by which clause.
    Verdict: Verdict
    /// What later events ask about it.
    Known: KnownEvent
    /// The state that it was decided on; null of an outlier.
    StateBefore: StateTree | null
    /// Whether it was an outlier until now.
    WasOutlier: bool
    /// Who told the state before it, if part of that was told; null otherwise.
    ToldBy: string | null
    /// The room's forward extremities from now on.
    Extremities: ForwardExtremity[]
}

/// What telling the machine something led to, in order.
type Step = {
    /// New questions.
    Asks: Ask[]
    Decided: Decided[]
    /// Events that are no longer waited for, the malformed without an identifier.
    Dropped: struct (string * DropReason)[]
}

/// Bounds of one room's machine.
type IncomingLimits = {
    /// How many events may wait.
    Staged: int
    /// How many of them may have come from one peer.
    StagedOfPeer: int
    /// How many missing previous events are fetched for the sake of one received event, before a state is taken on trust.
    Walk: int
    /// How many events one question about missing events asks for.
    Page: int
    /// How many auth and state events are fetched for the sake of one received event, and how many events of states that it told one peer
    /// is asked for.
    AuthChain: int
    /// How many entries a state may have that a peer tells.
    State: int
    /// How many such states are asked for, looked through, and kept until the event is decided, at a time.
    States: int
    /// How many peers are asked the same.
    Peers: int
    /// How many questions are asked for the sake of one received event, those for keys apart.
    Questions: int
    /// How many extremities make the current state, and are named to a peer: the latest. State resolution takes 64.
    Extremities: int
    /// How many events that may not be built upon are looked through for those before and after them that may.
    LookedThrough: int
    /// Of one resolution.
    Resolution: ResolutionLimits
}

/// Named defaults of the bounds.
[<RequireQualifiedAccess>]
module IncomingLimits =

    /// What a server with many rooms can afford for each.
    let usual = {
        Staged = 2_000
        StagedOfPeer = 1_000
        Walk = 500
        Page = 50
        AuthChain = 20_000
        State = 200_000
        States = 4
        Peers = 4
        Questions = 2_000
        Extremities = 64
        LookedThrough = 1_000
        Resolution = ResolutionLimits.usual
    }

/// The steps of the machine in which servers could differ. A host takes `Practices.usual`; a simulation shows that it notices others.
type Practices = {
    /// Resolves two states or more, which differ, into one, given the way in which the room version does it.
    Resolve: (StateTree[] -> Result<StateTree, ResolutionError>) -> StateTree[] -> Result<StateTree, ResolutionError>
    /// What becomes of an event that passed by its auth events and by the state before it, and not by the current state.
    NotInCurrentState: Failure -> Verdict
    /// Whether a peer is asked for the state before an event in place of the events that are missing, and believed more than what
    /// this server computed.
    BelievesStates: bool
}

/// The practice of the specification.
[<RequireQualifiedAccess>]
module Practices =

    /// As the pages say.
    let usual: Practices = {
        Resolve = id
        NotInCurrentState = Verdict.SoftFailed
        BelievesStates = false
    }
