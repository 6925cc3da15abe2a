namespace Matrix.Core.StateRes

open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Auth

[<Sealed>]
type StateResolver private (rules: AuthRules, fromEmpty: bool) =

    let nothing: Resolution = {
        Entries = [||]
        Steps = {
            AuthDifference = [||]
            Subgraph = [||]
            PowerOrder = [||]
            MainlineOrder = [||]
            Refused = [||]
            Visited = 0
        }
    }

    let resolve (graph: AuthGraph) (states: StatesToResolve) : Resolution =
        let set = ConflictedSets.stateSet graph states
        let difference = ConflictedSets.authDifference graph states set

        let subgraph =
            if fromEmpty then
                ConflictedSets.subgraph graph set
            else
                HashSet()

        let full = HashSet<int> set.Keys
        full.UnionWith difference
        full.UnionWith subgraph

        let create: AuthEvent | null =
            match graph.UnconflictedAt("m.room.create", "") with
            | null -> null
            | id ->
                match graph.Load(id, ResolutionError.EventMissing) with
                | -1 -> null
                | n -> graph.Event n

        let powerOf n =
            rules.PowerOf(Orders.citedState graph create n, (graph.Event n).Pdu.Sender)

        let checks = AuthChecks(rules, graph, not fromEmpty, create)
        let first = Orders.powerOrder graph powerOf full
        checks.Run first

        full.ExceptWith first
        let rest = Orders.mainlineOrder graph checks.Levels (Seq.toArray full)
        checks.Run rest

        let ids (events: seq<int>) =
            events |> Seq.map graph.Id |> Seq.toArray

        {
            Entries = checks.Entries
            Steps = {
                AuthDifference = ids difference
                Subgraph = ids subgraph
                PowerOrder = ids first
                MainlineOrder = ids rest
                Refused = checks.Refused
                Visited = graph.Count
            }
        }

    member _.Resolve
        (states: StatesToResolve, source: IEventSource, limits: ResolutionLimits)
        : Result<Resolution, ResolutionError> =
        if states.Count < 1 || states.Count > 64 then
            Error(ResolutionError.StateCount states.Count)
        elif states.Conflicted.Length = 0 then
            Ok nothing
        else
            let graph = AuthGraph(source, states, limits)
            let resolution = resolve graph states

            match graph.Fault with
            | ValueSome error -> Error error
            | ValueNone -> Ok resolution

    static member Of(rules: AuthRules) : StateResolver | null =
        match rules.Version.Settings.StateResolution with
        | StateResolutionAlgorithm.V1 -> null
        | StateResolutionAlgorithm.V2 -> StateResolver(rules, false)
        | StateResolutionAlgorithm.V2_1 -> StateResolver(rules, true)
