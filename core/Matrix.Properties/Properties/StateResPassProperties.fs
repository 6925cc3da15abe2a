namespace Matrix.Properties.Properties

open Matrix.Properties

/// Properties of the steps of version 1 of state resolution.
[<RequireQualifiedAccess>]
module StateResPassProperties =

    /// An entry that some states lack is not in conflict.
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

    /// The order of the passes.
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

    /// The order of the events at a key.
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

    /// A refused event ends the pass over its key.
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

    /// All laws.
    let laws: Law<Conflict> list = [ missingIsNoConflict; passesAreInOrder; depthOrderIsTotal; climbStops ]
