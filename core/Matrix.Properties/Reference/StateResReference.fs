/// State resolution 2 and 2.1 as the pages define them, word by word, on sets of whole chains. Slow.
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

/// What each step found.
type Outcome = {
    AuthDifference: Set<string>
    Subgraph: Set<string>
    PowerOrder: string list
    MainlineOrder: string list
    Resolved: StateMap
}

/// The auth chain of an event, without itself.
let rec chain (graph: Graph) (id: string) : Set<string> =
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

let private subgraph (graph: Graph) (conflicted: Set<string>) : Set<string> =
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

let private isPowerEvent (event: Pdu) : bool =
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

let private powerOf (graph: Graph) (rules: AuthRules) (id: string) : int64 =
    rules.PowerOf(MapState(rules, withCreate graph (cited graph id)), graph.Events[id].Sender)

/// Kahn's algorithm: of those whose auth events in the set, at any distance, have all been taken, the smallest.
let private powerOrder (graph: Graph) (set: Set<string>) : string list =
    let rules = AuthRules graph.Version

    let below =
        set |> Seq.map (fun id -> id, Set.intersect set (chain graph id)) |> Map.ofSeq

    let key id =
        -(powerOf graph rules id), graph.Events[id].OriginServerTs, id

    let rec take (taken: string list) (left: Set<string>) =
        if left.IsEmpty then
            List.rev taken
        else
            let next =
                left
                |> Seq.filter (fun id -> (Set.intersect left below[id]).IsEmpty)
                |> Seq.sortWith (fun a b ->
                    let (p, t, i), (q, u, j) = key a, key b

                    if p <> q then compare p q
                    elif t <> u then compare t u
                    else System.String.CompareOrdinal(i, j))
                |> Seq.head

            take (next :: taken) (left.Remove next)

    take [] set

let private levelsOf (graph: Graph) (id: string) : string option =
    graph.Events[id].AuthEvents
    |> Array.tryFind (fun a -> graph.Events[a].Type = "m.room.power_levels")

let private mainlineOrder (graph: Graph) (levels: string option) (set: Set<string>) : string list =
    let rec follow id =
        match levelsOf graph id with
        | Some next -> next :: follow next
        | None -> []

    let mainline =
        match levels with
        | Some p -> p :: follow p
        | None -> []

    let position id =
        follow id
        |> List.tryPick (fun e -> List.tryFindIndex ((=) e) mainline)
        |> Option.defaultValue System.Int32.MaxValue

    set
    |> Seq.sortWith (fun a b ->
        let p, q = position a, position b
        let t, u = graph.Events[a].OriginServerTs, graph.Events[b].OriginServerTs

        if p <> q then compare q p
        elif t <> u then compare t u
        else System.String.CompareOrdinal(a, b))
    |> List.ofSeq

/// What the rules say of an event in a state, of which nothing but the state is in doubt.
let private passes (graph: Graph) (state: Map<string * string, Pdu>) (id: string) : bool =
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

let private iterate (graph: Graph) (start: StateMap) (order: string list) : StateMap =
    (start, order)
    ||> List.fold (fun state id ->
        let event = graph.Events[id]
        // What the state lacks is taken from what the event cites.
        let seen =
            (withCreate graph (cited graph id), state)
            ||> Map.fold (fun all key id -> all.Add(key, graph.Events[id]))

        if passes graph seen id then
            state.Add((event.Type, string event.StateKey), id)
        else
            state)

/// Resolves with a given definition of the auth difference.
let resolveWith (difference: Graph -> StateMap list -> Set<string>) (graph: Graph) (states: StateMap list) : Outcome =
    let unconflicted, conflicted = split states

    let fromEmpty =
        graph.Version.Settings.StateResolution = StateResolutionAlgorithm.V2_1

    let authDifference = difference graph states
    let subgraph = if fromEmpty then subgraph graph conflicted else Set.empty
    let full = Set.unionMany [ conflicted; authDifference; subgraph ]

    let powerEvents = full |> Set.filter (fun id -> isPowerEvent graph.Events[id])

    let first =
        powerEvents
        |> Seq.map (fun id -> Set.intersect full (chain graph id) |> Set.add id)
        |> Set.unionMany

    let firstOrder = powerOrder graph first

    let partly =
        iterate graph (if fromEmpty then Map.empty else unconflicted) firstOrder

    let restOrder =
        mainlineOrder graph (partly.TryFind("m.room.power_levels", "")) (full - first)

    let fully = iterate graph partly restOrder

    {
        AuthDifference = authDifference
        Subgraph = subgraph
        PowerOrder = firstOrder
        MainlineOrder = restOrder
        Resolved = (fully, unconflicted) ||> Map.fold (fun state key id -> state.Add(key, id))
    }

/// Resolves as the page says.
let resolve (graph: Graph) (states: StateMap list) : Outcome = resolveWith authDifference graph states
