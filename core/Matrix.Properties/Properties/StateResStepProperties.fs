namespace Matrix.Properties.Properties

open Matrix.Rules
open Matrix.Core.Json
open Matrix.Properties
open Matrix.Properties.Generators
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

    /// Exactly the full conflicted set is tried.
    let fullConflictedSet: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.full-conflicted-set"
            "Exactly these events are tried: those of some state and not of all, those in the auth chain of some state \
             and not of all and, where the algorithm gathers the subgraph, those on a path of `auth_events` from one \
             conflicted event to another."
            (fun _ _ -> true)
            (fun conflict steps ->
                let chains =
                    Map [
                        for id in conflict.Graph.Events.Keys -> id, AuthChains.chain conflict.Graph id
                    ]

                let held = conflict.States |> List.map ConflictedState.values
                let below = held |> List.map (Seq.map (fun id -> chains[id]) >> Set.unionMany)
                let conflicted = conflictedOf conflict

                let isInSome (sets: Set<string> list) id =
                    let having = sets |> List.filter (Set.contains id) |> List.length
                    having > 0 && having < sets.Length

                let isBetween id =
                    conflicted
                    |> Set.exists (fun upper ->
                        (upper = id || chains[upper].Contains id)
                        && conflicted
                           |> Set.exists (fun lower -> lower <> upper && (lower = id || chains[id].Contains lower)))

                let tried = set (steps.PowerOrder @ steps.MainlineOrder)

                conflict.Graph.Events.Keys
                |> Seq.forall (fun id ->
                    let belongs =
                        isInSome held id
                        || isInSome below id
                        || (gathersSubgraph conflict && isBetween id)

                    tried.Contains id = belongs))

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

    /// The state from which the checks start.
    let private startOf (conflict: Conflict) : StateMap =
        if startsEmpty conflict then
            Map.empty
        else
            fst (ConflictedState.split conflict.States)

    let private appliedOf (order: string list) (steps: ResolutionOutcome) : string list =
        steps.Applied |> List.filter (fun id -> List.contains id order)

    /// The events of the first order are checked.
    let powerEventsAreChecked: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.checks.power-events"
            "An event of the first order is applied exactly if the rules allow it in the state from which the checks \
             start, with the events applied before it."
            (fun _ steps -> not steps.PowerOrder.IsEmpty)
            (fun conflict steps ->
                let _, passed =
                    IterativeAuthChecks.iterate conflict.Graph (startOf conflict) steps.PowerOrder

                appliedOf steps.PowerOrder steps = passed)

    /// The events of the second order are checked.
    let remainingAreChecked: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.checks.remaining"
            "An event of the second order is applied exactly if the rules allow it in the state that the first order \
             led to, with the events applied before it."
            (fun _ steps -> not steps.MainlineOrder.IsEmpty)
            (fun conflict steps ->
                let partly, _ =
                    IterativeAuthChecks.iterate conflict.Graph (startOf conflict) steps.PowerOrder

                let _, passed =
                    IterativeAuthChecks.iterate conflict.Graph partly steps.MainlineOrder

                appliedOf steps.MainlineOrder steps = passed)

    /// Exactly the events that pass their check are applied.
    let appliedPassed: Law<Conflict> =
        Conflict.lawOfSteps
            "state-res.checks.applied-passed"
            "In the order of the steps, exactly those events are applied that pass the check against the state at \
             that point."
            (fun _ steps -> not (steps.PowerOrder.IsEmpty && steps.MainlineOrder.IsEmpty))
            (fun conflict steps ->
                let order = steps.PowerOrder @ steps.MainlineOrder

                let state, passed =
                    IterativeAuthChecks.iterate conflict.Graph (startOf conflict) order

                steps.Applied = passed
                && set steps.Refused = set order - set passed
                && conflict.Result.Entries
                   |> List.forall (fun e -> state.TryFind(e.Type, e.StateKey) = Some e.EventId))

    /// The laws of an algorithm's steps.
    let laws (algorithm: StateResolutionAlgorithm) : Law<Conflict> list =
        match algorithm with
        | algorithm when algorithm.IsByType -> StateResPassProperties.laws
        | _ -> [
            fullConflictedSet
            differenceIsNotShared
            subgraphLiesBetween
            if algorithm.Has(ResolutionStep.Gather ConflictedPart.Subgraph) then
                subgraphIsWhole
            ordersCoverTheSet
            powerOrderIsClosed
            powerOrderIsTopological
            powerOrderIsTheSmallest
            mainlineOrderIsTotal
            powerEventsAreChecked
            remainingAreChecked
            appliedPassed
          ]

    /// All of them, for a version.
    let all (version: RoomVersion) : Property list =
        laws version.Settings.StateResolution
        |> List.map (Conflict.property (Resolving.production version))
