namespace Matrix.Core.Room

open System
open System.Collections.Generic
open Matrix.Core.State

/// How the states before and after an event are known.
[<RequireQualifiedAccess>]
type Provenance =
    /// This server decided the event and its whole ancestry (previous events and auth events) back to the create event.
    | Computed
    /// A part of its ancestry was taken from a peer: a state, or an auth event whose own ancestry is not known.
    | OnTrust

/// A forward extremity: an accepted event from which no accepted event of the room descends.
[<Sealed>]
type ForwardExtremity(ordinal: uint32, eventId: string, depth: int64, stateAfter: StateTree, provenance: Provenance) =

    /// An extremity without depth and state, for callers that compare only ordinals and ids.
    new(ordinal: uint32, eventId: string) = ForwardExtremity(ordinal, eventId, 0L, StateTree.Empty, Provenance.Computed)

    /// The event's number in its room, on this server.
    member _.Ordinal = ordinal

    /// The event's id.
    member _.EventId = eventId

    /// The event's depth.
    member _.Depth = depth

    /// The state after the event.
    member _.StateAfter = stateAfter

    /// How that state is known.
    member _.Provenance = provenance

    /// The same extremity, with another tree of the same state.
    member internal _.WithState(tree: StateTree) =
        ForwardExtremity(ordinal, eventId, depth, tree, provenance)

    override _.Equals other =
        match other with
        | :? ForwardExtremity as o -> o.Ordinal = ordinal && String.Equals(o.EventId, eventId)
        | _ -> false

    override _.GetHashCode() = HashCode.Combine(ordinal, eventId)

    override _.ToString() = $"{eventId} #{ordinal}"

/// The previous events of a new event, and the extremities that it leaves.
[<Sealed>]
type PreviousEvents internal (named: ForwardExtremity[], kept: ForwardExtremity[]) =

    /// The extremities that the event names, the latest first.
    member _.Named: IReadOnlyList<ForwardExtremity> = named

    /// The ids of the extremities that the event names.
    member _.Ids: string[] = named |> Array.map (fun e -> e.EventId)

    /// The extremities that it does not name, since there are too many.
    member _.Kept: IReadOnlyList<ForwardExtremity> = kept

    member internal _.NamedArray = named
    member internal _.KeptArray = kept

/// The forward extremities of a room. v1.19 server-server-api#pdus (`prev_events`),
/// v1.19 server-server-api#soft-failure
[<AbstractClass; Sealed>]
type Extremities private () =

    /// The extremities that a new event of this server names: at most `most`, the latest first.
    static member Choose(all: IReadOnlyList<ForwardExtremity>, most: int) : PreviousEvents =
        // Most rooms have one.
        if all.Count = 1 then
            PreviousEvents([| all[0] |], [||])
        else
            let latestFirst = all |> Seq.sortByDescending (fun e -> e.Ordinal) |> Seq.toArray

            let count = min (max 1 most) latestFirst.Length
            PreviousEvents(Array.take count latestFirst, Array.skip count latestFirst)

    /// The extremities after an event: if new events may build on it, it replaces those that it names. A rejected or
    /// soft-failed event replaces none.
    static member After
        (
            all: IReadOnlyList<ForwardExtremity>,
            prevEvents: IReadOnlyCollection<string>,
            made: ForwardExtremity,
            mayBeBuiltOn: bool
        ) : ForwardExtremity[] =
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

    /// The depth of a new event: one more than the greatest depth of its previous events, up to the version's limit.
    /// v1.19 server-server-api#pdus (`depth`).
    static member Depth(greatest: int64, maximum: int64) : int64 =
        if greatest >= maximum then maximum else greatest + 1L
