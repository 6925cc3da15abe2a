namespace Matrix.Properties.Properties

open FsCheck.FSharp
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.State
open Matrix.Core.StateRes
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Reference

/// What holds of rooms whose events are replayed: the state before and after each, where history forks and merges.
[<RequireQualifiedAccess>]
module ReplayProperties =

    let private run (rules: AuthRules) (events: Pdu[]) : Replay =
        match Replay.Run(rules, events, ResolutionLimits.usual) with
        | Ok replay -> replay
        | Error error -> failwith $"%A{error}"

    let private ofRooms name meaning (version: RoomVersion) (holds: AuthRules -> Pdu[] -> bool) : Property =
        let rules = AuthRules version

        Property.forAllShrink $"{name}.{version.Id}" meaning DagGen.steps DagGen.shrink (fun steps ->
            holds rules (DagGen.play version steps))

    let private mapOf (tree: StateTree) : StateResReference.StateMap =
        Map [ for e in tree.Entries() -> (e.Type, e.StateKey), e.EventId ]

    /// Two servers agree.
    let arrivalOrder (version: RoomVersion) : Property =
        ofRooms
            "state-res.arrival-order"
            "Servers that hear of the same events in different orders accept the same ones, and hold the same state before and after each."
            version
            (fun rules events ->
                let seenBy (events: Pdu[]) =
                    let replay = run rules events

                    set [
                        for e in replay.Events ->
                            e.Pdu.EventId, e.Rejection.IsSome, mapOf e.Before |> Map.toList, mapOf e.After |> Map.toList
                    ],
                    set replay.Extremities,
                    mapOf replay.State

                let first = seenBy events

                [ 1..4 ]
                |> List.forall (fun seed -> seenBy (DagGen.shuffled seed events) = first))

    /// The state before an event, by its definition.
    let isTheDefinition (version: RoomVersion) : Property =
        ofRooms
            "state-res.state-before-and-after"
            "The state before an event is the resolution of the states after its previous events; an event that its auth events and that state allow, and no other, changes the state after it."
            version
            (fun rules events ->
                let replay = run rules events

                let literal =
                    (Map.empty, replay.Events)
                    ||> Array.fold (fun known e ->
                        let id = e.Pdu.EventId

                        let graph: StateResReference.Graph = {
                            Version = version
                            Events = Map [ for e in replay.Events -> e.Pdu.EventId, e.Pdu ]
                            Rejected = known |> Map.filter (fun _ (_, rejected) -> rejected) |> Map.keys |> Set.ofSeq
                        }

                        let before =
                            match [ for p in e.Pdu.PrevEvents -> fst (Map.find p known) ] with
                            | [] -> Map.empty
                            | states -> (StateResReference.resolve graph states).Resolved

                        let allowedIn (state: StateResReference.StateMap) =
                            StateResReference.passes graph (state |> Map.map (fun _ id -> graph.Events[id])) id

                        let byAuthEvents =
                            Map [
                                for a in e.Pdu.AuthEvents -> (graph.Events[a].Type, string graph.Events[a].StateKey), a
                            ]

                        let withCreate =
                            match e.Pdu.Type, before.TryFind("m.room.create", "") with
                            | "m.room.create", _
                            | _, None -> byAuthEvents
                            | _, Some create -> byAuthEvents.Add(("m.room.create", ""), create)

                        let rejected = not (allowedIn withCreate && allowedIn before)

                        let after =
                            match e.Pdu.StateKey with
                            | NonNull key when not rejected -> before.Add((e.Pdu.Type, key), id)
                            | _ -> before

                        known.Add(id, (after, rejected)))

                replay.Events
                |> Array.forall (fun e -> literal[e.Pdu.EventId] = (mapOf e.After, e.Rejection.IsSome)))

    /// The end of the room.
    let extremitiesAreTheEnd (version: RoomVersion) : Property =
        ofRooms
            "state-res.extremities-are-the-end"
            "Every accepted event is a forward extremity or comes before one, and no forward extremity comes before another."
            version
            (fun rules events ->
                let replay = run rules events
                let byId = Map [ for e in replay.Events -> e.Pdu.EventId, e.Pdu ]

                let rec before (seen: Set<string>) (pending: string list) =
                    match pending with
                    | [] -> seen
                    | id :: rest when seen.Contains id -> before seen rest
                    | id :: rest -> before (seen.Add id) (List.ofArray byId[id].PrevEvents @ rest)

                let behind =
                    replay.Extremities
                    |> Array.map (fun id -> before Set.empty (List.ofArray byId[id].PrevEvents))
                    |> Set.unionMany

                let accepted =
                    replay.Events
                    |> Array.filter (fun e -> e.Rejection.IsNone)
                    |> Array.map _.Pdu.EventId
                    |> set

                (Set.intersect (set replay.Extremities) behind).IsEmpty
                && Set.isSubset accepted (Set.union behind (set replay.Extremities)))

    /// All of them, for a version. Each check replays rooms many times over.
    let all (version: RoomVersion) : Property list =
        [ arrivalOrder version; isTheDefinition version; extremitiesAreTheEnd version ]
        |> List.map (Property.atMost 40)
