namespace Matrix.Properties.ClusterProtocol

/// The rooms of a node: their lanes, and the requests that were carried out.
module internal Rooms =

    /// Whether the writer has a batch whose outcome is not known.
    let private isSettled (its: Node) : bool =
        match its.Writer with
        | Writer.Idle
        | Writer.Sending -> true
        | Writer.Lost _
        | Writer.InDoubt _ -> false

    /// A request joins the one of the same id that is under way.
    let private isUnderWay (node: int) (room: int) (request: int) (state: State) : bool =
        let isIts (batch: Batch) =
            match batch with
            | Batch.Event(_, its, _) -> its = request
            | _ -> false

        (match state.Nodes[node].Shards[room].Draft with
         | Some(its, _) -> its = request
         | None -> false)
        || State.pending node state |> List.exists isIts

    /// The last event of a room, where decisions read it.
    let private stored (world: World) (node: int) (room: int) (state: State) : int =
        match world.Reads, state.Nodes[node].Shards[room].Cached with
        | Source.Cache, Some cached -> cached
        | _ -> State.lastEvent room state.Log.Length state.Log

    /// A room is loaded by one who has its lane, and once an empty batch has come after those that were submitted.
    let private mayLoad (node: int) (room: int) (state: State) : bool =
        let its = state.Nodes[node]

        isSettled its
        && its.Shards[room].Draft.IsNone
        && State.pending node state
           |> List.forall (fun batch -> not (batch.IsEventOf room))
        && its.Handed.IsEmpty

    let private deciding (node: int) (room: int) (world: World) (state: State) : (Step * State) list =
        let shard = state.Nodes[node].Shards[room]

        let inFlight =
            State.pending node state
            |> List.filter (fun batch -> batch.IsEventOf room)
            |> List.length

        match shard.Requests, shard.Memory with
        | Some carriedOut, memory -> [
            for request in 1 .. world.Requests.Length do
                if world.Requests[request - 1] = room then
                    if List.contains request carriedOut then
                        if not state.Answered[request - 1] then
                            Step.AnswerAgain(node, room, request),
                            {
                                state with
                                    Answered = Array.updateAt (request - 1) true state.Answered
                            }
                    else
                        match memory with
                        | Some last when
                            shard.Draft.IsNone
                            && inFlight < world.Pipeline
                            && not (isUnderWay node room request state)
                            ->
                            Step.Decide(node, room, request),
                            state
                            |> State.withShard node room (fun shard -> {
                                shard with
                                    Draft = Some(request, last)
                                    Memory = Some request
                            })
                        | _ -> ()
          ]
        | None, _ -> []

    let private ofRoom (world: World) (guards: Guards) (node: int) (state: State) (room: int) : (Step * State) list =
        let its = state.Nodes[node]
        let shard = its.Shards[room]

        [
            if shard.IsOpen then
                if shard.Requests.IsNone && (isSettled its || not guards.RequestsAreReadSettled) then
                    Step.ReadRequests(node, room),
                    state
                    |> State.withShard node room (fun shard -> {
                        shard with
                            Requests = Some(State.requestsOf room state)
                    })

                if shard.Memory.IsNone && mayLoad node room state then
                    Step.Load(node, room),
                    state
                    |> State.withShard node room (fun shard -> {
                        shard with
                            Memory = Some(stored world node room state)
                    })

                yield! deciding node room world state

            match shard.Draft with
            | Some(request, after) ->
                Step.Submit(node, room),
                state
                |> State.withShard node room (fun shard -> { shard with Draft = None })
                |> State.withNode node (fun its -> {
                    its with
                        Queue = its.Queue @ [ Batch.Event(room, request, after) ]
                })
            | None -> ()

            // A read of any client fills the cache, if it has lost what it had.
            if
                world.Reads = Source.Cache
                && shard.Cached.IsNone
                && State.through its = state.Log.Length
            then
                Step.FillCache(node, room),
                state
                |> State.withShard node room (fun shard -> {
                    shard with
                        Cached = Some(State.lastEvent room state.Log.Length state.Log)
                })
        ]

    /// The events of a room that were submitted after one that failed fail too, and its lane forgets the room.
    let failed (node: int) (room: int) (state: State) : State =
        state
        |> State.withNode node (fun its -> {
            its with
                Queue = its.Queue |> List.filter (fun batch -> not (batch.IsEventOf room))
        })
        |> State.withShard node room (fun shard -> {
            shard with
                Draft = None
                Memory = None
        })

    /// It is unknown whether an event was written: the requests that were carried out have to be read again.
    let inDoubt (node: int) (state: State) : State =
        state
        |> State.withNode node (fun its -> {
            its with
                Shards = its.Shards |> Array.map (fun shard -> { shard with Requests = None })
        })

    /// The client of a request gets its answer, and the node remembers the request.
    let answered (node: int) (room: int) (request: int) (state: State) : State =
        {
            state with
                Answered = Array.updateAt (request - 1) true state.Answered
        }
        |> State.withShard node room (fun shard -> {
            shard with
                Requests =
                    shard.Requests
                    |> Option.map (fun known -> request :: List.except [ request ] known)
        })

    /// The steps of a node that runs.
    let steps (world: World) (guards: Guards) (node: int) (state: State) : (Step * State) list =
        List.collect (ofRoom world guards node state) [ 0 .. world.Owners.Length - 1 ]
