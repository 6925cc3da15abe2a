namespace Matrix.Core.Room.Incoming.Protocol

open Matrix.Core.Event

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
