/// State resolution 1, 2 and 2.1 as the pages define them, word by word, on sets of whole chains: one function a step. Slow.
/// Room versions, "State resolution".
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.StateResReference

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators

/// Event ids by type and state key.
type StateMap = Map<string * string, string>

/// All that a resolution may look at.
type Graph = {
    Version: RoomVersion
    Events: Map<string, Pdu>
    Rejected: Set<string>
}

/// What each step found; each version of the algorithm has its own.
type Outcome = {
    AuthDifference: Set<string>
    Subgraph: Set<string>
    PowerOrder: string list
    MainlineOrder: string list
    /// Of both orders: what passed.
    Applied: string list
    /// What was tried and did not pass, in order.
    Refused: string list
    /// Version 1: the keys in conflict, with the events in the order in which they were tried, and the one that stands.
    Settled: ((string * string) * string list * string) list
    Resolved: StateMap
}

/// The auth chain of an event, without itself.
let chain (graph: Graph) (id: string) : Set<string> =
    let rec walk (seen: Set<string>) (pending: string list) =
        match pending with
        | [] -> seen
        | id :: rest when seen.Contains id -> walk seen rest
        | id :: rest -> walk (seen.Add id) (List.ofArray graph.Events[id].AuthEvents @ rest)

    walk Set.empty (List.ofArray graph.Events[id].AuthEvents)

let private chains (graph: Graph) (ids: seq<string>) : Set<string> =
    ids |> Seq.map (chain graph) |> Set.unionMany

let private values (state: StateMap) : Set<string> = state.Values |> Set.ofSeq

/// What all states have at the same key, and all other values.
let split (states: StateMap list) : StateMap * Set<string> =
    let unconflicted =
        states.Head
        |> Map.filter (fun key id -> states |> List.forall (fun s -> s.TryFind key = Some id))

    let conflicted =
        states
        |> List.map (Map.filter (fun key id -> unconflicted.TryFind key <> Some id) >> values)
        |> Set.unionMany

    unconflicted, conflicted

/// The union of the full auth chains of the states, less their intersection.
let authDifference (graph: Graph) (states: StateMap list) : Set<string> =
    let full = states |> List.map (values >> chains graph)
    Set.unionMany full - Set.intersectMany full

/// A wrong definition, for tests to tell from the right one: as if only the states' differences had chains.
let authDifferenceOfDifferences (graph: Graph) (states: StateMap list) : Set<string> =
    let unconflicted, _ = split states

    let full =
        states |> List.map (fun s -> values s - values unconflicted |> chains graph)

    Set.unionMany full - Set.intersectMany full

/// All on a path of auth events from one conflicted event to another.
let subgraph (graph: Graph) (conflicted: Set<string>) : Set<string> =
    // On a path from one conflicted event to another: an end, or below the first and above the second.
    Set.unionMany [
        for a in conflicted do
            let below = chain graph a

            for b in conflicted do
                if below.Contains b then
                    below
                    |> Set.filter (fun x -> (chain graph x).Contains b)
                    |> Set.add a
                    |> Set.add b
    ]

let private text (key: string) (event: Pdu) =
    match event.Content.TryFind key with
    | ValueSome(Json.String s) -> s
    | _ -> ""

/// Whether an event might take someone's ability to do something.
let isPowerEvent (event: Pdu) : bool =
    match event.Type with
    | "m.room.power_levels"
    | "m.room.join_rules" -> true
    | "m.room.member" ->
        List.contains (text "membership" event) [ "leave"; "ban" ]
        && event.Sender <> string event.StateKey
    | _ -> false

let private cited (graph: Graph) (id: string) : Map<string * string, Pdu> =
    graph.Events[id].AuthEvents
    |> Seq.filter (fun a -> not (graph.Rejected.Contains a))
    |> Seq.map (fun a -> graph.Events[a])
    |> Seq.map (fun e -> (e.Type, string e.StateKey), e)
    |> Map.ofSeq

/// The create event, where versions do not cite it.
let private createOf (graph: Graph) : Pdu =
    graph.Events.Values |> Seq.find (fun e -> e.Type = "m.room.create")

let private withCreate (graph: Graph) (state: Map<string * string, Pdu>) : Map<string * string, Pdu> =
    if state.ContainsKey("m.room.create", "") then
        state
    else
        state.Add(("m.room.create", ""), createOf graph)

/// The power of an event's sender, as its auth events have it.
let powerOf (graph: Graph) (rules: AuthRules) (id: string) : int64 =
    rules.PowerOf(MapState(rules, withCreate graph (cited graph id)), graph.Events[id].Sender)

/// The powers of the senders of these events.
let powersOf (graph: Graph) (set: Set<string>) : Map<string, int64> =
    let rules = AuthRules graph.Version
    Map [ for id in set -> id, powerOf graph rules id ]

/// Which of two events comes first, by the first of these keys in which they differ.
let byKeys (keys: (string -> string -> int) list) (a: string) (b: string) : int =
    keys
    |> List.tryPick (fun key ->
        match key a b with
        | 0 -> None
        | order -> Some order)
    |> Option.defaultValue 0

let private earlier (graph: Graph) (a: string) (b: string) : int =
    compare graph.Events[a].OriginServerTs graph.Events[b].OriginServerTs

let private lesser (a: string) (b: string) : int = JsonObject.CompareKeys(a, b)

/// What the first order goes by: greater power, earlier time, lesser identifier.
let powerKeys (graph: Graph) (powers: Map<string, int64>) : (string -> string -> int) list = [
    fun a b -> compare powers[b] powers[a]
    earlier graph
    lesser
]

/// Kahn's algorithm: of those of which all below in the set have been taken, the smallest.
let topological (order: string -> string -> int) (below: string -> Set<string>) (set: Set<string>) : string list =
    let below = Map [ for id in set -> id, Set.intersect set (below id) ]

    let rec take (taken: string list) (left: Set<string>) =
        if left.IsEmpty then
            List.rev taken
        else
            let next =
                left
                |> Seq.filter (fun id -> (Set.intersect left below[id]).IsEmpty)
                |> Seq.sortWith order
                |> Seq.head

            take (next :: taken) (left.Remove next)

    take [] set

/// The reverse topological power ordering; `below` is what of the set an event rests on.
let powerOrder (graph: Graph) (below: string -> Set<string>) (set: Set<string>) : string list =
    topological (byKeys (powerKeys graph (powersOf graph set))) below set

let private levelsOf (graph: Graph) (id: string) : string option =
    graph.Events[id].AuthEvents
    |> Array.tryFind (fun a -> graph.Events[a].Type = "m.room.power_levels")

/// The power levels events below an event, the next first.
let rec levelsBelow (graph: Graph) (id: string) : string list =
    match levelsOf graph id with
    | Some next -> next :: levelsBelow graph next
    | None -> []

/// The mainline of a power levels event.
let mainline (graph: Graph) (levels: string option) : string list =
    match levels with
    | Some p -> p :: levelsBelow graph p
    | None -> []

/// The mainline position of an event; the greatest number for the sentinel.
let mainlinePosition (graph: Graph) (mainline: string list) (id: string) : int =
    levelsBelow graph id
    |> List.tryPick (fun e -> List.tryFindIndex ((=) e) mainline)
    |> Option.defaultValue System.Int32.MaxValue

/// What the second order goes by: the mainline position, the farthest first, earlier time, lesser identifier.
let positionKeys (graph: Graph) (position: string -> int) : (string -> string -> int) list = [
    fun a b -> compare (position b) (position a)
    earlier graph
    lesser
]

/// The mainline ordering based on a power levels event.
let mainlineOrder (graph: Graph) (levels: string option) (set: Set<string>) : string list =
    let position = mainlinePosition graph (mainline graph levels)
    set |> List.ofSeq |> List.sortWith (byKeys (positionKeys graph position))

/// What the rules say of an event in a state, of which nothing but the state is in doubt.
let passes (graph: Graph) (state: Map<string * string, Pdu>) (id: string) : bool =
    let event = graph.Events[id]

    let authorising =
        match (text "join_authorised_via_users_server" event).Split(':', 2) with
        | [| _; server |] -> [| server |]
        | _ -> [||]

    let decision =
        AuthReference.decide {
            Version = graph.Version
            Event = event
            State = state
            Facts = {
                AuthEvents =
                    event.AuthEvents
                    |> Array.map (fun a -> {
                        Event = graph.Events[a]
                        Rejected = graph.Rejected.Contains a
                    })
                Signers = authorising
                ThirdPartyKeys =
                    event.AuthEvents
                    |> Array.map (fun a -> graph.Events[a])
                    |> Array.filter (fun e -> e.Type = "m.room.third_party_invite")
                    |> Array.collect ThirdPartyKeys.all
                HasRoomId = false
            }
        }

    decision.IsOk

/// What an event is checked against where this is the state: what the state lacks is taken from what the event cites.
let seenBy (graph: Graph) (state: StateMap) (id: string) : Map<string * string, Pdu> =
    (withCreate graph (cited graph id), state)
    ||> Map.fold (fun all key id -> all.Add(key, graph.Events[id]))

/// The iterative auth checks: the state that events lead to, and which of them passed.
let iterate (graph: Graph) (start: StateMap) (order: string list) : StateMap * string list =
    ((start, []), order)
    ||> List.fold (fun (state, applied) id ->
        let event = graph.Events[id]

        if passes graph (seenBy graph state id) id then
            state.Add((event.Type, string event.StateKey), id), applied @ [ id ]
        else
            state, applied)

/// Another reading of what of a set is in an event's auth chain, to tell from the right one: as if events outside of the set led nowhere.
let chainWithin (graph: Graph) (full: Set<string>) (id: string) : Set<string> =
    let rec walk (seen: Set<string>) (pending: string list) =
        match pending with
        | [] -> seen
        | id :: rest ->
            let next =
                graph.Events[id].AuthEvents
                |> Array.filter (fun a -> full.Contains a && not (seen.Contains a))
                |> List.ofArray

            walk (Set.union seen (set next)) (next @ rest)

    walk Set.empty [ id ]

/// The steps of versions 2 and 2.1 as values, so that another can be put in the place of one.
type Steps = {
    /// What all states have, and all other values.
    Split: StateMap list -> StateMap * Set<string>
    AuthDifference: Graph -> StateMap list -> Set<string>
    /// The conflicted state subgraph.
    Subgraph: Graph -> Set<string> -> Set<string>
    IsPowerEvent: Pdu -> bool
    /// What of the full conflicted set is in an event's auth chain.
    Below: Graph -> Set<string> -> string -> Set<string>
    PowerOrder: Graph -> (string -> Set<string>) -> Set<string> -> string list
    /// What the checks begin with, where this is the unconflicted state.
    Start: StateMap -> StateMap
    Iterate: Graph -> StateMap -> string list -> StateMap * string list
    /// The power levels event that the mainline belongs to, by the unconflicted state and the one that the first order led to.
    Levels: StateMap -> StateMap -> string option
    MainlineOrder: Graph -> string option -> Set<string> -> string list
    /// The resolved state, by the unconflicted one and the one that both orders led to.
    Finish: StateMap -> StateMap -> StateMap
}

/// The steps of version 2.
let second: Steps = {
    Split = split
    AuthDifference = authDifference
    Subgraph = fun _ _ -> Set.empty
    IsPowerEvent = isPowerEvent
    Below = fun graph full id -> Set.intersect full (chain graph id)
    PowerOrder = powerOrder
    Start = id
    Iterate = iterate
    Levels = fun _ partly -> partly.TryFind("m.room.power_levels", "")
    MainlineOrder = mainlineOrder
    Finish = fun unconflicted reached -> (reached, unconflicted) ||> Map.fold (fun state key id -> state.Add(key, id))
}

/// The steps of version 2.1.
let revised: Steps = {
    second with
        Subgraph = subgraph
        Start = fun _ -> Map.empty
}

/// The steps of a room version, other than version 1, by what its algorithm says.
let stepsOf (version: RoomVersion) : Steps =
    let has = version.Settings.StateResolution.Has

    {
        second with
            AuthDifference =
                if has (ResolutionStep.Gather ConflictedPart.AuthDifference) then
                    second.AuthDifference
                else
                    fun _ _ -> Set.empty
            Subgraph =
                if has (ResolutionStep.Gather ConflictedPart.Subgraph) then
                    revised.Subgraph
                else
                    second.Subgraph
            Start =
                if has (ResolutionStep.StartFrom Start.Empty) then
                    revised.Start
                else
                    second.Start
            Finish =
                if has ResolutionStep.KeepUnconflicted then
                    second.Finish
                else
                    fun unconflicted reached -> (unconflicted, reached) ||> Map.fold (fun state key id -> state.Add(key, id))
    }

/// Resolves by version 2 or 2.1, with these steps.
let resolveBy (steps: Steps) (graph: Graph) (states: StateMap list) : Outcome =
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
let resolveWith (difference: Graph -> StateMap list -> Set<string>) (graph: Graph) (states: StateMap list) : Outcome =
    resolveBy
        {
            stepsOf graph.Version with
                AuthDifference = difference
        }
        graph
        states

/// Descending SHA-1 of the identifier, ascending depth.
let depthOrder (graph: Graph) (ids: string list) : string list =
    let sha1 (id: string) =
        System.Convert.ToHexString(System.Security.Cryptography.SHA1.HashData(System.Text.Encoding.UTF8.GetBytes id))

    ids
    |> List.sortByDescending sha1
    |> List.sortBy (fun id -> graph.Events[id].Depth)

/// The steps of version 1 as values, so that another can be put in the place of one.
type FirstSteps = {
    /// What is no conflict, though some states may lack it.
    Uncontested: StateMap list -> StateMap
    /// The events of a key, the least deep first.
    DepthOrder: Graph -> string list -> string list
    /// Which types are settled together, and whether they are of those that authorization reads.
    Passes: ((string -> bool) * bool) list
    /// Whether what one conflict of a pass is settled to is seen by the next of the same pass.
    SeesItsPass: bool
    /// Of power levels, join rules and members: the event that stands, by whether one is allowed where another stands.
    Climb: (string -> string -> bool) -> string list -> string
    /// Of all others: the event that stands, from the deepest on.
    Pick: (string -> bool) -> string list -> string
}

let private authorising = [ "m.room.power_levels"; "m.room.join_rules"; "m.room.member" ]

/// The steps of version 1. Where its page leaves room, see "Where the authorization rules leave room" in the decisions.
let first: FirstSteps = {
    Uncontested =
        fun states ->
            Map [
                for key in states |> Seq.collect _.Keys |> Set.ofSeq do
                    match states |> List.choose (Map.tryFind key) |> List.distinct with
                    | [ only ] -> key, only
                    | _ -> ()
            ]
    DepthOrder = depthOrder
    Passes =
        List.map (fun eventType -> (fun t -> t = eventType), true) authorising
        @ [ (fun t -> not (List.contains t authorising)), false ]
    SeesItsPass = false
    Climb =
        fun allowed order ->
            let rec go standing rest =
                match rest with
                | next :: rest when allowed standing next -> go next rest
                | _ -> standing

            go order.Head order.Tail
    // The last is taken without asking.
    Pick =
        fun allowed order ->
            order
            |> List.tryFind (fun id -> id = List.last order || allowed id)
            |> Option.get
}

/// Resolves by version 1, with these steps.
let resolveFirstBy (steps: FirstSteps) (graph: Graph) (states: StateMap list) : Outcome =
    let at key =
        states |> List.choose (Map.tryFind key) |> List.distinct

    let conflicts =
        states
        |> Seq.collect _.Keys
        |> Set.ofSeq
        |> Set.filter (fun key -> (at key).Length > 1)
        |> Set.toList

    let refused = ResizeArray<string>()

    let allows (state: StateMap) id =
        let isAllowed = passes graph (state |> Map.map (fun _ id -> graph.Events[id])) id

        if not isAllowed then
            refused.Add id

        isAllowed

    let settle (state: StateMap) (key: string * string) isAuthorising =
        if isAuthorising then
            let order = steps.DepthOrder graph (at key)
            key, order, steps.Climb (fun standing -> allows (state.Add(key, standing))) order
        else
            let order = List.rev (steps.DepthOrder graph (at key))
            key, order, steps.Pick (allows state) order

    let resolved, settled =
        ((steps.Uncontested states, []), steps.Passes)
        ||> List.fold (fun (before, settled) (belongs, isAuthorising) ->
            ((before, settled), conflicts |> List.filter (fst >> belongs))
            ||> List.fold (fun (state, settled) key ->
                let key, order, chosen =
                    settle (if steps.SeesItsPass then state else before) key isAuthorising

                state.Add(key, chosen), settled @ [ key, order, chosen ]))

    {
        AuthDifference = Set.empty
        Subgraph = Set.empty
        PowerOrder = []
        MainlineOrder = []
        Applied = []
        Refused = List.ofSeq refused
        Settled = settled
        Resolved = resolved
    }

/// Resolves as the version's page says.
let resolve (graph: Graph) (states: StateMap list) : Outcome =
    if graph.Version.Settings.StateResolution.IsByType then
        resolveFirstBy first graph states
    else
        resolveBy (stepsOf graph.Version) graph states
