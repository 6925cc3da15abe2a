namespace Matrix.Core.Room.Incoming

open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.State

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

/// The ids that decided events, without outliers, name in `prev_events` and that are not decided here, or only as
/// outliers. Only an event among them can come after its followers. Beyond a bound the set is no longer complete:
/// followers are then looked up for each event.
[<Sealed>]
type RoomGaps private (ids: Set<string>, areAll: bool) =

    static let none = RoomGaps(Set.empty, true)

    /// A room without gaps.
    static member None = none

    /// The gaps of a room, and whether these are all.
    static member Of(ids: IReadOnlyCollection<string>, areAll: bool) : RoomGaps = RoomGaps(Set.ofSeq ids, areAll)

    /// The ids, in order.
    member _.Ids: IReadOnlyCollection<string> = ids

    /// Whether these are all.
    member _.AreAll = areAll

    /// Whether an event may be a gap.
    member _.MayHave(eventId: string) : bool = not areAll || ids.Contains eventId

    /// Whether an event is among them.
    member _.Has(eventId: string) : bool = ids.Contains eventId

    /// The gaps after an event is decided that opens some.
    member internal _.After(most: int, eventId: string, opened: string[]) : RoomGaps =
        let left = ids.Remove eventId

        if left.Count + opened.Length <= most then
            RoomGaps(Set.union left (Set.ofArray opened), areAll)
        else
            RoomGaps(left, false)

/// A room's header, from which its machine is made: `roomId` is "" in a new room whose id is the hash of its create
/// event; `currentState` is the current state, and may be null if there is at most one extremity. `notStored` are
/// events that the storage refused: the machine drops them when they come, leaves them out of fetched states, and takes
/// them otherwise for ones that no peer has.
[<Sealed>]
type RoomStart
    (
        roomId: string,
        extremities: ForwardExtremity[],
        currentState: StateTree | null,
        numbers: RoomNumbers,
        gaps: RoomGaps,
        notStored: IReadOnlyCollection<string>
    ) =

    // With one extremity, the current state is the state after it.
    let current: StateTree =
        match extremities, currentState with
        | [||], _ -> StateTree.Empty
        | [| one |], _ -> one.StateAfter
        | _, NonNull state -> state
        | _ -> invalidArg (nameof currentState) "A room with several extremities has a current state."

    new(roomId, extremities, currentState, numbers, gaps) =
        RoomStart(roomId, extremities, currentState, numbers, gaps, [||])

    /// A room that does not exist yet.
    static member New(roomId: string) : RoomStart =
        RoomStart(roomId, [||], null, RoomNumbers.First, RoomGaps.None)

    member _.RoomId = roomId
    member _.Extremities = extremities
    member _.CurrentState = current
    member _.Numbers = numbers
    member _.Gaps = gaps

    member _.NotStored = notStored

/// The end of a room's graph: its extremities, the next numbers, the current state, and the gaps. `roomId` is "" in a
/// new room whose id is the hash of its create event. `resolved` is the resolution of the states of all extremities;
/// null if it is not known or failed.
[<Sealed>]
type internal Frontier
    (
        roomId: string,
        createId: string,
        extremities: ForwardExtremity[],
        numbers: RoomNumbers,
        currentState: StateTree,
        resolved: StateTree | null,
        gaps: RoomGaps
    ) =

    /// The create event's id in a room whose id is that event's hash; else "".
    static member CreateIdOf(form: RoomIdForm, roomId: string) : string =
        match form with
        | RoomIdForm.HashOfCreate when roomId <> "" -> "$" + roomId.Substring 1
        | _ -> ""

    member _.RoomId = roomId

    /// The create event's id in a room whose events do not name it in `auth_events`; else "".
    member _.CreateId = createId

    member _.Extremities = extremities
    member _.Numbers = numbers
    member _.CurrentState = currentState
    member _.Resolved = resolved
    member _.Gaps = gaps

    /// The base of the next event, once it was requested; null before.
    member val Prepared: Prepared | null = null with get, set

/// A decision that is not yet durable.
[<Struct>]
type internal Undurable = {
    Decided: DecidedEvent
    /// The frontier before it.
    Before: Frontier
    /// The undurable decision on the same event that it replaced; null if there was none.
    Previously: DecidedEvent | null
    /// The staged event, if it came from elsewhere; null if this server made it.
    Received: Staged | null
    /// The state before it that a peer sent; null if none was needed.
    Trusted: StateTree | null
}
