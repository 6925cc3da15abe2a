/// Version 1 of the algorithm. v1.19 rooms/v1#state-resolution
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.StateResolution.Version1

open Matrix.Properties.Generators

/// Descending SHA-1 of the identifier, ascending depth.
let depthOrder (graph: RoomGraph) (ids: string list) : string list =
    let sha1 (id: string) =
        System.Convert.ToHexString(System.Security.Cryptography.SHA1.HashData(System.Text.Encoding.UTF8.GetBytes id))

    ids
    |> List.sortByDescending sha1
    |> List.sortBy (fun id -> graph.Events[id].Depth)

/// The steps of version 1 as values, so that tests can replace one.
type Steps = {
    /// The entries that are not in conflict; some states may lack them.
    Uncontested: StateMap list -> StateMap
    /// The events of a key, the least deep first.
    DepthOrder: RoomGraph -> string list -> string list
    /// The types that are decided together, and whether authorization reads them.
    Passes: ((string -> bool) * bool) list
    /// Whether a conflict of a pass sees the results of earlier conflicts of the same pass.
    SeesItsPass: bool
    /// Power levels, join rules and members: the resolved event. The function says whether one event is allowed where
    /// another is in the state.
    Climb: (string -> string -> bool) -> string list -> string
    /// All other types: the resolved event, tried from the deepest one on.
    Pick: (string -> bool) -> string list -> string
}

let private authorising = [ "m.room.power_levels"; "m.room.join_rules"; "m.room.member" ]

/// The steps of version 1. Where its page leaves room, see "Where the authorization rules leave room" in the decisions.
let steps: Steps = {
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
            let rec go resolved rest =
                match rest with
                | next :: rest when allowed resolved next -> go next rest
                | _ -> resolved

            go order.Head order.Tail
    // The last is taken without a check.
    Pick =
        fun allowed order ->
            order
            |> List.tryFind (fun id -> id = List.last order || allowed id)
            |> Option.get
}

/// Resolves by version 1, with these steps.
let resolveBy (steps: Steps) (graph: RoomGraph) (states: StateMap list) : ResolutionOutcome =
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
        let isAllowed =
            IterativeAuthChecks.passes graph (state |> Map.map (fun _ id -> graph.Events[id])) id

        if not isAllowed then
            refused.Add id

        isAllowed

    let settle (state: StateMap) (key: string * string) isAuthorising =
        if isAuthorising then
            let order = steps.DepthOrder graph (at key)
            key, order, steps.Climb (fun resolved -> allows (state.Add(key, resolved))) order
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
