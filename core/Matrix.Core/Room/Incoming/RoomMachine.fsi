namespace Matrix.Core.Room.Incoming

open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Graph
open Matrix.Core.Room.Incoming.Deciding

/// The owner of one room's decisions: of its extremities, event numbers, depth and current state, for events made here
/// and for events that come. It performs no input or output, and is not for several threads at once. It keeps its own
/// progress: more input costs only what is new, and the same input again changes nothing. Everything that waits is
/// bounded.
///
/// An event made here: `Prepare`; build, sign and decide the event on the result; `Adopt`. Neither looks anything up
/// in a room with one extremity, and nothing is decided twice. An event that comes: `Receive`; send the requests of the
/// output; `Receive` the responses. Write all decisions in the order of their numbers, then call `Durable`, or `Failed`
/// if writing failed.
///
/// A call that lacks facts of the durable history returns `LookUps`, and nothing of it has happened: `Supply` the facts
/// and repeat the call. All that a transaction certainly needs is looked up together. Facts are kept within bounds.
///
/// The checks on receipt (v1.19 server-server-api#checks-performed-on-receipt-of-a-pdu), in the order of the page, and
/// the file that makes each:
///
/// 1. valid by the format of its room version, else dropped: `Event/PduFormat`, before `Input.Received`; an event that
///    is not comes as `Input.Malformed`;
/// 2. signed, else dropped: `Protocol/Signing`; `Fetching/FetchMissing` requests keys that are not known;
/// 3. its content hash, else redacted: `Event/PduFormat` redacts; `Fetching/FetchMissing` requests a whole copy;
/// 4. allowed by its auth events, else rejected: `Deciding/Deciding`, by the rules of `Auth`;
/// 5. allowed by the state before it, else rejected: the same; `Deciding/ResolvedStates` resolves that state;
/// 6. allowed by the current state, else soft-failed: the same;
/// 7. signed by the room's policy server, else soft-failed: not made (docs/known-gaps.md).
///
/// From the second check on an event is in `Staging`. There it waits for keys, a whole copy, previous events and auth
/// events, in this order. The machine fetches previous events from the peer that sent the event and then from
/// others, down to known events. If that does not end, or no peer has them, it fetches the state before the event,
/// takes it on trust, and resolves it with the state that this server computed. Where several events could be decided
/// next, the order is fixed: by depth, time and id.
///
/// The folders, each of which opens only those before it: `Facts` (what is known of events, and the look-ups of what is
/// not), `Protocol` (what the machine and the host say to each other), `Staging` (events that wait, and their bounds),
/// `Graph` (decided events and extremities), `Deciding`, `Fetching` (requests to peers), `Arriving` (what peers sent).
[<Sealed>]
type RoomMachine =

    /// The machine of a room, made from the room's header. `server` is this server.
    static member Of: server: string * rules: AuthRules * start: RoomStart * limits: IncomingLimits -> RoomMachine

    /// The same with other behaviour, for simulations.
    static member WithBehaviour:
        server: string * rules: AuthRules * start: RoomStart * limits: IncomingLimits * behaviour: Behaviour ->
            RoomMachine

    /// The name of the share of all strangers together, which are servers without a joined user in the room: no server
    /// has it.
    static member StrangersShare: string

    /// The base of this server's next event. It looks nothing up: if the states of several extremities are not resolved
    /// yet, the result says so.
    member Prepare: unit -> Prepared

    /// The same, with the states resolved. If facts are lacking, the result names them and still needs resolution.
    member Resolve: unit -> Prepared

    /// Takes an event of this server that was built on the prepared base and that the rules allow. It is not decided
    /// again. `height` is one more than the greatest height among its auth events, or -1: then it is computed when
    /// state resolution needs it. It may lack facts only if there are more extremities than an event may name.
    member Adopt: prepared: Prepared * event: AuthEvent * height: int -> Adoption

    /// Takes inputs, and then decides everything that can be decided, within `IncomingLimits.Work`. If there may be no
    /// space for events that come, some of what an earlier call left is decided before. Beyond the bound, only what an
    /// event of `Input.Decide` needs is decided. Without input it decides what an earlier call left, and the events
    /// that `Failed` has taken back. If the output has look-ups, nothing has happened.
    member Receive: inputs: Input[] -> Output

    /// Takes the outcome of the outstanding resolution, and decides nothing: the next `Receive` decides what waits for
    /// it.
    member Resolved: resolution: RoomResolution -> unit

    /// Takes facts that were looked up. Facts are ignored if decisions became durable since the look-ups were made: the
    /// next call returns new ones.
    member Supply: supplied: LookUpResults -> unit

    /// The decisions up to and including this number are durable: the history has them now. Ignored if the number is
    /// not among the undurable ones.
    member Durable: through: int64 -> unit

    /// This decision and all later ones did not become durable. They are taken back and returned, in order:
    /// extremities, numbers and current state are again what they were before. Staged events and outstanding requests
    /// stay. Received events are staged again, and the next `Receive` decides them in the same order; local events are
    /// gone. Ignored if the number is not among the undurable ones.
    member Failed: from: int64 -> DecidedEvent[]

    /// Uses this tree wherever the room has the same state: `StateCheckpoint.Tree`, whose nodes have numbers.
    member UseStored: tree: StateTree -> unit

    /// Whether nothing is staged, remembered, outstanding or undurable. A machine made anew from the header then
    /// behaves the same.
    member CanBeEvicted: bool

    /// The room's id; "" while it is not known.
    member RoomId: string

    /// The forward extremities.
    member Extremities: ForwardExtremity[]

    /// The outstanding resolution that the host runs; null if there is none.
    member Resolving: RoomResolution | null

    /// The numbers of the next events.
    member Numbers: RoomNumbers

    /// The current state: that of the extremities, resolved.
    member CurrentState: StateTree

    /// The requests without a response, oldest first.
    member Outstanding: PeerRequest[]

    /// The number of staged events.
    member Waiting: int

    /// The approximate bytes of staged events.
    member WaitingBytes: int64

    /// The same by the share in which they count (a server, or all strangers), with those of remembered events: those
    /// that the server sent, and the auth chains and states that were fetched for them.
    member WaitingBytesByPeer: struct (string * int64)[]

    /// Whether an event waits to be decided.
    member IsStaged: eventId: string -> bool

    /// Whether an event is remembered: it lacks others that no peer had.
    member IsRemembered: eventId: string -> bool

    /// The remembered events, the one that came first first.
    member Remembered: Pdu[]

    /// The event that waits to be decided; null if there is none with that id.
    member Staged: eventId: string -> Pdu | null

    /// The number of undurable decisions.
    member NotDurable: int

    /// The gaps.
    member Gaps: RoomGaps

    /// The parts of an event that the machine has in memory; null if it has to be looked up, or was not decided.
    member Known: eventId: string -> KnownEvent | null

    /// A state whose events the machine has in memory, in the form that authorization reads.
    member AuthState: state: StateTree -> IAuthState
