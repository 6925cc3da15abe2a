/// Small rooms in which it matters whether the events of a state count among its auth chain. The specification does not
/// count them; Synapse does. Decision 48.
[<RequireQualifiedAccess>]
module Matrix.Properties.SmallWorlds.CountedAuthChains

open Matrix.Rules
open Matrix.Properties.Generators
open Matrix.Properties.Reference.StateResolution

/// The resolved state by the specification's definition, and by the other one.
type Apart = {
    Stated: StateMap
    Counted: StateMap
} with

    /// The keys at which they differ.
    member this.Keys: (string * string) list =
        Set.union (set this.Stated.Keys) (set this.Counted.Keys)
        |> Set.filter (fun key -> this.Stated.TryFind key <> this.Counted.TryFind key)
        |> Set.toList

/// The two resolutions of these states by the literal algorithm; none if they are equal.
let apart (graph: RoomGraph) (states: StateMap list) : Apart option =
    let algorithm = graph.Version.Settings.StateResolution

    if
        algorithm.IsByType
        || not (algorithm.Has(ResolutionStep.Gather ConflictedPart.AuthDifference))
        || AuthDifference.ofStates graph states = AuthDifference.withStates graph states
    then
        None
    else
        let found = {
            Stated = (Version2.resolveWith AuthDifference.ofStates graph states).Resolved
            Counted = (Version2.resolveWith AuthDifference.withStates graph states).Resolved
        }

        if found.Keys.IsEmpty then None else Some found

/// The rooms of a line of actions, the smallest first, with the state at its end and an earlier one: a server resolves
/// them if an event has the last event and an earlier one as previous events.
let private lines
    (actions: Forks.Action list)
    (most: int)
    (clock: Forks.Clock)
    (version: RoomVersion)
    : seq<Forks.Fork> =
    Forks.at
        {
            Actions = actions
            MaxActions = most
            Clock = clock
            Twice = false
        }
        version
    |> Seq.distinctBy _.Actions
    |> Seq.collect (fun fork ->
        let stateOf (ids: string list) = DrawnRoom.stateOf fork.Graph ids
        let last = stateOf fork.Order

        seq {
            for length in fork.Order.Length - 1 .. -1 .. fork.Order.Length - fork.Actions.Length do
                {
                    fork with
                        States = [ last; stateOf (List.truncate length fork.Order) ]
                        Behind = []
                }
        })

/// The smallest rooms of these actions in which the two definitions resolve differently, one for each type of event
/// that differs alone.
let smallest
    (actions: Forks.Action list)
    (most: int)
    (clock: Forks.Clock)
    (version: RoomVersion)
    : Map<string, Forks.Fork * Apart> =
    (Map.empty, lines actions most clock version)
    ||> Seq.fold (fun found fork ->
        match apart fork.Graph fork.States with
        | None -> found
        | Some apart ->
            match apart.Keys |> List.map fst |> List.distinct with
            | [ eventType ] when not (found.ContainsKey eventType) -> found.Add(eventType, (fork, apart))
            | _ -> found)

let private alice, bob = DrawnRoom.alice, DrawnRoom.bob

/// Actions of one user.
let ofOne: Forks.Action list = [
    Forks.Action.Joins alice
    Forks.Action.SetsJoinRule(alice, "invite")
    Forks.Action.SetsTopic alice
]

/// Actions of a user and of one whom they promote.
let ofTwo: Forks.Action list = [
    Forks.Action.Joins bob
    Forks.Action.SetsJoinRule(alice, "invite")
    Forks.Action.GivesPower(alice, bob, 100)
    Forks.Action.SetsJoinRule(bob, "public")
    Forks.Action.GivesPower(bob, bob, 50)
]
