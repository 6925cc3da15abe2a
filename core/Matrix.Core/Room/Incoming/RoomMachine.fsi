namespace Matrix.Core.Room.Incoming

open Matrix.Core.Auth
open Matrix.Core.Room
open Matrix.Core.State

/// The owner of one room's decisions: of its extremities, event numbers, depth and current state, for events made here
/// and for events that come. A machine without a world, and without threads: not for several at once. It keeps its own
/// progress: more input costs what is new, and the same input again changes nothing. Everything that waits is bounded.
/// What throws (a look-up in the history) leaves the machine as it was.
///
/// An event made here: `Prepare`, build, sign and decide on what it gives, `Adopt`. Neither looks anything up, and
/// nothing is decided twice. An event that comes: `Tell`, send the requests of its output, and tell the responses.
/// Write each decision of either, in order of their numbers, then call `Durable`; or `Failed`, if that did not work.
///
/// Of an event that comes, the machine needs its signatures; then its previous events, which are fetched from the peer
/// that gave the event and then from others, down to what is known; where that does not end, or no peer has them, the
/// state before the event, which is then taken on trust and resolved with what this server computed; then its auth
/// events. Then it is decided. Where several events could be next, the order is fixed: by depth, time and identifier.
/// Server-Server API, "Checks performed on receipt of a PDU".
[<Sealed>]
type RoomMachine =

    /// The machine of a room, made from what the room's header holds; of a new room, from nothing. `server` is this
    /// server; `roomId` is "" in a new room whose id is the hash of its create event; `extremities` are in the history;
    /// `currentState` may be null, and is resolved when it is needed; `nextOrdinal` is the number of the next event.
    /// Nothing is looked up.
    static member Of:
        server: string *
        roomId: string *
        rules: AuthRules *
        history: IRoomHistory *
        extremities: ForwardExtremity[] *
        currentState: (StateTree | null) *
        nextOrdinal: uint32 *
        limits: IncomingLimits ->
            RoomMachine

    /// The same, where something is done otherwise than servers do it: for simulations.
    static member WithPractices:
        server: string *
        roomId: string *
        rules: AuthRules *
        history: IRoomHistory *
        extremities: ForwardExtremity[] *
        currentState: (StateTree | null) *
        nextOrdinal: uint32 *
        limits: IncomingLimits *
        practices: Practices ->
            RoomMachine

    /// What the next event of this server is built on. Looks nothing up: where the states of several extremities have
    /// not been resolved yet, the answer says so.
    member Prepare: unit -> Prepared

    /// The same, with the states resolved: looks events up in the history.
    member Resolve: unit -> Prepared

    /// Takes an event of this server's that was built on what was prepared, and that the rules allow. It is not decided
    /// again. `height` is one more than the greatest height among its auth events, or -1: then it is worked out when
    /// state resolution asks. Looks something up only if there are more extremities than an event may name.
    member Adopt: prepared: Prepared * event: AuthEvent * height: int -> Adoption

    /// Takes inputs, all of them before anything is decided, and goes as far as they lead. Without input it decides
    /// what `Failed` has taken back.
    member Tell: inputs: Input[] -> Output

    /// The decisions up to and including this number are durable: the history answers for them now. Passed over if it
    /// is not one of the undurable ones.
    member Durable: through: int64 -> unit

    /// The decision of this number, and so all after it, did not become durable. They are taken back and returned, in
    /// order: extremities, numbers and current state are again what they were before. What is staged and asked stays.
    /// Events that came wait again, for the next `Tell`, which decides them in the same order; events of this server's
    /// are gone. Passed over if it is not one of the undurable ones.
    member Failed: from: int64 -> DecidedEvent[]

    /// Goes on with this tree wherever the room has the same state: `StateCheckpoint.Tree`, whose nodes know their
    /// numbers.
    member UseStored: tree: StateTree -> unit

    /// Whether nothing is staged, asked or undurable: a machine made anew from the header does the same as this one.
    member CanBeEvicted: bool

    /// The room's id; "" while it is not known.
    member RoomId: string

    /// The forward extremities.
    member Extremities: ForwardExtremity[]

    /// The number of the next event.
    member NextOrdinal: uint32

    /// The current state: that of the extremities, resolved.
    member CurrentState: StateTree

    /// The requests without a response, oldest first.
    member Outstanding: PeerRequest[]

    /// How many events wait.
    member Waiting: int

    /// How many decisions are not known to be durable.
    member NotDurable: int

    /// What is known of an event, durable or not; null if it was not decided.
    member Known: eventId: string -> KnownEvent | null

    /// A state as authorization reads it.
    member AuthState: state: StateTree -> IAuthState
