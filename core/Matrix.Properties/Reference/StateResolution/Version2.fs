/// Versions 2 and 2.1 of the algorithm, step by step. v1.19 rooms/v2#algorithm,
/// v1.19 rooms/v12#algorithm
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.StateResolution.Version2

open Matrix.Rules
open Matrix.Core.Event
open Matrix.Properties.Generators

/// The steps of versions 2 and 2.1 as values, so that tests can replace one.
type Steps = {
    /// What is done, in order.
    Order: ResolutionStep list
    /// The unconflicted state map, and the conflicted state set.
    Split: StateMap list -> StateMap * Set<string>
    AuthDifference: RoomGraph -> StateMap list -> Set<string>
    /// The conflicted state subgraph.
    Subgraph: RoomGraph -> Set<string> -> Set<string>
    IsPowerEvent: Pdu -> bool
    /// The events of the full conflicted set that are in an event's auth chain.
    Below: RoomGraph -> Set<string> -> string -> Set<string>
    PowerOrder: RoomGraph -> (string -> Set<string>) -> Set<string> -> string list
    /// The checks of the first order, given the state so far: the state after them, and the events that passed.
    CheckPowerEvents: RoomGraph -> StateMap -> string list -> StateMap * string list
    /// The power levels event of the mainline, given the unconflicted state map and the partially resolved state.
    Levels: StateMap -> StateMap -> string option
    MainlineOrder: RoomGraph -> string option -> Set<string> -> string list
    /// The checks of the second order.
    CheckRemaining: RoomGraph -> StateMap -> string list -> StateMap * string list
    /// The resolved state, given the unconflicted state map and the state after all checks.
    Finish: StateMap -> StateMap -> StateMap
}

/// One state map, with the entries of another in place of its own.
let overlaid (state: StateMap) (entries: StateMap) : StateMap =
    (state, entries) ||> Map.fold (fun state key id -> state.Add(key, id))

/// The steps of version 2.
let steps: Steps = {
    Order = StateResolutionAlgorithm.V2.Steps
    Split = ConflictedState.split
    AuthDifference = AuthDifference.ofStates
    Subgraph = ConflictedSubgraph.ofEvents
    IsPowerEvent = PowerOrdering.isPowerEvent
    Below = fun graph full id -> Set.intersect full (AuthChains.chain graph id)
    PowerOrder = PowerOrdering.powerOrder
    CheckPowerEvents = IterativeAuthChecks.iterate
    Levels = fun _ partly -> partly.TryFind("m.room.power_levels", "")
    MainlineOrder = MainlineOrdering.mainlineOrder
    CheckRemaining = IterativeAuthChecks.iterate
    Finish = fun unconflicted reached -> overlaid reached unconflicted
}

/// The steps of version 2.1.
let revised: Steps = {
    steps with
        Order = StateResolutionAlgorithm.V2_1.Steps
}

/// The steps of a room version, other than version 1.
let stepsOf (version: RoomVersion) : Steps = {
    steps with
        Order = version.Settings.StateResolution.Steps
}

/// A resolution on its way.
type private Resolving = {
    /// The events of the full conflicted set that have not been tried.
    Full: Set<string>
    AuthDifference: Set<string>
    Subgraph: Set<string>
    PowerOrder: string list
    MainlineOrder: string list
    State: StateMap
    Applied: string list
    KeepsUnconflicted: bool
}

/// Resolves by version 2 or 2.1, with these steps.
let resolveBy (steps: Steps) (graph: RoomGraph) (states: StateMap list) : ResolutionOutcome =
    let unconflicted, conflicted = steps.Split states

    let take (so: Resolving) (step: ResolutionStep) : Resolving =
        match step with
        | ResolutionStep.PassesByType -> so
        | ResolutionStep.Gather ConflictedPart.ConflictedState -> { so with Full = so.Full + conflicted }
        | ResolutionStep.Gather ConflictedPart.AuthDifference ->
            let difference = steps.AuthDifference graph states

            {
                so with
                    Full = so.Full + difference
                    AuthDifference = difference
            }
        | ResolutionStep.Gather ConflictedPart.Subgraph ->
            let subgraph = steps.Subgraph graph conflicted

            {
                so with
                    Full = so.Full + subgraph
                    Subgraph = subgraph
            }
        | ResolutionStep.StartFrom start -> {
            so with
                State = if start = Start.Empty then Map.empty else unconflicted
                Applied = []
          }
        | ResolutionStep.CheckPowerEvents ->
            let below = steps.Below graph so.Full

            let first =
                so.Full
                |> Set.filter (fun id -> steps.IsPowerEvent graph.Events[id])
                |> Seq.map (fun id -> (below id).Add id)
                |> Set.unionMany

            let order = steps.PowerOrder graph below first
            let state, applied = steps.CheckPowerEvents graph so.State order

            {
                so with
                    Full = so.Full - first
                    PowerOrder = order
                    State = state
                    Applied = so.Applied @ applied
            }
        | ResolutionStep.CheckRemaining ->
            let order = steps.MainlineOrder graph (steps.Levels unconflicted so.State) so.Full

            let state, applied = steps.CheckRemaining graph so.State order

            {
                so with
                    Full = Set.empty
                    MainlineOrder = order
                    State = state
                    Applied = so.Applied @ applied
            }
        | ResolutionStep.KeepUnconflicted -> {
            so with
                State = steps.Finish unconflicted so.State
                KeepsUnconflicted = true
          }

    let start = {
        Full = Set.empty
        AuthDifference = Set.empty
        Subgraph = Set.empty
        PowerOrder = []
        MainlineOrder = []
        State = unconflicted
        Applied = []
        KeepsUnconflicted = false
    }

    let reached = List.fold take start steps.Order

    {
        AuthDifference = reached.AuthDifference
        Subgraph = reached.Subgraph
        PowerOrder = reached.PowerOrder
        MainlineOrder = reached.MainlineOrder
        Applied = reached.Applied
        Refused =
            reached.PowerOrder @ reached.MainlineOrder
            |> List.filter (fun id -> not (List.contains id reached.Applied))
        Settled = []
        Resolved =
            if reached.KeepsUnconflicted then
                reached.State
            else
                overlaid unconflicted reached.State
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
