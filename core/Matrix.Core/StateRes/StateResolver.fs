namespace Matrix.Core.StateRes

open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Auth

/// The three versions of the algorithm, step by step.
[<RequireQualifiedAccess>]
module private Algorithm =

    let private ids (graph: AuthGraph) (events: seq<int>) : string[] =
        events |> Seq.map graph.Id |> Seq.toArray

    let private createOf (graph: AuthGraph) : AuthEvent | null =
        match graph.UnconflictedAt("m.room.create", "") with
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

    /// Version 2; and version 2.1, which starts from an empty state and has the conflicted subgraph.
    let second (rules: AuthRules) (isRevised: bool) (graph: AuthGraph) (states: StatesToResolve) : Resolution =
        let conflicted = ConflictedState.set graph states
        let difference = AuthDifference.find graph states conflicted

        let subgraph =
            if isRevised then
                ConflictedSubgraph.find graph conflicted
            else
                HashSet()

        let full = HashSet<int> conflicted.Keys
        full.UnionWith difference
        full.UnionWith subgraph

        let create = createOf graph

        let powerOf n =
            rules.PowerOf(AuthCheck.citedState graph create n, (graph.Event n).Pdu.Sender)

        let checks = IterativeAuthChecks(rules, graph, not isRevised, create)
        let powerOrder = ReverseTopologicalPowerOrdering.sort graph powerOf full
        checks.Run powerOrder

        full.ExceptWith powerOrder
        let mainlineOrder = MainlineOrdering.sort graph checks.Levels (Seq.toArray full)
        checks.Run mainlineOrder

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
        if states.Count < 1 || states.Count > 64 then
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
        match rules.Version.Settings.StateResolution with
        | StateResolutionAlgorithm.V1 -> StateResolver(Algorithm.first rules)
        | StateResolutionAlgorithm.V2 -> StateResolver(Algorithm.second rules false)
        | StateResolutionAlgorithm.V2_1 -> StateResolver(Algorithm.second rules true)
