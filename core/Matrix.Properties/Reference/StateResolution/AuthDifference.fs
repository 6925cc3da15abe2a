/// The auth difference. v1.19 rooms/v2#definitions
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.StateResolution.AuthDifference

open Matrix.Properties.Generators

/// The union of the full auth chains of the states, less their intersection.
let ofStates (graph: RoomGraph) (states: StateMap list) : Set<string> =
    let full = states |> List.map (ConflictedState.values >> AuthChains.chains graph)
    Set.unionMany full - Set.intersectMany full

/// A wrong definition, for tests: it uses only the auth chains of entries that differ.
let ofDifferences (graph: RoomGraph) (states: StateMap list) : Set<string> =
    let unconflicted, _ = ConflictedState.split states

    let full =
        states
        |> List.map (fun s ->
            ConflictedState.values s - ConflictedState.values unconflicted
            |> AuthChains.chains graph)

    Set.unionMany full - Set.intersectMany full

/// Another definition, for tests: the events of a state count among its auth chains, as Synapse has it.
let withStates (graph: RoomGraph) (states: StateMap list) : Set<string> =
    let full =
        states
        |> List.map (fun s -> ConflictedState.values s + AuthChains.chains graph (ConflictedState.values s))

    Set.unionMany full - Set.intersectMany full
