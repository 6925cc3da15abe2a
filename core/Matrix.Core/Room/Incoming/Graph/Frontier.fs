namespace Matrix.Core.Room.Incoming.Graph

open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.Room.Incoming.Facts

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
