/// State resolution, each time with one defect, for the tests of its properties and scenarios.
module Matrix.Core.Tests.BrokenResolutions

open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Generators


/// An algorithm with a defect.
type Broken = {
    /// The defect, in words.
    Wrong: string
    /// A version with the right algorithm.
    Version: RoomVersion
    Resolve: RoomGraph -> StateMap list -> ResolutionOutcome
    /// The laws that it breaks.
    Breaks: string list
    /// The scenarios whose result differs.
    Scenarios: string list
}

/// An algorithm, its defect, and what notices it: laws without `state-res.`, and scenarios.
let broken version resolve wrong breaks scenarios = {
    Wrong = wrong
    Version = version
    Resolve = resolve
    Breaks = breaks |> List.map (fun name -> "state-res." + name)
    Scenarios = scenarios
}

/// Version 2 with a defect, in room version 10.
let private second steps =
    broken Versions.v10 (Version2.resolveBy steps)

/// Version 2.1 with a defect, in room version 12.
let private revised steps =
    broken Versions.v12 (Version2.resolveBy steps)

/// The law that all defects break.
let definition = "is-the-definition"

// Steps of version 2.
let private usual = Version2.steps

/// `origin_server_ts` of an event.
let time (graph: RoomGraph) id = graph.Events[id].OriginServerTs

/// Version 2 with other checks.
let private checkedBy (iterate: RoomGraph -> StateMap -> string list -> StateMap * string list) = {
    usual with
        CheckPowerEvents = iterate
        CheckRemaining = iterate
}

/// The steps of an algorithm that starts from another state.
let private startingFrom (start: Start) (steps: Version2.Steps) =
    steps.Order
    |> List.map (fun step ->
        if step.IsStartFrom then
            ResolutionStep.StartFrom start
        else
            step)

/// An order with one of its keys reversed.
let private turning (turned: int) (keys: (string -> string -> int) list) : string -> string -> int =
    keys
    |> List.mapi (fun i key -> if i = turned then (fun a b -> key b a) else key)
    |> EventOrder.byKeys

/// The first order with one key reversed.
let private powersTurning (turned: int) = {
    usual with
        PowerOrder =
            fun graph below set ->
                PowerOrdering.topological
                    (PowerOrdering.powerKeys graph (PowerOrdering.powersOf graph set)
                     |> turning turned)
                    below
                    set
}

/// The second order with one key reversed.
let private positionsTurning (turned: int) = {
    usual with
        MainlineOrder =
            fun graph levels set ->
                let position =
                    MainlineOrdering.mainlinePosition graph (MainlineOrdering.mainline graph levels)

                set
                |> List.ofSeq
                |> List.sortWith (MainlineOrdering.positionKeys graph position |> turning turned)
}

let private keyOf (graph: RoomGraph) id =
    graph.Events[id].Type, string graph.Events[id].StateKey

/// The checks by another rule. `rule` takes the state that an event is checked against and the state so far, and
/// returns the next state if the event passes.
let private checking
    (step: RoomGraph -> StateMap -> string -> StateMap option)
    (graph: RoomGraph)
    (start: StateMap)
    (order: string list)
    : StateMap * string list =
    ((start, []), order)
    ||> List.fold (fun (state, applied) id ->
        match step graph state id with
        | Some next -> next, applied @ [ id ]
        | None -> state, applied)

let private passing
    (seen: RoomGraph -> StateMap -> string -> Map<string * string, Pdu>)
    (graph: RoomGraph)
    (state: StateMap)
    id
    =
    if IterativeAuthChecks.passes graph (seen graph state id) id then
        Some(state.Add(keyOf graph id, id))
    else
        None

/// The power levels events in which an event's mainline position is searched, the nearest first, by another rule.
let private placed (position: RoomGraph -> string list -> string -> int) = {
    usual with
        MainlineOrder =
            fun graph levels set ->
                let position = position graph (MainlineOrdering.mainline graph levels)

                set
                |> List.ofSeq
                |> List.sortWith (EventOrder.byKeys (MainlineOrdering.positionKeys graph position))
}

let private union (graph: RoomGraph) (states: StateMap list) =
    states
    |> Seq.collect _.Values
    |> Seq.map (AuthChains.chain graph)
    |> Set.unionMany

/// Of versions 2 and 2.1.
let ofSteps: Broken list = [
    second
        {
            usual with
                Split = fun states -> Map.empty, states |> Seq.collect _.Values |> Set.ofSeq
        }
        "all state is treated as conflicted, including the unconflicted state" [
            definition
            "agreement-stays"
            "checks.applied-passed"
            "checks.power-events"
            "checks.remaining"
            "equal-states"
            "full-conflicted-set"
            "orders-cover-the-set"
            "power-order.closed"
        ] [
            "ban-by-one-who-left"
            "join-rules-of-one-who-left"
            "levels-of-another-branch"
            "members-with-the-join-rules"
        ]
    second
        {
            usual with
                Split = fun states -> ConflictedState.split [ states.Head; List.last states ]
        }
        "only the first and the last state are compared" [
            definition
            "any-order"
            "checks.applied-passed"
            "checks.power-events"
            "checks.remaining"
            "full-conflicted-set"
            "mainline-order.total"
            "orders-cover-the-set"
            "power-order.closed"
        ] []
    second
        {
            usual with
                AuthDifference = fun _ _ -> Set.empty
        }
        "the auth difference is empty" [ definition; "full-conflicted-set" ] [ "left-twice" ]
    second
        { usual with AuthDifference = union }
        "the auth difference is the union of the auth chains, without subtracting their intersection" [
            definition
            "auth-difference.not-shared"
            "equal-states"
            "full-conflicted-set"
        ] [
            "a-team-loses-its-levels"
            "ban-by-one-who-left"
            "invited-by-former-moderator"
            "join-rules-of-one-who-left"
            "members-with-the-join-rules"
            "promoted-by-promoted"
            "topic-of-one-demoted"
        ]
    second
        {
            usual with
                AuthDifference = AuthDifference.ofDifferences
        }
        "the auth difference includes the auth chains of the unconflicted state" [
            definition
            "auth-difference.not-shared"
            "full-conflicted-set"
        ] [
            "a-team-loses-its-levels"
            "ban-by-one-who-left"
            "invited-by-former-moderator"
            "members-with-the-join-rules"
            "promoted-by-promoted"
        ]
    second
        {
            usual with
                AuthDifference =
                    fun graph states ->
                        AuthDifference.ofStates graph states
                        - (states |> Seq.collect _.Values |> Set.ofSeq)
        }
        "the auth difference leaves out events that are in a state" [ definition; "full-conflicted-set" ] []
    second
        {
            usual with
                Below = AuthChains.chainWithin
        }
        "auth chains are followed through conflicted events only" [
            definition
            "power-order.closed"
            "power-order.topological"
        ] []
    second
        {
            usual with
                Below = fun _ _ _ -> Set.empty
        }
        "the power ordering takes power events only, and ignores auth chains" [
            definition
            "power-order.closed"
            "power-order.topological"
        ] [ "topic-before-the-kick" ]
    second
        {
            usual with
                PowerOrder = fun graph _ set -> PowerOrdering.powerOrder graph (fun _ -> Set.empty) set
        }
        "the power ordering is by power, timestamp and event id only" [ definition; "power-order.topological" ] [
            "topic-before-the-kick"
        ]
    second (powersTurning 0) "in the power ordering the sender with less power comes first" [
        definition
        "power-order.smallest"
    ] [ "unban-without-the-ban" ]
    second (powersTurning 1) "in the power ordering the later timestamp comes first" [
        definition
        "power-order.smallest"
    ] []
    second (powersTurning 2) "in the power ordering the greater event id comes first in a tie" [
        definition
        "power-order.smallest"
    ] []
    second
        {
            usual with
                IsPowerEvent = fun event -> event.Type <> "m.room.member" && PowerOrdering.isPowerEvent event
        }
        "kicks and bans are not power events" [ definition; "power-order.closed" ] [
            "topic-before-the-kick"
            "unban-without-the-ban"
        ]
    second
        {
            usual with
                IsPowerEvent = fun event -> event.Type = "m.room.member" || PowerOrdering.isPowerEvent event
        }
        "every member event is a power event" [ definition; "power-order.closed" ] []
    second
        {
            usual with
                Order = startingFrom Start.Empty usual
        }
        "version 2 starts the auth checks with an empty state" [
            definition
            "checks.applied-passed"
            "checks.power-events"
            "checks.remaining"
            "mainline-order.total"
        ] [
            "ban-by-one-who-left"
            "invited-by-former-moderator"
            "join-rules-of-one-who-left"
            "members-with-the-join-rules"
            "topic-of-one-demoted"
        ]
    second
        {
            usual with
                Levels = fun unconflicted _ -> unconflicted.TryFind("m.room.power_levels", "")
        }
        "the mainline starts at the unconflicted power levels" [ definition; "mainline-order.total" ] []
    second
        (placed (fun graph mainline id ->
            match MainlineOrdering.levelsBelow graph id with
            | _ :: older -> older |> List.tryPick (fun e -> List.tryFindIndex ((=) e) mainline)
            | [] -> None
            |> Option.defaultValue System.Int32.MaxValue))
        "the search for the mainline position starts one power levels event too far back" [
            definition
            "mainline-order.total"
        ] []
    second
        (placed (fun graph mainline id ->
            MainlineOrdering.levelsBelow graph id
            |> List.tryPick (fun e -> List.tryFindIndex ((=) e) mainline)
            |> Option.defaultValue 0))
        "events that lead to no mainline event are ordered with those of the newest power levels" [
            definition
            "mainline-order.total"
        ] []
    second (positionsTurning 0) "the mainline ordering starts with events of the newest power levels" [
        definition
        "mainline-order.total"
    ] []
    second (placed (fun _ _ _ -> 0)) "the mainline ordering is by timestamp and event id only" [
        definition
        "mainline-order.total"
    ] []
    second (positionsTurning 1) "in the mainline ordering the later timestamp comes first" [
        definition
        "mainline-order.total"
    ] [ "joined-again"; "left-twice" ]
    second (positionsTurning 2) "in the mainline ordering the greater event id comes first in a tie" [
        definition
        "mainline-order.total"
    ] []
    second
        (checkedBy (checking (fun graph state id -> Some(state.Add(keyOf graph id, id)))))
        "the auth checks keep events that fail" [
            definition
            "checks.applied-passed"
            "checks.power-events"
            "checks.remaining"
        ] [
            "a-team-loses-its-levels"
            "ban-by-one-who-left"
            "invited-by-former-moderator"
            "join-rules-of-one-who-left"
            "members-with-the-join-rules"
            "promoted-by-promoted"
            "topic-before-the-kick"
            "topic-of-one-demoted"
        ]
    second
        (checkedBy (fun graph start order ->
            checking
                (fun graph state id ->
                    passing IterativeAuthChecks.seenBy graph start id
                    |> Option.map (fun _ -> state.Add(keyOf graph id, id)))
                graph
                start
                order))
        "the auth checks do not see events that were applied before" [
            definition
            "checks.applied-passed"
            "checks.power-events"
            "checks.remaining"
        ] [ "a-team-loses-its-levels"; "promoted-by-promoted" ]
    second
        (checkedBy (checking (passing (fun graph state _ -> state |> Map.map (fun _ id -> graph.Events[id])))))
        "the auth checks do not see the event's auth events" [
            definition
            "checks.applied-passed"
            "checks.power-events"
            "checks.remaining"
        ] []
    second
        (checkedBy (fun graph -> IterativeAuthChecks.iterate { graph with Rejected = Set.empty }))
        "the auth checks accept rejected auth events" [
            definition
            "checks.applied-passed"
            "checks.power-events"
            "checks.remaining"
        ] []
    second
        {
            usual with
                PowerOrder =
                    fun graph below set -> PowerOrdering.powerOrder { graph with Rejected = Set.empty } below set
        }
        "the power ordering also reads power from rejected power levels" [ definition; "power-order.smallest" ] []
    second
        (checkedBy (
            checking (fun graph state id ->
                passing IterativeAuthChecks.seenBy graph state id
                |> Option.map (fun state ->
                    // Its auth events stay.
                    (state, graph.Events[id].AuthEvents)
                    ||> Array.fold (fun state a ->
                        if state.ContainsKey(keyOf graph a) then
                            state
                        else
                            state.Add(keyOf graph a, a))))
        ))
        "an applied event also adds its auth events" [
            definition
            "checks.applied-passed"
            "checks.remaining"
            "from-the-inputs"
        ] []
    second
        (checkedBy (
            checking (fun graph state id ->
                passing IterativeAuthChecks.seenBy graph state id
                |> Option.map (fun _ ->
                    let eventType, key = keyOf graph id

                    state.Add(
                        (eventType,
                         (if eventType = "m.room.member" then
                              graph.Events[id].Sender
                          else
                              key)),
                        id
                    )))
        ))
        "a member event is stored under its sender instead of its state key" [
            definition
            "checks.applied-passed"
            "checks.power-events"
            "checks.remaining"
            "entries-at-their-keys"
        ] [ "topic-before-the-kick"; "unban-without-the-ban" ]
    second
        {
            usual with
                Finish = fun _ reached -> reached
        }
        "the unconflicted state is not put back at the end" [ definition; "agreement-stays" ] [
            "levels-of-another-branch"
        ]
    revised
        {
            Version2.revised with
                Subgraph = fun _ _ -> Set.empty
        }
        "the conflicted subgraph is empty" [ definition; "full-conflicted-set"; "subgraph.whole" ] [
            "a-team-loses-its-levels"
            "promoted-by-promoted"
        ]
    revised
        {
            Version2.revised with
                Subgraph =
                    fun graph conflicted -> Set.intersect conflicted (ConflictedSubgraph.ofEvents graph conflicted)
        }
        "the conflicted subgraph has the ends of its paths, without the events between them" [
            definition
            "full-conflicted-set"
            "subgraph.whole"
        ] [ "a-team-loses-its-levels"; "promoted-by-promoted" ]
    revised
        {
            Version2.revised with
                Subgraph = fun graph conflicted -> ConflictedSubgraph.ofEvents graph conflicted - conflicted
        }
        "the conflicted subgraph has the events between the ends of its paths, without the ends" [
            definition
            "subgraph.whole"
        ] []
    revised
        {
            Version2.revised with
                Subgraph = fun graph conflicted -> conflicted |> Seq.map (AuthChains.chain graph) |> Set.unionMany
        }
        "the conflicted subgraph is the auth chains of the conflicted events" [
            definition
            "full-conflicted-set"
            "subgraph.lies-between"
            "subgraph.whole"
        ] []
    revised
        {
            Version2.revised with
                Order = startingFrom Start.Unconflicted Version2.revised
        }
        "version 2.1 starts the auth checks with the unconflicted state" [
            definition
            "checks.applied-passed"
            "checks.power-events"
            "checks.remaining"
            "mainline-order.total"
        ] [
            "ban-by-one-who-left"
            "invited-by-former-moderator"
            "join-rules-of-one-who-left"
            "topic-of-one-demoted"
        ]
    revised
        {
            Version2.revised with
                Finish = fun _ reached -> reached
        }
        "version 2.1 does not put back the unconflicted state" [ definition; "agreement-stays"; "equal-states" ] [
            "levels-of-another-branch"
        ]
]
