namespace Matrix.Core.Room

open System
open System.Collections.Generic

/// A forward extremity: an event that no other known event of the room names as previous.
[<Struct; CustomEquality; NoComparison>]
type ForwardExtremity(ordinal: uint32, eventId: string) =

    /// The event's number in its room, on this server.
    member _.Ordinal = ordinal

    /// The event's id.
    member _.EventId = eventId

    override _.Equals other =
        match other with
        | :? ForwardExtremity as o -> o.Ordinal = ordinal && String.Equals(o.EventId, eventId)
        | _ -> false

    override _.GetHashCode() = HashCode.Combine(ordinal, eventId)

/// What a new event names as previous, and what stays for a later one.
[<Sealed>]
type PreviousEvents internal (named: ForwardExtremity[], kept: ForwardExtremity[]) =

    /// Those that the event names, the latest first.
    member _.Named: IReadOnlyList<ForwardExtremity> = named

    /// The ids of those that the event names.
    member _.Ids: string[] = named |> Array.map (fun e -> e.EventId)

    /// Those that are left, because there are too many.
    member _.Kept: IReadOnlyList<ForwardExtremity> = kept

/// The forward extremities of a room. Server-Server API, "PDUs" (`prev_events`) and "Soft failure".
[<AbstractClass; Sealed>]
type Extremities private () =

    /// What a new event of this server's names: at most `most`, the latest first.
    static member Choose(all: IReadOnlyList<ForwardExtremity>, most: int) : PreviousEvents =
        // A room whose servers hear each other has one.
        if all.Count = 1 then
            PreviousEvents([| all[0] |], [||])
        else
            let latestFirst = all |> Seq.sortByDescending (fun e -> e.Ordinal) |> Seq.toArray

            let count = min (max 1 most) latestFirst.Length
            PreviousEvents(Array.take count latestFirst, Array.skip count latestFirst)

    /// The extremities once an event is known: it replaces those that it names, if new events may build on it. A rejected or
    /// soft-failed event replaces none.
    static member After
        (all: IReadOnlyList<ForwardExtremity>, prevEvents: IReadOnlyCollection<string>, made: ForwardExtremity, mayBeBuiltOn: bool) : ForwardExtremity[] =
        if not mayBeBuiltOn then
            Seq.toArray all
        elif all.Count = 1 && Seq.contains all[0].EventId prevEvents then
            [| made |]
        else
            let named = HashSet<string>(prevEvents)

            [|
                for e in all do
                    if not (named.Contains e.EventId) then
                        e
                made
            |]

    /// The depth of a new event: one more than the greatest of its previous events, and no more than the version allows.
    /// Server-Server API, "PDUs" (`depth`).
    static member Depth(greatest: int64, maximum: int64) : int64 =
        if greatest >= maximum then maximum else greatest + 1L
