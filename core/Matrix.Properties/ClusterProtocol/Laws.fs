namespace Matrix.Properties.ClusterProtocol

open Matrix.Properties

/// What holds in every state that can be reached.
[<RequireQualifiedAccess>]
module Laws =

    /// The events of a room as they are in the database: the request of each, and the event that it was decided after.
    let private events (room: int) (state: State) : (int * int) list = [
        for entry in state.Log do
            match entry.Content with
            | Content.Wrote(Batch.Event(its, request, after)) when its = room -> request, after
            | _ -> ()
    ]

    let private countOf (request: int) (state: State) : int =
        state.Log
        |> Array.filter (fun entry ->
            match entry.Content with
            | Content.Wrote(Batch.Event(_, its, _)) -> its = request
            | _ -> false)
        |> Array.length

    let private requests (state: State) : int list = [ 1 .. state.Answered.Length ]

    /// Whether every event of a room follows the one that it was decided after.
    let private isDecidedOnLatest (room: int) (state: State) : bool =
        let events = events room state
        let before = 0 :: List.map fst events
        List.forall2 (fun (_, after) latest -> after = latest) events (List.truncate events.Length before)

    /// The owners after the whole log, if each flush was its owner's.
    let private owners (world: World) (state: State) : int[] option =
        (Some world.Owners, state.Log)
        ||> Array.fold (fun owners entry ->
            match owners, entry.Content with
            | Some owners, Content.Wrote(Batch.Event(room, _, _)) when owners[room] <> entry.By -> None
            | Some owners, Content.Wrote(Batch.Give(room, taker)) ->
                if owners[room] = entry.By then
                    Some(Array.updateAt room taker owners)
                else
                    None
            | Some owners, Content.Wrote(Batch.Take(room, from)) ->
                if owners[room] = from then
                    Some(Array.updateAt room entry.By owners)
                else
                    None
            | _ -> owners)

    /// The starts that are fenced by an entry: one whose shard is taken, and the earlier starts of a node that begins.
    let private fencedBy (world: World) (entry: Entry) : int list =
        match entry.Content with
        | Content.Wrote(Batch.Take(_, from)) -> [ from ]
        | Content.Began -> [
            for other in 0 .. world.Starts.Length - 1 do
                if other <> entry.By && world.Starts[other] = world.Starts[entry.By] then
                    other
          ]
        | _ -> []

    let private writesAfterFence (world: World) (state: State) : bool =
        ((Set.empty, false), state.Log)
        ||> Array.fold (fun (fenced, found) entry ->
            let isFlush =
                match entry.Content with
                | Content.Wrote _ -> true
                | _ -> false

            Set.union fenced (Set.ofList (fencedBy world entry)), found || (isFlush && Set.contains entry.By fenced))
        |> snd

    let private hasSeenInOrder (node: Node) : bool =
        let count = node.Seen.Length
        node.Seen = List.init count (fun before -> count - before)

    let private running (state: State) : Node list =
        state.Nodes
        |> Array.filter (fun node -> node.Status = Status.Running)
        |> List.ofArray

    let private followsChanges (state: State) (node: Node) : bool =
        node.Shards
        |> Array.mapi (fun room shard -> room, shard.Cached)
        |> Array.forall (fun (room, cached) ->
            match cached with
            | Some latest -> latest = State.lastEvent room (State.through node) state.Log
            | None -> true)

    /// The position at which a room got the owner that it has; 0 for its first owner.
    let private movedAt (room: int) (state: State) : int =
        state.Log
        |> Array.tryFindIndexBack (fun entry ->
            match entry.Content with
            | Content.Wrote(Batch.Give(its, _))
            | Content.Wrote(Batch.Take(its, _)) -> its = room
            | _ -> false)
        |> Option.map ((+) 1)
        |> Option.defaultValue 0

    let private isOpenOnlyWhereOwned (node: Node) : bool =
        node.Shards |> Array.forall (fun shard -> not shard.IsOpen || shard.IsOwned)

    let private isOpenedLate (state: State) : bool =
        state.Owners
        |> Array.mapi (fun room owner -> room, state.Nodes[owner])
        |> Array.forall (fun (room, owner) ->
            not owner.Shards[room].IsOpen
            || not owner.Shards[room].IsOwned
            || State.through owner >= movedAt room state)

    /// The laws of single states.
    let ofWorld (world: World) : Law<State> list = [
        Law.named
            "cluster.answered-is-stored"
            "A request whose client was answered has its event in the database."
            (fun (state: State) ->
                requests state
                |> List.forall (fun request -> not state.Answered[request - 1] || countOf request state > 0))

        Law.named
            "cluster.once"
            "A request has at most one event, however often and at whichever node it is repeated."
            (fun (state: State) -> requests state |> List.forall (fun request -> countOf request state <= 1))

        Law.named
            "cluster.decided-on-latest"
            "Each event of a room was decided after the event that is directly before it."
            (fun (state: State) ->
                [ 0 .. world.Owners.Length - 1 ]
                |> List.forall (fun room -> isDecidedOnLatest room state))

        Law.named
            "cluster.fenced-writes-nothing"
            "A fenced start of a node writes nothing any more."
            (fun (state: State) -> not (writesAfterFence world state))

        Law.named
            "cluster.owner-writes"
            "At each position a shard has one owner, and whoever wrote or gave it there was that owner."
            (fun (state: State) -> owners world state = Some state.Owners)

        Law.named
            "cluster.same-sequence"
            "The consumers of each node read, or miss, each position once and in order."
            (fun (state: State) -> running state |> List.forall hasSeenInOrder)

        Law.named
            "cluster.caches-follow"
            "What a cache has of a room is the room at the position that the node's consumers have reached."
            (fun (state: State) -> running state |> List.forall (followsChanges state))

        Law.named
            "cluster.opened-late"
            "A shard is open at its owner only once its consumers have reached the flush that gave or took it."
            isOpenedLate

        Law.named
            "cluster.open-is-owned"
            "A shard is open only on nodes whose writer takes batches of it."
            (fun (state: State) -> running state |> List.forall isOpenOnlyWhereOwned)
    ]

    /// The law of all states together.
    let servedInTheEnd: string * string =
        "cluster.served-in-the-end",
        "As long as a node may write, some steps without a fault end every request, with each shard open at its owner."
