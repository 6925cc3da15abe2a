/// Versions 2 and 2.1 of the algorithm, step by step. v1.19 rooms/v2#algorithm,
/// v1.19 rooms/v12#algorithm
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.StateResolution.Version2

open Matrix.Rules
open Matrix.Core.Event
open Matrix.Properties.Generators

/// The steps of versions 2 and 2.1 as values, so that tests can replace one.
type Steps = {
    /// The unconflicted state map, and the conflicted state set.
    Split: StateMap list -> StateMap * Set<string>
    AuthDifference: RoomGraph -> StateMap list -> Set<string>
    /// The conflicted state subgraph.
    Subgraph: RoomGraph -> Set<string> -> Set<string>
    IsPowerEvent: Pdu -> bool
    /// The events of the full conflicted set that are in an event's auth chain.
    Below: RoomGraph -> Set<string> -> string -> Set<string>
    PowerOrder: RoomGraph -> (string -> Set<string>) -> Set<string> -> string list
    /// The state from which the checks start, given the unconflicted state map.
    Start: StateMap -> StateMap
    Iterate: RoomGraph -> StateMap -> string list -> StateMap * string list
    /// The power levels event of the mainline, given the unconflicted state map and the partially resolved state.
    Levels: StateMap -> StateMap -> string option
    MainlineOrder: RoomGraph -> string option -> Set<string> -> string list
    /// The resolved state, given the unconflicted state map and the state after all checks.
    Finish: StateMap -> StateMap -> StateMap
}

/// The steps of version 2.
let steps: Steps = {
    Split = ConflictedState.split
    AuthDifference = AuthDifference.ofStates
    Subgraph = fun _ _ -> Set.empty
    IsPowerEvent = PowerOrdering.isPowerEvent
    Below = fun graph full id -> Set.intersect full (AuthChains.chain graph id)
    PowerOrder = PowerOrdering.powerOrder
    Start = id
    Iterate = IterativeAuthChecks.iterate
    Levels = fun _ partly -> partly.TryFind("m.room.power_levels", "")
    MainlineOrder = MainlineOrdering.mainlineOrder
    Finish = fun unconflicted reached -> (reached, unconflicted) ||> Map.fold (fun state key id -> state.Add(key, id))
}

/// The steps of version 2.1.
let revised: Steps = {
    steps with
        Subgraph = ConflictedSubgraph.ofEvents
        Start = fun _ -> Map.empty
}

/// The steps of a room version, other than version 1, by what its algorithm says.
let stepsOf (version: RoomVersion) : Steps =
    let has = version.Settings.StateResolution.Has

    {
        steps with
            AuthDifference =
                if has (ResolutionStep.Gather ConflictedPart.AuthDifference) then
                    steps.AuthDifference
                else
                    fun _ _ -> Set.empty
            Subgraph =
                if has (ResolutionStep.Gather ConflictedPart.Subgraph) then
                    revised.Subgraph
                else
                    steps.Subgraph
            Start =
                if has (ResolutionStep.StartFrom Start.Empty) then
                    revised.Start
                else
                    steps.Start
            Finish =
                if has ResolutionStep.KeepUnconflicted then
                    steps.Finish
                else
                    fun unconflicted reached ->
                        (unconflicted, reached) ||> Map.fold (fun state key id -> state.Add(key, id))
    }

/// Resolves by version 2 or 2.1, with these steps.
let resolveBy (steps: Steps) (graph: RoomGraph) (states: StateMap list) : ResolutionOutcome =
    let unconflicted, conflicted = steps.Split states
    let authDifference = steps.AuthDifference graph states
    let subgraph = steps.Subgraph graph conflicted
    let full = Set.unionMany [ conflicted; authDifference; subgraph ]
    let below = steps.Below graph full

    let first =
        full
        |> Set.filter (fun id -> steps.IsPowerEvent graph.Events[id])
        |> Seq.map (fun id -> (below id).Add id)
        |> Set.unionMany

    let firstOrder = steps.PowerOrder graph below first

    let partly, firstApplied = steps.Iterate graph (steps.Start unconflicted) firstOrder

    let restOrder =
        steps.MainlineOrder graph (steps.Levels unconflicted partly) (full - first)

    let fully, restApplied = steps.Iterate graph partly restOrder
    let applied = firstApplied @ restApplied

    {
        AuthDifference = authDifference
        Subgraph = subgraph
        PowerOrder = firstOrder
        MainlineOrder = restOrder
        Applied = applied
        Refused = firstOrder @ restOrder |> List.filter (fun id -> not (List.contains id applied))
        Settled = []
        Resolved = steps.Finish unconflicted fully
    }

/// Resolves by version 2 or 2.1, with a given definition of the auth difference.
let resolveWith
    (difference: RoomGraph -> StateMap list -> Set<string>)
    (graph: RoomGraph)
    (states: StateMap list)
    : ResolutionOutcome =
    resolveBy
        {
            stepsOf graph.Version with
                AuthDifference = difference
        }
        graph
        states
