namespace Matrix.Properties.Properties

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Json
open Matrix.Core.StateRes
open Matrix.Properties
open Matrix.Properties.Reference

/// What holds of the steps of state resolution, each by itself. Versions 2 and 2.1 of the algorithm share theirs; version 1 has its own.
[<RequireQualifiedAccess>]
module StateResStepProperties =

    /// A property that only a real conflict can break.
    let private ofStep name meaning version (holds: Conflict -> ResolutionSteps -> bool) : Property =
        Conflict.all name meaning version (fun conflict ->
            (List.distinct conflict.States).Length < 2
            || holds conflict conflict.Answer.Steps)

    let private conflictedOf (conflict: Conflict) : Set<string> =
        snd (StateResReference.split conflict.States)

    let private fullSet (conflict: Conflict) : Set<string> =
        Set.unionMany [
            conflictedOf conflict
            set conflict.Answer.Steps.AuthDifference
            set conflict.Answer.Steps.Subgraph
        ]

    /// The auth difference is what some rest on and others do not.
    let differenceIsNotShared (version: RoomVersion) : Property =
        ofStep
            "state-res.auth-difference.not-shared"
            "An event of the auth difference is below some state and not below another."
            version
            (fun conflict steps ->
                let below =
                    conflict.States
                    |> List.map (fun state ->
                        state.Values
                        |> Seq.map (StateResReference.chain conflict.Graph)
                        |> Set.unionMany)

                steps.AuthDifference
                |> Array.forall (fun id ->
                    below |> List.exists (Set.contains id)
                    && not (below |> List.forall (Set.contains id))))

    /// The subgraph lies between conflicting events.
    let subgraphLiesBetween (version: RoomVersion) : Property =
        ofStep
            "state-res.subgraph.lies-between"
            "Each event of the conflicted subgraph is a conflicting one or rests on one, and is a conflicting one or carries one; before version 2.1 there is none."
            version
            (fun conflict steps ->
                let conflicted = conflictedOf conflict
                let chainOf = StateResReference.chain conflict.Graph
                let carried = conflicted |> Seq.map chainOf |> Set.unionMany

                if version.Settings.StateResolution = StateResolutionAlgorithm.V2_1 then
                    steps.Subgraph
                    |> Array.forall (fun id ->
                        (conflicted.Contains id || carried.Contains id)
                        && (conflicted.Contains id || not (Set.intersect conflicted (chainOf id)).IsEmpty))
                else
                    steps.Subgraph.Length = 0)

    /// Each event is tried once.
    let ordersCoverTheSet (version: RoomVersion) : Property =
        ofStep
            "state-res.orders-cover-the-set"
            "Each event of the full conflicted set is in one of the two orders, once; nothing else is."
            version
            (fun conflict steps ->
                let tried = Array.append steps.PowerOrder steps.MainlineOrder
                (Array.distinct tried).Length = tried.Length && set tried = fullSet conflict)

    /// The first order has the power events and what they rest on.
    let powerOrderIsClosed (version: RoomVersion) : Property =
        ofStep
            "state-res.power-order.closed"
            "The first order holds every power event of the set, with what of the set is in its auth chain, and nothing that no power event rests on."
            version
            (fun conflict steps ->
                let full = fullSet conflict

                let powerEvents =
                    full
                    |> Set.filter (fun id -> StateResReference.isPowerEvent conflict.Graph.Events[id])

                let below =
                    powerEvents |> Seq.map (StateResReference.chain conflict.Graph) |> Set.unionMany

                set steps.PowerOrder = Set.union powerEvents (Set.intersect below full))

    /// The first order is topological.
    let powerOrderIsTopological (version: RoomVersion) : Property =
        ofStep
            "state-res.power-order.topological"
            "In the first order nothing stands before what it rests on."
            version
            (fun conflict steps ->
                let place = steps.PowerOrder |> Seq.mapi (fun i id -> id, i) |> Map.ofSeq

                steps.PowerOrder
                |> Array.forall (fun id ->
                    StateResReference.chain conflict.Graph id
                    |> Seq.choose place.TryFind
                    |> Seq.forall (fun below -> below < place[id])))

    /// The first order is the smallest of the topological ones.
    let powerOrderIsTheSmallest (version: RoomVersion) : Property =
        let rules = AuthRules version

        ofStep
            "state-res.power-order.smallest"
            "Of two neighbours in the first order that do not rest on one another, the first has the greater power, or the earlier time, or the lesser identifier."
            version
            (fun conflict steps ->
                let key id =
                    -(StateResReference.powerOf conflict.Graph rules id), conflict.Graph.Events[id].OriginServerTs

                steps.PowerOrder
                |> Array.pairwise
                |> Array.forall (fun (a, b) ->
                    (StateResReference.chain conflict.Graph b).Contains a
                    || key a < key b
                    || (key a = key b && JsonObject.CompareKeys(a, b) < 0)))

    /// The second order is sorted, without ties.
    let mainlineOrderIsTotal (version: RoomVersion) : Property =
        ofStep
            "state-res.mainline-order.total"
            "In the second order each event comes strictly before the next: by mainline position, then time, then identifier."
            version
            (fun conflict steps ->
                let levels =
                    let isLevels id =
                        conflict.Graph.Events[id].Type = "m.room.power_levels"
                        && conflict.Graph.Events[id].StateKey = ""

                    let applied =
                        steps.PowerOrder
                        |> Array.filter (fun id -> isLevels id && Array.contains id steps.Applied)

                    let unconflicted, _ = StateResReference.split conflict.States

                    match Array.tryLast applied with
                    | None when version.Settings.StateResolution = StateResolutionAlgorithm.V2 ->
                        unconflicted.TryFind("m.room.power_levels", "")
                    | last -> last

                let mainline = StateResReference.mainline conflict.Graph levels

                let key id =
                    -(int64 (StateResReference.mainlinePosition conflict.Graph mainline id)),
                    conflict.Graph.Events[id].OriginServerTs

                steps.MainlineOrder
                |> Array.pairwise
                |> Array.forall (fun (a, b) -> key a < key b || (key a = key b && JsonObject.CompareKeys(a, b) < 0)))

    /// What is applied was allowed there and then.
    let appliedPassed (version: RoomVersion) : Property =
        ofStep
            "state-res.checks.applied-passed"
            "Tried in the order of the steps, exactly the events that are applied pass the check in the state at that step."
            version
            (fun conflict steps ->
                let unconflicted, _ = StateResReference.split conflict.States

                let start =
                    if version.Settings.StateResolution = StateResolutionAlgorithm.V2_1 then
                        Map.empty
                    else
                        unconflicted

                let order = List.ofArray steps.PowerOrder @ List.ofArray steps.MainlineOrder
                let state, passed = StateResReference.iterate conflict.Graph start order

                List.ofArray steps.Applied = passed
                && set [ for struct (id, _) in steps.Refused -> id ] = set order - set passed
                && conflict.Answer.Entries
                   |> Array.forall (fun e -> state.TryFind(e.Type, e.StateKey) = Some e.EventId))

    /// Version 1: what some states lack is no conflict.
    let missingIsNoConflict (version: RoomVersion) : Property =
        ofStep
            "state-res.first.missing-is-no-conflict"
            "An event that no state contradicts is in the resolved state, also if some states have nothing at its key."
            version
            (fun conflict _ ->
                let resolved = StatesAsSource.whole conflict.States conflict.Answer

                conflict.States
                |> Seq.collect Map.toSeq
                |> Seq.groupBy fst
                |> Seq.forall (fun (key, entries) ->
                    match entries |> Seq.map snd |> Seq.distinct |> List.ofSeq with
                    | [ only ] -> resolved.TryFind key = Some only
                    | several -> resolved.TryFind key |> Option.exists (fun id -> List.contains id several)))

    /// Version 1: the passes.
    let passesAreInOrder (version: RoomVersion) : Property =
        ofStep
            "state-res.first.passes-in-order"
            "Each key in conflict is settled once: power levels, then join rules, then members, then the rest."
            version
            (fun conflict steps ->
                let pass (s: SettledConflict) =
                    match s.Type with
                    | "m.room.power_levels" -> 0
                    | "m.room.join_rules" -> 1
                    | "m.room.member" -> 2
                    | _ -> 3

                let keys = steps.Settled |> Array.map (fun s -> s.Type, s.StateKey)

                let inConflict =
                    conflict.States
                    |> Seq.collect Map.toSeq
                    |> Seq.distinct
                    |> Seq.countBy fst
                    |> Seq.filter (fun (_, n) -> n > 1)
                    |> Seq.map fst

                set keys = set inConflict
                && (Array.distinct keys).Length = keys.Length
                && steps.Settled |> Array.pairwise |> Array.forall (fun (a, b) -> pass a <= pass b))

    /// Version 1: the order at a key.
    let depthOrderIsTotal (version: RoomVersion) : Property =
        ofStep
            "state-res.first.depth-order"
            "At a key that matters to authorization events are tried from the least deep on, at any other from the deepest."
            version
            (fun conflict steps ->
                steps.Settled
                |> Array.forall (fun s ->
                    let upwards =
                        List.contains s.Type [ "m.room.power_levels"; "m.room.join_rules"; "m.room.member" ]

                    let depths = s.Order |> Array.map (fun id -> conflict.Graph.Events[id].Depth)

                    (Array.distinct s.Order).Length = s.Order.Length
                    && depths
                       |> Array.pairwise
                       |> Array.forall (fun (a, b) -> if upwards then a <= b else a >= b)))

    /// Version 1: nothing climbs past what is refused.
    let climbStops (version: RoomVersion) : Property =
        ofStep
            "state-res.first.refused-do-not-stand"
            "An event that was refused stands only where all events of its key were."
            version
            (fun _ steps ->
                let refused = set [ for struct (id, _) in steps.Refused -> id ]

                steps.Settled
                |> Array.forall (fun s ->
                    not (refused.Contains s.Chosen)
                    || s.Order
                       |> Array.forall (fun id -> refused.Contains id || id = Array.last s.Order)))

    /// All of them, for a version.
    let all (version: RoomVersion) : Property list =
        match version.Settings.StateResolution with
        | StateResolutionAlgorithm.V1 -> [
            missingIsNoConflict version
            passesAreInOrder version
            depthOrderIsTotal version
            climbStops version
          ]
        | _ -> [
            differenceIsNotShared version
            subgraphLiesBetween version
            ordersCoverTheSet version
            powerOrderIsClosed version
            powerOrderIsTopological version
            powerOrderIsTheSmallest version
            mainlineOrderIsTotal version
            appliedPassed version
          ]
