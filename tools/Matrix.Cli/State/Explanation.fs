/// Reports and pictures of a resolution's steps.
module internal Matrix.Cli.State.Explanation

open System.Collections.Generic
open Matrix.Cli.Output
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Core.State
open Matrix.Core.StateRes
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds
open Matrix.Rules

/// A resolution, or a replay with its final resolution.
type Resolved = {
    Version: RoomVersion
    /// The known events by id.
    Events: Dictionary<string, Pdu>
    /// The states that were resolved.
    States: StateTree[]
    Resolution: Resolution
    State: StateTree
    /// The events of a replay, with the reason of each rejection; empty without a replay.
    Replayed: ReplayedEvent[]
}

/// The entries of a state by type and state key, in code point order.
let sorted (state: StateTree) : StateEntry[] =
    state.Entries()
    |> Array.sortWith (fun a b ->
        match JsonObject.CompareKeys(a.Type, b.Type) with
        | 0 -> JsonObject.CompareKeys(a.StateKey, b.StateKey)
        | byType -> byType)

/// The state as a table.
let stateTable (state: StateTree) : Table = {
    Name = "state"
    Columns = [ "type"; "state_key"; "event_id" ]
    Rows = [ for e in sorted state -> [ Word e.Type; Word e.StateKey; Word e.EventId ] ]
}

/// An event's type, state key and sender.
let private about (resolved: Resolved) (id: string) : Cell list =
    match resolved.Events.TryGetValue id with
    | true, pdu -> [ Word pdu.Type; Word(string pdu.StateKey); Word pdu.Sender ]
    | _ -> [ Word ""; Word ""; Word "" ]

let private aboutColumns = [ "type"; "state_key"; "sender" ]

let private algorithm (version: RoomVersion) = version.Settings.StateResolution.Name

/// Above this many events the literal algorithm takes too long.
let private mostLiteral = 1000

/// The entries that a server resolves differently if it counts the events of a state among its auth chain, as Synapse
/// does; none if there are too many events to tell.
let private counted (resolved: Resolved) : (string * string * string * string) list option =
    if resolved.Events.Count > mostLiteral || resolved.States.Length < 2 then
        None
    else
        let graph: RoomGraph = {
            Version = resolved.Version
            Events = Map [ for KeyValue(id, pdu) in resolved.Events -> id, pdu ]
            Rejected =
                set [
                    for e in resolved.Replayed do
                        if e.Rejection.IsSome then
                            e.Pdu.EventId
                ]
        }

        let states = [
            for state in resolved.States -> Map [ for e in state.Entries() -> (e.Type, e.StateKey), e.EventId ]
        ]

        match CountedAuthChains.apart graph states with
        | None -> Some []
        | Some apart ->
            Some [
                for eventType, key in apart.Keys ->
                    let at (state: StateMap) =
                        state.TryFind(eventType, key) |> Option.defaultValue ""

                    eventType, key, at apart.Stated, at apart.Counted
            ]

/// The full report.
let report (resolved: Resolved) : Report =
    let steps = resolved.Resolution.Steps

    let refused =
        steps.Refused
        |> Array.map (fun struct (id, failure) -> id, failure)
        |> Array.distinctBy fst
        |> dict

    let conflicted =
        if resolved.States.Length < 2 then
            [||]
        else
            (TreesToResolve.ofTrees resolved.States).Conflicted
            |> Array.sortWith (fun a b ->
                match JsonObject.CompareKeys(a.Type, b.Type) with
                | 0 -> JsonObject.CompareKeys(a.StateKey, b.StateKey)
                | byType -> byType)

    let agreed =
        match Array.tryHead resolved.States with
        | None -> 0
        | Some first ->
            first.Count
            - (conflicted |> Array.filter (fun c -> not (isNull c.Events[0])) |> Array.length)

    let ids name (events: string[]) = {
        Name = name
        Columns = "event_id" :: aboutColumns
        Rows = [ for id in Array.sort events -> Word id :: about resolved id ]
    }

    let order name (events: string[]) = {
        Name = name
        Columns = [ "place"; "event_id" ] @ aboutColumns @ [ "applied"; "reason" ]
        Rows = [
            for i in 0 .. events.Length - 1 ->
                let id = events[i]

                [ Count(int64 i + 1L); Word id ]
                @ about resolved id
                @ (match refused.TryGetValue id with
                   | true, failure -> [ Truth false; Word(Failures.render failure) ]
                   | _ -> [ Truth true; Word "" ])
        ]
    }

    let settled = {
        Name = "settled"
        Columns = [ "type"; "state_key"; "place"; "event_id"; "chosen"; "reason" ]
        Rows = [
            for s in steps.Settled do
                for i in 0 .. s.Order.Length - 1 ->
                    [
                        Word s.Type
                        Word s.StateKey
                        Count(int64 i + 1L)
                        Word s.Order[i]
                        Truth(s.Order[i] = s.Chosen)
                        Word(
                            match refused.TryGetValue s.Order[i] with
                            | true, failure -> Failures.render failure
                            | _ -> ""
                        )
                    ]
        ]
    }

    {
        Facts = [
            "room_version", Word resolved.Version.Id
            "algorithm", Word(algorithm resolved.Version)
            "states", Count(int64 resolved.States.Length)
            "agreed_on", Count(int64 agreed)
            "events_looked_at", Count(int64 steps.Visited)
        ]
        Tables = [
            if resolved.Replayed.Length > 0 then
                {
                    Name = "events"
                    Columns = "event_id" :: aboutColumns @ [ "accepted"; "reason" ]
                    Rows = [
                        for e in resolved.Replayed ->
                            Word e.Pdu.EventId :: about resolved e.Pdu.EventId
                            @ (match e.Rejection with
                               | ValueNone -> [ Truth true; Word "" ]
                               | ValueSome failure -> [ Truth false; Word(Failures.render failure) ])
                    ]
                }
            {
                Name = "conflicted"
                Columns = [ "type"; "state_key"; "state"; "event_id" ]
                Rows = [
                    for c in conflicted do
                        for i in 0 .. c.Events.Length - 1 ->
                            [ Word c.Type; Word c.StateKey; Count(int64 i + 1L); Word(string c.Events[i]) ]
                ]
            }
            match resolved.Version.Settings.StateResolution with
            | algorithm when algorithm.IsByType -> settled
            | other ->
                ids "auth_difference" steps.AuthDifference

                match counted resolved with
                | None
                | Some [] -> ()
                | Some entries -> {
                    Name = "states_counted_among_auth_chains"
                    Columns = [ "type"; "state_key"; "event_id"; "event_id_if_counted" ]
                    Rows = [
                        for eventType, key, stated, counted in entries ->
                            [ Word eventType; Word key; Word stated; Word counted ]
                    ]
                  }

                if other.Has(ResolutionStep.Gather ConflictedPart.Subgraph) then
                    ids "conflicted_subgraph" steps.Subgraph

                order "power_order" steps.PowerOrder
                order "mainline_order" steps.MainlineOrder
            stateTable resolved.State
        ]
    }

/// The picture. For a replay: the room's events and their previous events. For states: the visited events and their
/// auth events.
let graph (resolved: Resolved) : Graph.Graph =
    let steps = resolved.Resolution.Steps

    let conflicted =
        if resolved.States.Length < 2 then
            Set.empty
        else
            (TreesToResolve.ofTrees resolved.States).Conflicted
            |> Seq.collect (fun c -> Seq.choose Option.ofObj c.Events)
            |> Set.ofSeq

    let chosen = resolved.State.Entries() |> Array.map _.EventId |> Set.ofArray
    let refused = steps.Refused |> Array.map (fun struct (id, _) -> id) |> Set.ofArray

    let rejected =
        resolved.Replayed
        |> Array.filter _.Rejection.IsSome
        |> Array.map _.Pdu.EventId
        |> Set.ofArray

    let between =
        Set.ofArray (Array.append steps.AuthDifference steps.Subgraph) - conflicted

    let shown: Pdu[] =
        if resolved.Replayed.Length > 0 then
            resolved.Replayed |> Array.map _.Pdu
        else
            let centre = Set.union conflicted between

            let cited =
                centre |> Seq.collect (fun id -> resolved.Events[id].AuthEvents) |> Set.ofSeq

            Set.unionMany [ centre; cited; chosen ]
            |> Seq.map (fun id -> resolved.Events[id])
            |> Array.ofSeq

    let ids = shown |> Array.map _.EventId |> Set.ofArray

    let lowerOf (pdu: Pdu) =
        if resolved.Replayed.Length > 0 then
            pdu.PrevEvents
        else
            pdu.AuthEvents

    Graph.reduced {
        Nodes = [
            for pdu in shown ->
                {
                    Id = pdu.EventId
                    Lines = [
                        (if pdu.EventId.Length > 14 then
                             pdu.EventId.Substring(0, 13) + "…"
                         else
                             pdu.EventId)
                        (match pdu.StateKey with
                         | null
                         | "" -> pdu.Type
                         | key -> $"{pdu.Type} {key}")
                        "by " + pdu.Sender
                    ]
                    Marks = [
                        if conflicted.Contains pdu.EventId then
                            Graph.Mark.Conflicted
                        if between.Contains pdu.EventId then
                            Graph.Mark.Between
                        if
                            rejected.Contains pdu.EventId
                            || (refused.Contains pdu.EventId && not (chosen.Contains pdu.EventId))
                        then
                            Graph.Mark.Rejected
                        if chosen.Contains pdu.EventId then
                            Graph.Mark.Chosen
                    ]
                }
        ]
        Edges = [
            for pdu in shown do
                for id in lowerOf pdu |> Array.distinct do
                    if ids.Contains id then
                        pdu.EventId, id
        ]
    }
