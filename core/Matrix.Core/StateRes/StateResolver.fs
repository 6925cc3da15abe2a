namespace Matrix.Core.StateRes

open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event

/// The algorithms of state resolution.
[<RequireQualifiedAccess>]
module private Algorithm =

    let private ids (graph: AuthGraph) (events: seq<int>) : string[] =
        events |> Seq.map graph.Id |> Seq.toArray

    let private createOf (graph: AuthGraph) : AuthEvent | null =
        match graph.UnconflictedAt(EventTypes.Create, "") with
        | null -> null
        | id ->
            match graph.Load(id, ResolutionError.EventMissing) with
            | -1 -> null
            | n -> graph.Event n

    /// Version 1.
    let first (rules: AuthRules) (graph: AuthGraph) (states: StatesToResolve) : Resolution =
        let passes = PassesByType(rules, graph, states)
        passes.Run()

        {
            Entries = passes.Entries
            Steps = {
                Resolution.noSteps with
                    Settled = passes.Settled
                    Refused = passes.Refused
                    Visited = graph.Count
            }
        }

    /// Every other version: the steps of its algorithm, in order.
    let byStepsOf
        (algorithm: StateResolutionAlgorithm)
        (rules: AuthRules)
        (graph: AuthGraph)
        (states: StatesToResolve)
        : Resolution =
        let conflicted = ConflictedState.set graph states
        let create = createOf graph

        let powerOf n =
            rules.PowerOf(AuthCheck.citedState graph create n, (graph.Event n).Pdu.Sender)

        let full = HashSet<int>()
        let mutable difference: HashSet<int> = HashSet()
        let mutable subgraph: HashSet<int> = HashSet()
        let mutable powerOrder: int[] = [||]
        let mutable mainlineOrder: int[] = [||]

        let mutable checks = IterativeAuthChecks(rules, graph, true, create)

        for step in algorithm.Steps do
            match step with
            | ResolutionStep.PassesByType -> ()
            | ResolutionStep.Gather ConflictedPart.ConflictedState -> full.UnionWith conflicted.Keys
            | ResolutionStep.Gather ConflictedPart.AuthDifference ->
                difference <- AuthDifference.find graph states conflicted
                full.UnionWith difference
            | ResolutionStep.Gather ConflictedPart.Subgraph ->
                subgraph <- ConflictedSubgraph.find graph conflicted
                full.UnionWith subgraph
            | ResolutionStep.StartFrom start ->
                checks <- IterativeAuthChecks(rules, graph, (start = Start.Unconflicted), create)
            | ResolutionStep.CheckPowerEvents ->
                powerOrder <- ReverseTopologicalPowerOrdering.sort graph powerOf full
                checks.Run powerOrder
                full.ExceptWith powerOrder
            | ResolutionStep.CheckRemaining ->
                mainlineOrder <- MainlineOrdering.sort graph checks.Levels (Seq.toArray full)
                checks.Run mainlineOrder
                full.ExceptWith mainlineOrder
            | ResolutionStep.KeepUnconflicted -> checks.KeepUnconflicted()

        {
            Entries = checks.Entries
            Steps = {
                Resolution.noSteps with
                    AuthDifference = ids graph difference
                    Subgraph = ids graph subgraph
                    PowerOrder = ids graph powerOrder
                    MainlineOrder = ids graph mainlineOrder
                    Applied = checks.Applied
                    Refused = checks.Refused
                    Visited = graph.Count
            }
        }

[<Sealed>]
type StateResolver private (resolve: AuthGraph -> StatesToResolve -> Resolution) =

    member _.Resolve
        (states: StatesToResolve, source: IEventSource, limits: ResolutionLimits)
        : Result<Resolution, ResolutionError> =
        if states.Count < 1 || states.Count > ResolutionLimits.states then
            Error(ResolutionError.StateCount states.Count)
        elif states.Conflicted.Length = 0 then
            Ok Resolution.nothing
        else
            let graph = AuthGraph(source, states, limits)
            let resolution = resolve graph states

            match graph.Fault with
            | ValueSome error -> Error error
            | ValueNone -> Ok resolution

    static member Of(rules: AuthRules) : StateResolver =
        let algorithm = rules.Version.Settings.StateResolution

        if algorithm.IsByType then
            StateResolver(Algorithm.first rules)
        else
            StateResolver(Algorithm.byStepsOf algorithm rules)
