namespace Matrix.Core.Room.Incoming

open Matrix.Core.Auth
open Matrix.Core.Room
open Matrix.Core.State

/// What happens to the events that reach one room: a machine without a world. It is told facts, and answers what it still needs to
/// know of peers, and what it decided. It keeps its own progress: telling it more costs what is new. Telling the same again changes
/// nothing. Everything that waits is bounded. Not for several threads at once.
/// Server-Server API, "Checks performed on receipt of a PDU".
///
/// An event is asked for its signatures; then for its previous events, which are fetched from whoever gave the event and then from
/// others, down to what is known; where that does not end or nobody has them, for the state before it, which is then taken on trust
/// and merged with what this server computed; then for its auth events. Then it is decided. Where several events could be next, the
/// order is fixed: by depth, time and identifier.
[<Sealed>]
type RoomMachine =

    /// The machine of a room, from where it stands. `server` is this server, `extremities` are in the history,
    /// and `nextOrdinal` is the number of the next event.
    static member Of:
        server: string *
        roomId: string *
        rules: AuthRules *
        history: IRoomHistory *
        extremities: ForwardExtremity[] *
        nextOrdinal: uint32 *
        limits: IncomingLimits *
        practices: Practices ->
            RoomMachine

    /// Takes facts, all of them before anything is decided, and goes as far as they lead.
    member Tell: facts: Fact[] -> Step

    /// The questions that are not answered yet, oldest first.
    member Outstanding: Ask[]

    /// How many events wait.
    member Waiting: int

    /// How many decisions are not known to be durable.
    member NotDurable: int

    /// The forward extremities.
    member Extremities: ForwardExtremity[]

    /// The current state: that of the extremities, resolved.
    member Current: StateTree

    /// What is known of an event, durable or not; null if it was not decided.
    member Known: eventId: string -> KnownEvent | null

    /// A state as authorization reads it.
    member AuthState: state: StateTree -> IAuthState
