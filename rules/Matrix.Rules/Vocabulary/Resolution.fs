namespace Matrix.Rules

/// What a step puts into the full conflicted set.
[<RequireQualifiedAccess>]
type ConflictedPart =
    | ConflictedState
    | AuthDifference
    | Subgraph

/// From which state the iterative auth checks start.
[<RequireQualifiedAccess>]
type Start =
    | Unconflicted
    | Empty

/// A step of state resolution. Room versions, "State resolution".
[<RequireQualifiedAccess>]
type ResolutionStep =
    /// The first algorithm as a whole: power levels, join rules, members and the rest, key by key.
    | PassesByType
    /// The full conflicted set gets these events.
    | Gather of ConflictedPart
    /// The checks that follow start from this state.
    | StartFrom of Start
    /// The power events of the full conflicted set, and what of it is in their auth chains, in reverse topological power
    /// ordering, go through the iterative auth checks.
    | CheckPowerEvents
    /// What is left of the full conflicted set, in mainline ordering, goes through the iterative auth checks.
    | CheckRemaining
    /// Every entry of the unconflicted state map stands in the result, whatever the checks put there.
    | KeepUnconflicted

/// How conflicting states become one: its steps, in order. Room versions, "State resolution".
type StateResolutionAlgorithm = {
    /// Such as "2.1".
    Name: string
    Steps: ResolutionStep list
} with

    /// The algorithm of room version 1.
    static member V1 = {
        Name = "1"
        Steps = [ ResolutionStep.PassesByType ]
    }

    /// The algorithm of room versions 2 to 11.
    static member V2 = {
        Name = "2"
        Steps = [
            ResolutionStep.Gather ConflictedPart.ConflictedState
            ResolutionStep.Gather ConflictedPart.AuthDifference
            ResolutionStep.StartFrom Start.Unconflicted
            ResolutionStep.CheckPowerEvents
            ResolutionStep.CheckRemaining
            ResolutionStep.KeepUnconflicted
        ]
    }

    /// The algorithm of room version 12.
    static member V2_1 = {
        Name = "2.1"
        Steps = [
            ResolutionStep.Gather ConflictedPart.ConflictedState
            ResolutionStep.Gather ConflictedPart.AuthDifference
            ResolutionStep.Gather ConflictedPart.Subgraph
            ResolutionStep.StartFrom Start.Empty
            ResolutionStep.CheckPowerEvents
            ResolutionStep.CheckRemaining
            ResolutionStep.KeepUnconflicted
        ]
    }

    /// Whether it is the first algorithm, which has no step in common with the others.
    member this.IsByType = List.contains ResolutionStep.PassesByType this.Steps

    /// Whether a step is among its steps.
    member this.Has(step: ResolutionStep) = List.contains step this.Steps

/// One change of an algorithm.
[<RequireQualifiedAccess>]
type ResolutionEdit =
    | Rename of string
    | Remove of ResolutionStep
    | InsertBefore of ResolutionStep * added: ResolutionStep
    | InsertAfter of ResolutionStep * added: ResolutionStep
    | Replace of ResolutionStep * by: ResolutionStep

/// Changing algorithms.
[<RequireQualifiedAccess>]
module StateResolutionAlgorithm =

    /// The step that an edit looks for; none if it looks for none.
    let target (edit: ResolutionEdit) : ResolutionStep option =
        match edit with
        | ResolutionEdit.Rename _ -> None
        | ResolutionEdit.Remove step
        | ResolutionEdit.InsertBefore(step, _)
        | ResolutionEdit.InsertAfter(step, _)
        | ResolutionEdit.Replace(step, _) -> Some step

    /// The algorithm after one edit. An edit of a step that is not there changes nothing; the lint finds it.
    let edit (change: ResolutionEdit) (algorithm: StateResolutionAlgorithm) : StateResolutionAlgorithm =
        let at step (becomes: ResolutionStep list) = {
            algorithm with
                Steps = algorithm.Steps |> List.collect (fun s -> if s = step then becomes else [ s ])
        }

        match change with
        | ResolutionEdit.Rename name -> { algorithm with Name = name }
        | ResolutionEdit.Remove step -> at step []
        | ResolutionEdit.InsertBefore(step, added) -> at step [ added; step ]
        | ResolutionEdit.InsertAfter(step, added) -> at step [ step; added ]
        | ResolutionEdit.Replace(step, by) -> at step [ by ]

    /// What goes into the full conflicted set, in words.
    let partWords (part: ConflictedPart) : string =
        match part with
        | ConflictedPart.ConflictedState -> "the conflicted state set"
        | ConflictedPart.AuthDifference -> "the auth difference"
        | ConflictedPart.Subgraph -> "the conflicted state subgraph"

    /// The state that the checks start from, in words.
    let startWords (start: Start) : string =
        match start with
        | Start.Unconflicted -> "the unconflicted state map"
        | Start.Empty -> "an empty state map"

    /// A step in words.
    let words (step: ResolutionStep) : string =
        match step with
        | ResolutionStep.PassesByType -> "passes by type"
        | ResolutionStep.Gather part -> "gather " + partWords part
        | ResolutionStep.StartFrom start -> "start from " + startWords start
        | ResolutionStep.CheckPowerEvents -> "check the power events"
        | ResolutionStep.CheckRemaining -> "check what is left"
        | ResolutionStep.KeepUnconflicted -> "keep the unconflicted state map"

    /// What is wrong with an algorithm: checks without a state to start from, or a step after the result is complete.
    let faults (algorithm: StateResolutionAlgorithm) : string list =
        let index step =
            List.tryFindIndex ((=) step) algorithm.Steps

        let start =
            algorithm.Steps
            |> List.tryFindIndex (function
                | ResolutionStep.StartFrom _ -> true
                | _ -> false)

        [
            if algorithm.Steps.IsEmpty then
                "has no steps"

            if algorithm.IsByType && algorithm.Steps.Length > 1 then
                "has passes by type, and other steps"

            for check in [ ResolutionStep.CheckPowerEvents; ResolutionStep.CheckRemaining ] do
                match index check, start with
                | Some at, Some start when start < at -> ()
                | None, _ -> ()
                | _ -> "would " + words check + " before there is a state to start from"

            match index ResolutionStep.KeepUnconflicted with
            | Some at when at < algorithm.Steps.Length - 1 -> "goes on after its result is complete"
            | _ -> ()

            if List.distinct algorithm.Steps <> algorithm.Steps then
                "has a step twice"
        ]
