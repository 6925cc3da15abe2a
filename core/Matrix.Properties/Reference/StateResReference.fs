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
    /// Version 1: the keys in conflict, with the events in the order in which they were tried, and the one that stands.
    Settled: ((string * string) * string list * string) list
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

/// The reverse topological power ordering, by Kahn's algorithm: of those whose auth events in the set, at any distance, have all been taken, the smallest.
let powerOrder (graph: Graph) (set: Set<string>) : string list =
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
                    else JsonObject.CompareKeys(i, j))
                |> Seq.head

            take (next :: taken) (left.Remove next)

    take [] set

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

/// The mainline ordering based on a power levels event.
let mainlineOrder (graph: Graph) (levels: string option) (set: Set<string>) : string list =
    let position = mainlinePosition graph (mainline graph levels)

    set
    |> Seq.sortWith (fun a b ->
        let p, q = position a, position b
        let t, u = graph.Events[a].OriginServerTs, graph.Events[b].OriginServerTs

        if p <> q then compare q p
        elif t <> u then compare t u
        else JsonObject.CompareKeys(a, b))
    |> List.ofSeq

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

/// The iterative auth checks: the state that events lead to, and which of them passed.
let iterate (graph: Graph) (start: StateMap) (order: string list) : StateMap * string list =
    ((start, []), order)
    ||> List.fold (fun (state, applied) id ->
        let event = graph.Events[id]
        // What the state lacks is taken from what the event cites.
        let seen =
            (withCreate graph (cited graph id), state)
            ||> Map.fold (fun all key id -> all.Add(key, graph.Events[id]))

        if passes graph seen id then
            state.Add((event.Type, string event.StateKey), id), applied @ [ id ]
        else
            state, applied)

/// Resolves by version 2 or 2.1, with a given definition of the auth difference.
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

    let partly, firstApplied =
        iterate graph (if fromEmpty then Map.empty else unconflicted) firstOrder

    let restOrder =
        mainlineOrder graph (partly.TryFind("m.room.power_levels", "")) (full - first)

    let fully, restApplied = iterate graph partly restOrder

    {
        AuthDifference = authDifference
        Subgraph = subgraph
        PowerOrder = firstOrder
        MainlineOrder = restOrder
        Applied = firstApplied @ restApplied
        Settled = []
        Resolved = (fully, unconflicted) ||> Map.fold (fun state key id -> state.Add(key, id))
    }

/// Ascending depth, then descending SHA-1 of the identifier.
let depthOrder (graph: Graph) (ids: string list) : string list =
    let sha1 (id: string) =
        System.Convert.ToHexString(System.Security.Cryptography.SHA1.HashData(System.Text.Encoding.UTF8.GetBytes id))

    ids
    |> List.sortByDescending sha1
    |> List.sortBy (fun id -> graph.Events[id].Depth)

/// Resolves by version 1. Where its page leaves room, see "Where the authorization rules leave room" in the decisions.
let resolveFirst (graph: Graph) (states: StateMap list) : Outcome =
    let keys = states |> Seq.collect _.Keys |> Set.ofSeq

    let at key =
        states |> List.choose (Map.tryFind key) |> List.distinct

    let conflicts = keys |> Set.filter (fun key -> (at key).Length > 1) |> Set.toList

    let start = Map [ for key in keys - set conflicts -> key, List.head (at key) ]

    let allows (state: StateMap) id =
        passes graph (state |> Map.map (fun _ id -> graph.Events[id])) id

    /// Power levels, join rules, members: as far as each is allowed where the one before stands.
    let climb (state: StateMap) (key: string * string) =
        let order = depthOrder graph (at key)

        let rec go standing rest =
            match rest with
            | next :: rest when allows (state.Add(key, standing)) next -> go next rest
            | _ -> standing

        key, order, go order.Head order.Tail

    /// All others: the deepest that is allowed; if none is, the least deep.
    let pick (state: StateMap) (key: string * string) =
        let order = List.rev (depthOrder graph (at key))
        key, order, order |> List.tryFind (allows state) |> Option.defaultValue (List.last order)

    let authorising = [ "m.room.power_levels"; "m.room.join_rules"; "m.room.member" ]

    let ofType eventType =
        conflicts |> List.filter (fun (t, _) -> t = eventType), climb

    let passes =
        List.map ofType authorising
        @ [
            conflicts |> List.filter (fun (t, _) -> not (List.contains t authorising)), pick
        ]

    let resolved, settled =
        ((start, []), passes)
        ||> List.fold (fun (state, settled) (keys, settle) ->
            let now = keys |> List.map (settle state)
            (state, now) ||> List.fold (fun state (key, _, id) -> state.Add(key, id)), settled @ now)

    {
        AuthDifference = Set.empty
        Subgraph = Set.empty
        PowerOrder = []
        MainlineOrder = []
        Applied = []
        Settled = settled
        Resolved = resolved
    }

/// Resolves as the version's page says.
let resolve (graph: Graph) (states: StateMap list) : Outcome =
    match graph.Version.Settings.StateResolution with
    | StateResolutionAlgorithm.V1 -> resolveFirst graph states
    | _ -> resolveWith authDifference graph states
