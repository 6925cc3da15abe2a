/// The unconflicted state map and the conflicted state set. v1.19 rooms/v2#definitions
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.StateResolution.ConflictedState

open Matrix.Properties.Generators

/// The events of a state.
let values (state: StateMap) : Set<string> = state.Values |> Set.ofSeq

/// The unconflicted state map, and the conflicted state set.
let split (states: StateMap list) : StateMap * Set<string> =
    let unconflicted =
        states.Head
        |> Map.filter (fun key id -> states |> List.forall (fun s -> s.TryFind key = Some id))

    let conflicted =
        states
        |> List.map (Map.filter (fun key id -> unconflicted.TryFind key <> Some id) >> values)
        |> Set.unionMany

    unconflicted, conflicted
