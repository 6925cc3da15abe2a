namespace Matrix.Properties.Mutation

open Matrix.Rules

/// Changes of the list of steps that is a version's algorithm: each step dropped, exchanged with the next, or replaced.
[<RequireQualifiedAccess>]
module internal OrderOfSteps =

    /// The row that says a step.
    let private rowOf (step: ResolutionStep) : string =
        match step with
        | ResolutionStep.PassesByType -> "state.algorithm"
        | ResolutionStep.Gather _ -> "state.full-conflicted-set"
        | ResolutionStep.StartFrom _ -> "state.resolve.check-power-events"
        | ResolutionStep.CheckPowerEvents -> "state.resolve.power-events"
        | ResolutionStep.CheckRemaining -> "state.resolve.others"
        | ResolutionStep.KeepUnconflicted -> "state.resolve.unconflicted"

    /// All steps of the kind of this one.
    let private kind (step: ResolutionStep) : ResolutionStep list =
        match step with
        | ResolutionStep.Gather _ ->
            [
                ConflictedPart.ConflictedState
                ConflictedPart.AuthDifference
                ConflictedPart.Subgraph
            ]
            |> List.map ResolutionStep.Gather
        | ResolutionStep.StartFrom _ -> [ Start.Unconflicted; Start.Empty ] |> List.map ResolutionStep.StartFrom
        | other -> [ other ]

    let private words = StateResolutionAlgorithm.words

    /// The changed lists, each with the row and the change in words.
    let all (algorithm: StateResolutionAlgorithm) : (string * string * StateResolutionAlgorithm) list =
        let order = algorithm.Steps

        let change step what steps =
            rowOf step, what, { algorithm with Steps = steps }

        [
            for i, step in List.indexed order do
                change step $"dropped: {words step}" (List.removeAt i order)

                if i < order.Length - 1 then
                    let next = order[i + 1]

                    change
                        step
                        $"after the next: {words step}"
                        (order |> List.updateAt i next |> List.updateAt (i + 1) step)

                for other in List.except order (kind step) do
                    change step $"{words other} for {words step}" (List.updateAt i other order)

            match order |> List.tryFindIndexBack _.IsGather with
            | Some last ->
                for other in List.except order (kind order[last]) do
                    change other $"also {words other}" (List.insertAt (last + 1) other order)
            | None -> ()
        ]
