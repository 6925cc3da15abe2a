/// The checks on receipt read word by word: every state is computed recursively from the beginning of the room. Slow.
/// v1.19 server-server-api#checks-performed-on-receipt-of-a-pdu
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.ReceiptReference

open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Room.Incoming.Facts
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Generators

/// The results of the checks of events that arrived in order, each after the events that it names.
type Reading = {
    Status: Map<string, EventStatus>
    /// The state before each.
    Before: Map<string, StateMap>
    /// The forward extremities at the end.
    Extremities: Set<string>
}

/// The states before and after events, and which events are rejected, computed recursively and remembered.
[<Sealed>]
type private States(version: RoomVersion, events: Pdu list) =
    let all = Map [ for e in events -> e.EventId, e ]
    let rejections = Dictionary<string, bool>()
    let befores = Dictionary<string, StateMap>()
    let create = events |> List.find (fun e -> e.Type = "m.room.create")

    let graph () : RoomGraph = {
        Version = version
        Events = all
        Rejected =
            set [
                for KeyValue(id, isRejected) in rejections do
                    if isRejected then
                        id
            ]
    }

    let passes (state: StateMap) id =
        IterativeAuthChecks.passes (graph ()) (state |> Map.map (fun _ id -> all[id])) id

    let resolve (states: StateMap list) =
        match List.distinct states with
        | [] -> Map.empty
        | [ one ] -> one
        | states -> (StateResReference.resolve (graph ()) states).Resolved

    let rec before (id: string) : StateMap =
        match befores.TryGetValue id with
        | true, known -> known
        | _ ->
            let state = all[id].PrevEvents |> List.ofArray |> List.map after |> resolve
            befores[id] <- state
            state

    and isRejected (id: string) : bool =
        match rejections.TryGetValue id with
        | true, known -> known
        | _ ->
            let before = before id
            let event = all[id]

            let cited =
                event.AuthEvents
                |> Array.filter (fun a -> not (isRejected a))
                |> Array.map (fun a -> (all[a].Type, string all[a].StateKey), a)
                |> Map.ofArray

            let implied =
                if event.EventId = create.EventId || cited.ContainsKey("m.room.create", "") then
                    cited
                elif version.Settings.RoomIds = RoomIdForm.HashOfCreate then
                    cited.Add(("m.room.create", ""), create.EventId)
                else
                    cited

            let answer = not (passes implied id && passes before id)
            rejections[id] <- answer
            answer

    and after (id: string) : StateMap =
        let event = all[id]

        if isRejected id || not event.IsState then
            before id
        else
            (before id).Add((event.Type, string event.StateKey), id)

    let rec descends (id: string) (ancestor: string) : bool =
        all[id].PrevEvents
        |> Array.exists (fun p -> p = ancestor || descends p ancestor)

    member _.Before(id: string) : StateMap = before id

    member _.IsRejected(id: string) : bool = isRejected id

    /// The accepted events from which no accepted event descends.
    member _.Extremities(accepted: string list) : string list =
        accepted
        |> List.filter (fun id -> not (accepted |> List.exists (fun other -> descends other id)))

    /// Whether the event passes the rules with the resolved state of these extremities.
    member _.PassesAt(extremities: string list, id: string) : bool =
        passes (resolve (extremities |> List.map after)) id

/// Reads events in the order in which they are decided.
let read (version: RoomVersion) (events: Pdu list) : Reading =
    let states = States(version, events)

    let step (statuses: Map<string, EventStatus>, accepted: string list) (event: Pdu) =
        let id = event.EventId

        if states.IsRejected id then
            statuses.Add(id, EventStatus.Rejected), accepted
        else
            let extremities = states.Extremities accepted

            if extremities.IsEmpty || states.PassesAt(extremities, id) then
                statuses.Add(id, EventStatus.Accepted), id :: accepted
            else
                statuses.Add(id, EventStatus.SoftFailed), accepted

    let statuses, accepted = ((Map.empty, []), events) ||> List.fold step

    {
        Status = statuses
        Before = Map [ for e in events -> e.EventId, states.Before e.EventId ]
        Extremities = Set.ofList (states.Extremities accepted)
    }
