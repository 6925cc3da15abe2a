namespace Matrix.Core.Room.Incoming

open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.State

/// What the next event of this server is built on. It holds until the room moves.
[<Sealed>]
type Prepared
    internal
    (
        previous: PreviousEvents,
        ordinal: uint32,
        greatestDepth: int64,
        depth: int64,
        stateBefore: StateTree | null,
        currentState: StateTree | null
    ) =

    let ids = previous.Ids

    /// The extremities that the event names as previous, the latest first; none for a create event.
    member _.PreviousEvents = previous.Named

    /// Their identifiers: the event's `prev_events`, in this order.
    member _.PreviousIds: string[] = ids

    /// The greatest depth among them; 0 without any.
    member _.GreatestDepth = greatestDepth

    /// The event's `depth`.
    member _.Depth = depth

    /// The event's number in its room.
    member _.Ordinal = ordinal

    /// The state before the event, from which its auth events are selected; null if `NeedsResolution`.
    member _.StateBefore = stateBefore

    /// The room's current state; null if `NeedsResolution`. The same object as `StateBefore`, unless there are more
    /// extremities than an event may name: then both have to allow the event.
    member _.CurrentState = currentState

    /// Whether the states of several extremities have not been resolved yet: `RoomMachine.Resolve` does that.
    member _.NeedsResolution = isNull stateBefore || isNull currentState

    member internal _.Kept = previous.KeptArray
    member internal _.Named = previous.NamedArray

    /// Whether an event names exactly these as previous, and has the depth.
    member internal _.IsBaseOf(event: Pdu) : bool =
        let named = event.PrevEvents

        let rec areSame i =
            i = ids.Length || (System.String.Equals(named[i], ids[i]) && areSame (i + 1))

        event.Depth = depth
        && named.Length = ids.Length
        && (obj.ReferenceEquals(named, ids) || areSame 0)

/// Why an event was not adopted.
type AdoptionRefusal =
    /// It was adopted.
    | None = 0
    /// The room has moved since it was prepared: prepare, build and decide again.
    | RoomMoved = 1
    /// It is of another room, or names other previous events or another depth than were prepared.
    | NotAsPrepared = 2
    /// The states of the extremities have to be resolved first.
    | NeedsResolution = 3
    /// An event of this identifier was decided, or waits to be.
    | Known = 4

/// The outcome of an adoption.
[<Struct>]
type Adoption internal (decided: DecidedEvent | null, refusal: AdoptionRefusal) =

    /// The decision; null if it was refused.
    member _.Decided = decided

    /// Why it was refused; `None` if it was not.
    member _.Refusal = refusal

    /// Whether it was adopted.
    member _.IsAdopted = not (isNull decided)

/// The end of a room's graph: its extremities, the number of the next event, and the current state. `roomId` is ""
/// until the create event of a room whose id is that event's hash is known; `currentState` is null while it is not
/// known; `resolved` is the resolution of the states of all extremities, null if that is not known or failed.
[<Sealed>]
type internal Frontier
    (
        roomId: string,
        createId: string,
        extremities: ForwardExtremity[],
        nextOrdinal: uint32,
        currentState: StateTree | null,
        resolved: StateTree | null
    ) =

    /// The id of the create event of a room whose id is that event's hash, where no event names it; else "".
    static member CreateIdOf(form: RoomIdForm, roomId: string) : string =
        match form with
        | RoomIdForm.HashOfCreate when roomId <> "" -> "$" + roomId.Substring 1
        | _ -> ""

    member _.RoomId = roomId

    /// The id of the create event where no event names it; else "".
    member _.CreateId = createId

    member _.Extremities = extremities
    member _.NextOrdinal = nextOrdinal
    member _.CurrentState = currentState
    member _.Resolved = resolved

    /// What the next event is built on, once that was asked; null before.
    member val Prepared: Prepared | null = null with get, set

/// A decision that is not known to be durable.
[<Struct>]
type internal Undurable = {
    Decided: DecidedEvent
    /// The frontier before it.
    Before: Frontier
    /// The undurable decision on the same event that it took the place of; null if there was none.
    Previously: DecidedEvent | null
    /// How the event waited, if it came from elsewhere; null if this server made it.
    Received: Staged | null
    /// The state before it that a peer gave; null if none was needed.
    Trusted: StateTree | null
}
