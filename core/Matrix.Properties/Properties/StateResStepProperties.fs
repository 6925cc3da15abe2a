namespace Matrix.Properties.Properties

open Matrix.Rules
open Matrix.Core.Json
open Matrix.Properties
open Matrix.Properties.Reference.StateResolution

/// What holds of the steps of state resolution, each by itself. Versions 2 and 2.1 of the algorithm share theirs; version 1 has its own.
[<RequireQualifiedAccess>]
module StateResStepProperties =

    let private conflictedOf (conflict: Conflict) : Set<string> =
        snd (ConflictedState.split conflict.States)

    let private isRevised (conflict: Conflict) : bool =
        conflict.Graph.Version.Settings.StateResolution = StateResolutionAlgorithm.V2_1

    let private fullSet (conflict: Conflict) : Set<string> =
        Set.unionMany [
            conflictedOf conflict
            conflict.Steps.AuthDifference
            conflict.Steps.Subgraph
        ]

    /// The auth difference is what some rest on and others do not.
    let differenceIsNotShared: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.auth-difference.not-shared"
            "An event of the auth difference is below some state and not below another."
            (fun conflict steps ->
                let below =
                    conflict.States
                    |> List.map (fun state ->
                        state.Values |> Seq.map (AuthChains.chain conflict.Graph) |> Set.unionMany)

                steps.AuthDifference
                |> Set.forall (fun id ->
                    below |> List.exists (Set.contains id)
                    && not (below |> List.forall (Set.contains id))))

    /// The subgraph lies between conflicting events.
    let subgraphLiesBetween: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.subgraph.lies-between"
            "Each event of the conflicted subgraph is a conflicting one or rests on one, and is a conflicting one or carries one; before version 2.1 there is none."
            (fun conflict steps ->
                let conflicted = conflictedOf conflict
                let chainOf = AuthChains.chain conflict.Graph
                let carried = conflicted |> Seq.map chainOf |> Set.unionMany

                if isRevised conflict then
                    steps.Subgraph
                    |> Set.forall (fun id ->
                        (conflicted.Contains id || carried.Contains id)
                        && (conflicted.Contains id || not (Set.intersect conflicted (chainOf id)).IsEmpty))
                else
                    steps.Subgraph.IsEmpty)

    /// The subgraph leaves nothing out.
    let subgraphIsWhole: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.subgraph.whole"
            "In version 2.1, whatever rests on one conflicting event and carries another is in the conflicted subgraph, and so are both of these."
            (fun conflict steps ->
                let conflicted = conflictedOf conflict
                let chainOf = AuthChains.chain conflict.Graph

                not (isRevised conflict)
                || conflicted
                   |> Set.forall (fun upper ->
                       chainOf upper
                       |> Set.forall (fun id ->
                           let rests = not (Set.intersect conflicted (chainOf id)).IsEmpty

                           (not rests || steps.Subgraph.Contains id)
                           && (not (conflicted.Contains id)
                               || (steps.Subgraph.Contains id && steps.Subgraph.Contains upper)))))

    /// Each event is tried once.
    let ordersCoverTheSet: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.orders-cover-the-set"
            "Each event of the full conflicted set is in one of the two orders, once; nothing else is."
            (fun conflict steps ->
                let tried = steps.PowerOrder @ steps.MainlineOrder
                (List.distinct tried).Length = tried.Length && set tried = fullSet conflict)

    /// The first order has the power events and what they rest on.
    let powerOrderIsClosed: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.power-order.closed"
            "The first order holds every power event of the set, with what of the set is in its auth chain, and nothing that no power event rests on."
            (fun conflict steps ->
                let full = fullSet conflict

                let powerEvents =
                    full
                    |> Set.filter (fun id -> PowerOrdering.isPowerEvent conflict.Graph.Events[id])

                let below =
                    powerEvents |> Seq.map (AuthChains.chain conflict.Graph) |> Set.unionMany

                set steps.PowerOrder = Set.union powerEvents (Set.intersect below full))

    /// The first order is topological.
    let powerOrderIsTopological: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.power-order.topological"
            "In the first order nothing stands before what it rests on."
            (fun conflict steps ->
                let place = steps.PowerOrder |> Seq.mapi (fun i id -> id, i) |> Map.ofSeq

                steps.PowerOrder
                |> List.forall (fun id ->
                    AuthChains.chain conflict.Graph id
                    |> Seq.choose place.TryFind
                    |> Seq.forall (fun below -> below < place[id])))

    /// The first order is the smallest of the topological ones.
    let powerOrderIsTheSmallest: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.power-order.smallest"
            "Of two neighbours in the first order that do not rest on one another, the first has the greater power, or the earlier time, or the lesser identifier."
            (fun conflict steps ->
                let isBefore a b =
                    let time id =
                        conflict.Graph.Events[id].OriginServerTs

                    let power = PowerOrdering.powerOf conflict.Graph

                    if power a <> power b then power a > power b
                    elif time a <> time b then time a < time b
                    else JsonObject.CompareKeys(a, b) < 0

                steps.PowerOrder
                |> List.pairwise
                |> List.forall (fun (a, b) -> (AuthChains.chain conflict.Graph b).Contains a || isBefore a b))

    /// The second order is sorted, without ties.
    let mainlineOrderIsTotal: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.mainline-order.total"
            "In the second order each event comes strictly before the next: by mainline position, then time, then identifier."
            (fun conflict steps ->
                let levels =
                    let isLevels id =
                        conflict.Graph.Events[id].Type = "m.room.power_levels"
                        && conflict.Graph.Events[id].StateKey = ""

                    let applied =
                        steps.PowerOrder
                        |> List.filter (fun id -> isLevels id && List.contains id steps.Applied)

                    let unconflicted, _ = ConflictedState.split conflict.States

                    match List.tryLast applied with
                    | None when not (isRevised conflict) -> unconflicted.TryFind("m.room.power_levels", "")
                    | last -> last

                let mainline = MainlineOrdering.mainline conflict.Graph levels

                let key id =
                    -(int64 (MainlineOrdering.mainlinePosition conflict.Graph mainline id)),
                    conflict.Graph.Events[id].OriginServerTs

                steps.MainlineOrder
                |> List.pairwise
                |> List.forall (fun (a, b) -> key a < key b || (key a = key b && JsonObject.CompareKeys(a, b) < 0)))

    /// What is applied was allowed there and then.
    let appliedPassed: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.checks.applied-passed"
            "Tried in the order of the steps, exactly the events that are applied pass the check in the state at that step."
            (fun conflict steps ->
                let unconflicted, _ = ConflictedState.split conflict.States

                let start = if isRevised conflict then Map.empty else unconflicted
                let order = steps.PowerOrder @ steps.MainlineOrder
                let state, passed = IterativeAuthChecks.iterate conflict.Graph start order

                steps.Applied = passed
                && set steps.Refused = set order - set passed
                && conflict.Answer.Entries
                   |> List.forall (fun e -> state.TryFind(e.Type, e.StateKey) = Some e.EventId))

    /// Version 1: what some states lack is no conflict.
    let missingIsNoConflict: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.first.missing-is-no-conflict"
            "An event that no state contradicts is in the resolved state, also if some states have nothing at its key."
            (fun conflict _ ->
                let resolved = conflict.Resolved

                conflict.States
                |> Seq.collect Map.toSeq
                |> Seq.groupBy fst
                |> Seq.forall (fun (key, entries) ->
                    match entries |> Seq.map snd |> Seq.distinct |> List.ofSeq with
                    | [ only ] -> resolved.TryFind key = Some only
                    | several -> resolved.TryFind key |> Option.exists (fun id -> List.contains id several)))

    /// Version 1: the passes.
    let passesAreInOrder: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.first.passes-in-order"
            "Each key in conflict is settled once: power levels, then join rules, then members, then the rest."
            (fun conflict steps ->
                let pass ((eventType, _): string * string, _, _) =
                    match eventType with
                    | "m.room.power_levels" -> 0
                    | "m.room.join_rules" -> 1
                    | "m.room.member" -> 2
                    | _ -> 3

                let keys = steps.Settled |> List.map (fun (key, _, _) -> key)

                let inConflict =
                    conflict.States
                    |> Seq.collect Map.toSeq
                    |> Seq.distinct
                    |> Seq.countBy fst
                    |> Seq.filter (fun (_, n) -> n > 1)
                    |> Seq.map fst

                set keys = set inConflict
                && (List.distinct keys).Length = keys.Length
                && steps.Settled |> List.pairwise |> List.forall (fun (a, b) -> pass a <= pass b))

    /// Version 1: the order at a key.
    let depthOrderIsTotal: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.first.depth-order"
            "At a key that authorization reads events are tried from the least deep on, of the same depth from the greatest SHA-1 on; at any other the other way round."
            (fun conflict steps ->
                let sha1 (id: string) =
                    id
                    |> System.Text.Encoding.UTF8.GetBytes
                    |> System.Security.Cryptography.SHA1.HashData
                    |> System.Convert.ToHexString

                let isBefore a b =
                    let x, y = conflict.Graph.Events[a].Depth, conflict.Graph.Events[b].Depth
                    x < y || (x = y && System.String.CompareOrdinal(sha1 a, sha1 b) > 0)

                steps.Settled
                |> List.forall (fun ((eventType, _), order, _) ->
                    let isUpwards =
                        List.contains eventType [ "m.room.power_levels"; "m.room.join_rules"; "m.room.member" ]

                    order
                    |> List.pairwise
                    |> List.forall (fun (a, b) -> if isUpwards then isBefore a b else isBefore b a)))

    /// Version 1: nothing climbs past what is refused.
    let climbStops: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.first.refused-do-not-stand"
            "Of the events of a key, none stands that was refused, and none behind one that was; where authorization does not read the key, all before the one that stands were refused."
            (fun _ steps ->
                let refused = set steps.Refused

                steps.Settled
                |> List.forall (fun ((eventType, _), order, chosen) ->
                    let before = order |> List.takeWhile ((<>) chosen)

                    not (refused.Contains chosen)
                    && if List.contains eventType [ "m.room.power_levels"; "m.room.join_rules"; "m.room.member" ] then
                           before |> List.forall (refused.Contains >> not)
                       else
                           before |> List.forall refused.Contains))

    /// What holds of the steps of an algorithm.
    let laws (algorithm: StateResolutionAlgorithm) : Law<Conflict> list =
        match algorithm with
        | algorithm when algorithm.IsByType -> [ missingIsNoConflict; passesAreInOrder; depthOrderIsTotal; climbStops ]
        | _ -> [
            differenceIsNotShared
            subgraphLiesBetween
            subgraphIsWhole
            ordersCoverTheSet
            powerOrderIsClosed
            powerOrderIsTopological
            powerOrderIsTheSmallest
            mainlineOrderIsTotal
            appliedPassed
          ]

    /// All of them, for a version.
    let all (version: RoomVersion) : Property list =
        laws version.Settings.StateResolution
        |> List.map (Conflict.property (Resolving.production version))
