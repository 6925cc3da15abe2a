/// A room replayed word by word: the state before and after each event, which events are rejected, and the extremities.
/// Slow.
/// v1.19 rooms/v12#state-resolution; v1.19 server-server-api#checks-performed-on-receipt-of-a-pdu, without soft
/// failure.
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.ReplayReference

open Matrix.Rules
open Matrix.Core.Event
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Generators

/// A replayed event.
type Placed = {
    Id: string
    IsRejected: bool
    Before: StateMap
    After: StateMap
}

/// A room that was replayed.
type Replayed = {
    /// In the order in which they were decided.
    Events: Placed list
    /// The forward extremities, in the same order.
    Extremities: string list
    /// The state after them.
    State: StateMap
}

/// The steps of a replay as values, so that tests can replace one.
type Habits = {
    /// Resolves the states after several events.
    Resolve: RoomGraph -> StateMap list -> StateMap
    /// Whether an event is rejected, given whether its auth events and the state before it allow it.
    Rejects: bool -> bool -> bool
    /// The state after an event, given whether it is rejected and the state before it.
    After: Pdu -> bool -> StateMap -> StateMap
    /// Whether one of the accepted events (the set) descends from the given event, which is then no extremity.
    IsPassed: Map<string, Pdu> -> Set<string> -> string -> bool
}

/// Whether one event descends from another.
let rec private descends (events: Map<string, Pdu>) (ancestor: string) (id: string) : bool =
    events[id].PrevEvents
    |> Array.exists (fun p -> p = ancestor || descends events ancestor p)

/// The steps as the pages say.
let literal: Habits = {
    Resolve = fun graph states -> (StateResReference.resolve graph states).Resolved
    Rejects = fun byAuthEvents byState -> not (byAuthEvents && byState)
    After =
        fun event isRejected before ->
            match event.StateKey with
            | NonNull key when not isRejected -> before.Add((event.Type, key), event.EventId)
            | _ -> before
    IsPassed = fun events accepted id -> accepted |> Set.exists (descends events id)
}

/// The events in the given order, but each after all events that it names.
let private inTurn (given: Pdu[]) : Pdu list =
    let rec take (taken: Pdu list) (left: Pdu list) =
        let isTaken id =
            taken |> List.exists (fun e -> e.EventId = id)

        let isNext (e: Pdu) =
            Array.append e.PrevEvents e.AuthEvents |> Array.forall isTaken

        match left |> List.tryFind isNext with
        | Some next -> take (next :: taken) (left |> List.filter (fun e -> e.EventId <> next.EventId))
        | None -> List.rev taken

    take [] (List.ofArray given)

/// Replays a room whose events name only each other.
let replay (habits: Habits) (version: RoomVersion) (given: Pdu[]) : Replayed =
    let events = Map [ for e in given -> e.EventId, e ]

    let graph (placed: Placed list) : RoomGraph = {
        Version = version
        Events = events
        Rejected =
            set [
                for p in placed do
                    if p.IsRejected then
                        p.Id
            ]
    }

    let merge (placed: Placed list) (ids: seq<string>) =
        match [ for id in ids -> (placed |> List.find (fun p -> p.Id = id)).After ] with
        | [] -> Map.empty
        | [ one ] -> one
        | states -> habits.Resolve (graph placed) states

    let place (placed: Placed list) (event: Pdu) =
        let id = event.EventId
        let before = merge placed event.PrevEvents
        let graph = graph placed

        let allowedIn (state: StateMap) =
            IterativeAuthChecks.passes graph (state |> Map.map (fun _ id -> events[id])) id

        let cited =
            Map [ for a in event.AuthEvents -> (events[a].Type, string events[a].StateKey), a ]

        let citedWithCreate =
            match event.Type, before.TryFind("m.room.create", "") with
            | "m.room.create", _
            | _, None -> cited
            | _, Some create -> cited.Add(("m.room.create", ""), create)

        let isRejected = habits.Rejects (allowedIn citedWithCreate) (allowedIn before)

        {
            Id = id
            IsRejected = isRejected
            Before = before
            After = habits.After event isRejected before
        }
        :: placed

    let placed = ([], inTurn given) ||> List.fold place

    let accepted =
        placed |> List.filter (fun p -> not p.IsRejected) |> List.map _.Id |> List.rev

    let extremities =
        accepted |> List.filter (habits.IsPassed events (set accepted) >> not)

    {
        Events = List.rev placed
        Extremities = extremities
        State = merge placed extremities
    }
