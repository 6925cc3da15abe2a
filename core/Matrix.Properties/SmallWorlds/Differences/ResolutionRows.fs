/// The rows of state resolution, each with an algorithm that lacks it. A room that this algorithm resolves differently
/// shows the purpose of the row.
[<RequireQualifiedAccess>]
module Matrix.Properties.SmallWorlds.ResolutionRows

open Matrix.Rules
open Matrix.Properties.Generators
open Matrix.Properties.Reference.StateResolution

/// Resolves states of a room.
type Resolve = RoomGraph -> StateMap list -> StateMap

let private ofSteps (steps: Version2.Steps) : Resolve =
    fun graph states -> (Version2.resolveBy steps graph states).Resolved

let private ofFirst (steps: Version1.Steps) : Resolve =
    fun graph states -> (Version1.resolveBy steps graph states).Resolved

let private keyOf (graph: RoomGraph) (id: string) =
    graph.Events[id].Type, string graph.Events[id].StateKey

let private everythingIsConflicted (states: StateMap list) : StateMap * Set<string> =
    Map.empty, states |> Seq.collect _.Values |> Set.ofSeq

/// A wrong auth difference: only the auth events of the states' events count, not whole auth chains.
let private oneLevelDeep (graph: RoomGraph) (states: StateMap list) : Set<string> =
    let near =
        states
        |> List.map (fun state -> state.Values |> Seq.collect (fun id -> graph.Events[id].AuthEvents) |> Set.ofSeq)

    Set.unionMany near - Set.intersectMany near

/// An order without one of its keys.
let private lacking (key: int) (keys: (string -> string -> int) list) : string -> string -> int =
    // Two events must not compare as equal: the last key, reversed, breaks ties.
    let last = List.last keys
    EventOrder.byKeys (List.removeAt key keys @ [ fun a b -> last b a ])

let private withPowerKeys (key: int) (steps: Version2.Steps) : Version2.Steps = {
    steps with
        PowerOrder =
            fun graph below set ->
                let keys = PowerOrdering.powerKeys graph (PowerOrdering.powersOf graph set)
                PowerOrdering.topological (lacking key keys) below set
}

let private withPosition
    (position: RoomGraph -> string list -> string -> int)
    (steps: Version2.Steps)
    : Version2.Steps = {
    steps with
        MainlineOrder =
            fun graph levels set ->
                let position = position graph (MainlineOrdering.mainline graph levels)

                set
                |> List.ofSeq
                |> List.sortWith (EventOrder.byKeys (MainlineOrdering.positionKeys graph position))
}

let private withMainlineKeys (key: int) (steps: Version2.Steps) : Version2.Steps = {
    steps with
        MainlineOrder =
            fun graph levels set ->
                let position =
                    MainlineOrdering.mainlinePosition graph (MainlineOrdering.mainline graph levels)

                set
                |> List.ofSeq
                |> List.sortWith (lacking key (MainlineOrdering.positionKeys graph position))
}

/// Iterative auth checks that refuse nothing.
let private keepAll (graph: RoomGraph) (start: StateMap) (order: string list) : StateMap * string list =
    (start, order) ||> List.fold (fun state id -> state.Add(keyOf graph id, id)), order

/// Versions 2 and 2.1 without a row.
let private second (row: string) (steps: Version2.Steps) : Version2.Steps option =
    match row with
    | "state.power-events" ->
        Some {
            steps with
                IsPowerEvent = fun event -> event.Type <> "m.room.member" && PowerOrdering.isPowerEvent event
        }
    | "state.unconflicted" ->
        Some {
            steps with
                Split = everythingIsConflicted
        }
    | "state.auth-chain" ->
        Some {
            steps with
                AuthDifference = oneLevelDeep
        }
    | "state.auth-difference" ->
        Some {
            steps with
                AuthDifference = fun _ _ -> Set.empty
        }
    | "state.conflicted-subgraph" ->
        Some {
            steps with
                Subgraph = fun _ _ -> Set.empty
        }
    | "state.power-ordering" ->
        Some {
            steps with
                PowerOrder = fun graph _ set -> PowerOrdering.powerOrder graph (fun _ -> Set.empty) set
        }
    | "state.power-ordering.first" -> Some(withPowerKeys 0 steps)
    | "state.power-ordering.time" -> Some(withPowerKeys 1 steps)
    | "state.power-ordering.id" -> Some(withPowerKeys 2 steps)
    // The mainline is only the power levels event itself.
    | "state.mainline" ->
        Some(
            withPosition
                (fun graph mainline id -> MainlineOrdering.mainlinePosition graph (List.truncate 1 mainline) id)
                steps
        )
    // Only the next power levels event counts, and none after it.
    | "state.mainline-position" ->
        Some(
            withPosition
                (fun graph mainline id ->
                    MainlineOrdering.levelsBelow graph id
                    |> List.truncate 1
                    |> List.tryPick (fun e -> List.tryFindIndex ((=) e) mainline)
                    |> Option.defaultValue System.Int32.MaxValue)
                steps
        )
    | "state.mainline-ordering"
    | "state.mainline-ordering.first" -> Some(withMainlineKeys 0 steps)
    | "state.mainline-ordering.time" -> Some(withMainlineKeys 1 steps)
    | "state.mainline-ordering.id" -> Some(withMainlineKeys 2 steps)
    | "state.auth-checks" ->
        Some {
            steps with
                CheckPowerEvents = keepAll
                CheckRemaining = keepAll
        }
    | "state.resolve.power-events" ->
        Some {
            steps with
                IsPowerEvent = fun _ -> false
        }
    | "state.resolve.check-power-events" ->
        Some {
            steps with
                PowerOrder = fun _ _ _ -> []
        }
    | "state.resolve.others" ->
        Some {
            steps with
                Levels = fun unconflicted _ -> unconflicted.TryFind("m.room.power_levels", "")
        }
    | "state.resolve.check-others" ->
        Some {
            steps with
                MainlineOrder = fun _ _ _ -> []
        }
    | "state.resolve.unconflicted" ->
        Some {
            steps with
                Finish = fun _ reached -> reached
        }
    | _ -> None

/// Versions 2 and 2.1 with the value that a row has in another version.
let private valued (row: string) (other: StateResolutionAlgorithm) (steps: Version2.Steps) : Version2.Steps option =
    match row with
    | "state.full-conflicted-set" ->
        let gathered = other.Steps |> List.filter _.IsGather
        let rest = steps.Order |> List.filter (fun step -> not step.IsGather)
        Some { steps with Order = gathered @ rest }
    | "state.resolve.check-power-events" when not other.IsByType ->
        let start = other.Steps |> List.filter _.IsStartFrom

        Some {
            steps with
                Order =
                    steps.Order
                    |> List.collect (fun step -> if step.IsStartFrom then start else [ step ])
        }
    | _ -> None

/// The passes without one of them; its conflicts are decided with all others.
let private withoutPass (eventType: string) (steps: Version1.Steps) : Version1.Steps =
    let keeps (belongs: string -> bool, isAuthorising) =
        (fun t -> belongs t && t <> eventType), isAuthorising

    {
        steps with
            Passes = List.map keeps steps.Passes @ [ (fun t -> t = eventType), false ]
    }

/// Version 1 without a row.
let private first (row: string) (steps: Version1.Steps) : Version1.Steps option =
    match row with
    // Entries that some states lack are in conflict too, and resolve to nothing.
    | "state.v1.conflict"
    | "state.v1.unconflicted" ->
        Some {
            steps with
                Uncontested = fun states -> fst (ConflictedState.split states)
        }
    | "state.v1.power-levels" -> Some(withoutPass "m.room.power_levels" steps)
    | "state.v1.power-levels.order" ->
        Some {
            steps with
                DepthOrder = fun graph ids -> List.rev (Version1.depthOrder graph ids)
        }
    // The deepest event is resolved without a check.
    | "state.v1.power-levels.first" ->
        Some {
            steps with
                Climb = fun _ order -> List.last order
        }
    // The first event is resolved, and no other is tried.
    | "state.v1.power-levels.next" ->
        Some {
            steps with
                Climb = fun _ order -> List.head order
        }
    | "state.v1.join-rules" -> Some(withoutPass "m.room.join_rules" steps)
    | "state.v1.members" -> Some(withoutPass "m.room.member" steps)
    | "state.v1.others" ->
        Some {
            steps with
                Pick = fun _ order -> List.last order
        }
    | _ -> None

/// A version's algorithm without one of its rows, or with the other version's value of the row; none if the row is no
/// step of it.
let without (version: RoomVersion) (other: RoomVersion) (row: string) : Resolve option =
    match version.Settings.StateResolution with
    | algorithm when algorithm.IsByType -> first row Version1.steps |> Option.map ofFirst
    | _ ->
        let steps = Version2.stepsOf version

        valued row other.Settings.StateResolution steps
        |> Option.orElseWith (fun () -> second row steps)
        |> Option.map ofSteps
