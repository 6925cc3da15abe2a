namespace Matrix.Core.Room.Incoming.Graph

open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol

/// The base of this server's next event. It is valid until the room moves on.
[<Sealed>]
type Prepared
    internal
    (
        previous: PreviousEvents,
        ordinal: uint32,
        greatestDepth: int64,
        depth: int64,
        stateBefore: StateTree | null,
        currentState: StateTree,
        lookUps: LookUps
    ) =

    let ids = previous.Ids

    /// The extremities that the event names as previous, the latest first; none for a create event.
    member _.PreviousEvents = previous.Named

    /// Their ids: the event's `prev_events`, in this order.
    member _.PreviousIds: string[] = ids

    /// The greatest depth among them; 0 without any.
    member _.GreatestDepth = greatestDepth

    /// The event's `depth`.
    member _.Depth = depth

    /// The event's number in its room.
    member _.Ordinal = ordinal

    /// The state before the event, from which its auth events are selected; null if `NeedsResolution`.
    member _.StateBefore = stateBefore

    /// The room's current state. It is the same object as `StateBefore`, unless there are more extremities than an
    /// event may name: then both states have to allow the event.
    member _.CurrentState = currentState

    /// Whether the states of several extremities are not resolved yet. `RoomMachine.Resolve` resolves them.
    member _.NeedsResolution = isNull stateBefore

    /// The facts that `RoomMachine.Resolve` lacks.
    member _.LookUps = lookUps

    /// The same, with facts that `RoomMachine.Resolve` lacks.
    member internal _.Lacking(lookUps: LookUps) =
        Prepared(previous, ordinal, greatestDepth, depth, stateBefore, currentState, lookUps)

    member internal _.Kept = previous.KeptArray
    member internal _.Named = previous.NamedArray

    /// Whether an event has exactly these previous events and this depth.
    member internal _.IsBaseOf(event: Pdu) : bool =
        let named = event.PrevEvents

        let rec areSame i =
            i = ids.Length || (System.String.Equals(named[i], ids[i]) && areSame (i + 1))

        event.Depth = depth
        && named.Length = ids.Length
        && (obj.ReferenceEquals(named, ids) || areSame 0)

/// The reason why an event was not adopted.
type AdoptionRefusal =
    /// It was adopted.
    | None = 0
    /// The room has moved on since `Prepare`: prepare, build and decide again.
    | RoomMoved = 1
    /// The event is of another room, or its previous events or depth are not the prepared ones.
    | NotAsPrepared = 2
    /// The states of the extremities have to be resolved first.
    | NeedsResolution = 3
    /// An event with this id was decided, or is staged.
    | Known = 4
    /// Facts are lacking to resolve its state with those of the other extremities: supply them and repeat the call.
    | NeedsLookUps = 5
    /// The states are too many, or cost too much, to resolve here: run `RoomMachine.Resolving`, tell the result, and
    /// repeat the call.
    | Resolving = 6

/// The outcome of an adoption.
[<Struct>]
type Adoption internal (decided: DecidedEvent | null, refusal: AdoptionRefusal, lookUps: LookUps) =

    /// The decision; null if it was refused.
    member _.Decided = decided

    /// The reason for a refusal; `None` if it was adopted.
    member _.Refusal = refusal

    /// The facts that are lacking if it `NeedsLookUps`.
    member _.LookUps = lookUps

    /// Whether it was adopted.
    member _.IsAdopted = not (isNull decided)
