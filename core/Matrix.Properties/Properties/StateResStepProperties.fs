namespace Matrix.Properties.Properties

open Matrix.Rules
open Matrix.Core.Json
open Matrix.Properties
open Matrix.Properties.Reference.StateResolution

/// Properties of each step of state resolution. Versions 2 and 2.1 of the algorithm share steps; version 1 has its own.
[<RequireQualifiedAccess>]
module StateResStepProperties =

    let private conflictedOf (conflict: Conflict) : Set<string> =
        snd (ConflictedState.split conflict.States)

    /// Whether the algorithm of the room's version has a step. Its name does not matter, nor do its other steps.
    let private has (step: ResolutionStep) (conflict: Conflict) : bool =
        conflict.Graph.Version.Settings.StateResolution.Has step

    let private gathersSubgraph = has (ResolutionStep.Gather ConflictedPart.Subgraph)
    let private startsEmpty = has (ResolutionStep.StartFrom Start.Empty)

    let private several (order: string list) : bool = order.Length > 1

    let private fullSet (conflict: Conflict) : Set<string> =
        Set.unionMany [
            conflictedOf conflict
            conflict.Steps.AuthDifference
            conflict.Steps.Subgraph
        ]

    /// No event of the auth difference is in the auth chains of all states.
    let differenceIsNotShared: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.auth-difference.not-shared"
            "An event of the auth difference is in the auth chain of some state and not in that of another."
            (fun _ steps -> not steps.AuthDifference.IsEmpty)
            (fun conflict steps ->
                let below =
                    conflict.States
                    |> List.map (fun state ->
                        state.Values |> Seq.map (AuthChains.chain conflict.Graph) |> Set.unionMany)

                steps.AuthDifference
                |> Set.forall (fun id ->
                    below |> List.exists (Set.contains id)
                    && not (below |> List.forall (Set.contains id))))

    /// The conflicted subgraph lies between conflicted events.
    let subgraphLiesBetween: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.subgraph.lies-between"
            "Each event of the conflicted subgraph is a conflicted event or has one in its auth chain, and is one or \
             is in the auth chain of one; an algorithm that does not gather a subgraph has none."
            (fun conflict steps -> not (gathersSubgraph conflict) || not steps.Subgraph.IsEmpty)
            (fun conflict steps ->
                let conflicted = conflictedOf conflict
                let chainOf = AuthChains.chain conflict.Graph
                let carried = conflicted |> Seq.map chainOf |> Set.unionMany

                if gathersSubgraph conflict then
                    steps.Subgraph
                    |> Set.forall (fun id ->
                        (conflicted.Contains id || carried.Contains id)
                        && (conflicted.Contains id || not (Set.intersect conflicted (chainOf id)).IsEmpty))
                else
                    steps.Subgraph.IsEmpty)

    /// The conflicted subgraph is complete.
    let subgraphIsWhole: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.subgraph.whole"
            "Where the algorithm gathers it, every event on a path of `auth_events` from one conflicted event to \
             another is in the conflicted subgraph, and so are both ends."
            (fun conflict _ ->
                let conflicted = conflictedOf conflict

                conflicted
                |> Set.exists (fun upper ->
                    not (Set.intersect conflicted (AuthChains.chain conflict.Graph upper)).IsEmpty))
            (fun conflict steps ->
                let conflicted = conflictedOf conflict
                let chainOf = AuthChains.chain conflict.Graph

                conflicted
                |> Set.forall (fun upper ->
                    chainOf upper
                    |> Set.forall (fun id ->
                        let rests = not (Set.intersect conflicted (chainOf id)).IsEmpty

                        (not rests || steps.Subgraph.Contains id)
                        && (not (conflicted.Contains id)
                            || (steps.Subgraph.Contains id && steps.Subgraph.Contains upper)))))

    /// The two orders together have each event once.
    let ordersCoverTheSet: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.orders-cover-the-set"
            "Each event of the full conflicted set is in exactly one of the two orders, once; no other event is."
            (fun _ _ -> true)
            (fun conflict steps ->
                let tried = steps.PowerOrder @ steps.MainlineOrder
                (List.distinct tried).Length = tried.Length && set tried = fullSet conflict)

    /// The first order has the power events and the part of their auth chains that is in the set.
    let powerOrderIsClosed: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.power-order.closed"
            "The first order has every power event of the set and those events of the set that are in the auth chain \
             of a power event, and no others."
            (fun conflict steps ->
                not steps.PowerOrder.IsEmpty
                || fullSet conflict
                   |> Set.exists (fun id -> PowerOrdering.isPowerEvent conflict.Graph.Events[id]))
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
            "In the first order no event comes before an event of its auth chain."
            (fun _ steps -> several steps.PowerOrder)
            (fun conflict steps ->
                let place = steps.PowerOrder |> Seq.mapi (fun i id -> id, i) |> Map.ofSeq

                steps.PowerOrder
                |> List.forall (fun id ->
                    AuthChains.chain conflict.Graph id
                    |> Seq.choose place.TryFind
                    |> Seq.forall (fun below -> below < place[id])))

    /// The first order is the smallest topological order.
    let powerOrderIsTheSmallest: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.power-order.smallest"
            "Of two neighbours in the first order of which neither is in the other's auth chain, the first has the \
             greater power, else the earlier time, else the lesser event id."
            (fun _ steps -> several steps.PowerOrder)
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
            "In the second order each event comes strictly before the next: by mainline position, then time, then \
             event id."
            (fun _ steps -> several steps.MainlineOrder)
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
                    | None when not (startsEmpty conflict) -> unconflicted.TryFind("m.room.power_levels", "")
                    | last -> last

                let mainline = MainlineOrdering.mainline conflict.Graph levels

                let key id =
                    -(int64 (MainlineOrdering.mainlinePosition conflict.Graph mainline id)),
                    conflict.Graph.Events[id].OriginServerTs

                steps.MainlineOrder
                |> List.pairwise
                |> List.forall (fun (a, b) -> key a < key b || (key a = key b && JsonObject.CompareKeys(a, b) < 0)))

    /// Exactly the events that pass their check are applied.
    let appliedPassed: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.checks.applied-passed"
            "In the order of the steps, exactly those events are applied that pass the check against the state at \
             that point."
            (fun _ steps -> not (steps.PowerOrder.IsEmpty && steps.MainlineOrder.IsEmpty))
            (fun conflict steps ->
                let unconflicted, _ = ConflictedState.split conflict.States

                let start = if startsEmpty conflict then Map.empty else unconflicted
                let order = steps.PowerOrder @ steps.MainlineOrder
                let state, passed = IterativeAuthChecks.iterate conflict.Graph start order

                steps.Applied = passed
                && set steps.Refused = set order - set passed
                && conflict.Result.Entries
                   |> List.forall (fun e -> state.TryFind(e.Type, e.StateKey) = Some e.EventId))

    /// Version 1: an entry that some states lack is not in conflict.
    let missingIsNoConflict: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.first.missing-is-no-conflict"
            "An event that no state contradicts is in the resolved state, even if some states have nothing at its key."
            (fun conflict _ ->
                conflict.States
                |> List.exists (fun state ->
                    conflict.States
                    |> List.exists (Map.exists (fun key _ -> not (state.ContainsKey key)))))
            (fun conflict _ ->
                let resolved = conflict.Resolved

                conflict.States
                |> Seq.collect Map.toSeq
                |> Seq.groupBy fst
                |> Seq.forall (fun (key, entries) ->
                    match entries |> Seq.map snd |> Seq.distinct |> List.ofSeq with
                    | [ only ] -> resolved.TryFind key = Some only
                    | several -> resolved.TryFind key |> Option.exists (fun id -> List.contains id several)))

    /// The keys at which states have different events.
    let private keysInConflict (conflict: Conflict) : Set<string * string> =
        conflict.States
        |> Seq.collect Map.toSeq
        |> Seq.distinct
        |> Seq.countBy fst
        |> Seq.filter (fun (_, n) -> n > 1)
        |> Seq.map fst
        |> Set.ofSeq

    /// Version 1: the order of the passes.
    let passesAreInOrder: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.first.passes-in-order"
            "Each key in conflict is decided once: power levels, then join rules, then members, then the rest."
            (fun conflict _ -> not (keysInConflict conflict).IsEmpty)
            (fun conflict steps ->
                let pass ((eventType, _): string * string, _, _) =
                    match eventType with
                    | "m.room.power_levels" -> 0
                    | "m.room.join_rules" -> 1
                    | "m.room.member" -> 2
                    | _ -> 3

                let keys = steps.Settled |> List.map (fun (key, _, _) -> key)

                set keys = keysInConflict conflict
                && (List.distinct keys).Length = keys.Length
                && steps.Settled |> List.pairwise |> List.forall (fun (a, b) -> pass a <= pass b))

    /// Version 1: the order of the events at a key.
    let depthOrderIsTotal: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.first.depth-order"
            "At a key that authorization reads, events are tried from the least depth to the greatest and, at the \
             same depth, from the greatest SHA-1 to the least; at any other key in the opposite order."
            (fun _ steps -> not steps.Settled.IsEmpty)
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

    /// Version 1: a refused event ends the pass over its key.
    let climbStops: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.first.refused-do-not-stand"
            "At each key, the resolved event was not refused. Where authorization reads the key, no event before it \
             was refused; elsewhere, all before it were."
            (fun _ steps -> not steps.Settled.IsEmpty)
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

    /// The laws of an algorithm's steps.
    let laws (algorithm: StateResolutionAlgorithm) : Law<Conflict> list =
        match algorithm with
        | algorithm when algorithm.IsByType -> [ missingIsNoConflict; passesAreInOrder; depthOrderIsTotal; climbStops ]
        | _ -> [
            differenceIsNotShared
            subgraphLiesBetween
            if algorithm.Has(ResolutionStep.Gather ConflictedPart.Subgraph) then
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
