namespace Matrix.Rules

/// A part of the full conflicted set.
[<RequireQualifiedAccess>]
type ConflictedPart =
    | ConflictedState
    | AuthDifference
    | Subgraph

/// The state from which the iterative auth checks start.
[<RequireQualifiedAccess>]
type Start =
    | Unconflicted
    | Empty

/// A step of state resolution. v1.19 rooms/v12#state-resolution
[<RequireQualifiedAccess>]
type ResolutionStep =
    /// The algorithm of version 1 as a whole: power levels, join rules, members and the rest, key by key.
    | PassesByType
    /// Adds these events to the full conflicted set.
    | Gather of ConflictedPart
    /// Sets the state from which the following checks start.
    | StartFrom of Start
    /// The iterative auth checks of the power events of the full conflicted set, and of the events of that set in their
    /// auth chains, in reverse topological power ordering.
    | CheckPowerEvents
    /// The iterative auth checks of the remaining events of the full conflicted set, in mainline ordering.
    | CheckRemaining
    /// Puts every entry of the unconflicted state map into the result, whatever the checks put there.
    | KeepUnconflicted

/// An algorithm of state resolution: its steps, in order. v1.19 rooms/v12#state-resolution
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

    /// Whether it is the algorithm of version 1, which shares no step with the others.
    member this.IsByType = List.contains ResolutionStep.PassesByType this.Steps

    /// Whether the algorithm has a step.
    member this.Has(step: ResolutionStep) = List.contains step this.Steps

/// One change to an algorithm.
[<RequireQualifiedAccess>]
type ResolutionEdit =
    | Rename of string
    | Remove of ResolutionStep
    | InsertBefore of ResolutionStep * added: ResolutionStep
    | InsertAfter of ResolutionStep * added: ResolutionStep
    | Replace of ResolutionStep * by: ResolutionStep

/// Changes algorithms.
[<RequireQualifiedAccess>]
module StateResolutionAlgorithm =

    /// The step that an edit refers to; none if it refers to none.
    let target (edit: ResolutionEdit) : ResolutionStep option =
        match edit with
        | ResolutionEdit.Rename _ -> None
        | ResolutionEdit.Remove step
        | ResolutionEdit.InsertBefore(step, _)
        | ResolutionEdit.InsertAfter(step, _)
        | ResolutionEdit.Replace(step, _) -> Some step

    /// The algorithm after one edit. An edit of a missing step changes nothing; the lint reports it.
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

    /// A part of the full conflicted set, in words.
    let partWords (part: ConflictedPart) : string =
        match part with
        | ConflictedPart.ConflictedState -> "the conflicted state set"
        | ConflictedPart.AuthDifference -> "the auth difference"
        | ConflictedPart.Subgraph -> "the conflicted state subgraph"

    /// The start of the checks, in words.
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
        | ResolutionStep.CheckRemaining -> "check the remaining events"
        | ResolutionStep.KeepUnconflicted -> "keep the unconflicted state map"

    /// The faults in an algorithm: checks without a state to start from, or a step after the result is complete.
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
            | Some at when at < algorithm.Steps.Length - 1 -> "has a step after its result is complete"
            | _ -> ()

            if List.distinct algorithm.Steps <> algorithm.Steps then
                "has a step twice"
        ]
