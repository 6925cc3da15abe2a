namespace Matrix.Properties.ClusterProtocol

/// The gates of shards on a node: how one is opened, closed, given and taken.
module internal Shards =

    /// Opens a shard, unless it is open. What was known of it before is not used any more.
    let opened (guards: Guards) (node: int) (room: int) (state: State) : State =
        state
        |> State.withShard node room (fun shard ->
            if shard.IsOpen then
                shard
            else
                {
                    shard with
                        IsOpen = true
                        Memory = if guards.MemoryIsDropped then None else shard.Memory
                        Requests = if guards.RequestsAreReadAgain then None else shard.Requests
                })

    /// Consumers learn the owner of a shard. One that is the node's own now is opened.
    let moved (guards: Guards) (node: int) (room: int) (owner: int) (position: int) (state: State) : State =
        let before = state.Nodes[node].Shards[room].Owner

        let known =
            state
            |> State.withShard node room (fun shard -> {
                shard with
                    Owner = owner
                    Since = position
            })

        if owner = before || owner <> node then
            known
        else
            known
            |> State.withShard node room (fun shard -> { shard with IsOwned = true })
            |> opened guards node room

    /// A give has ended: it was kept, or not. If it was, consumers may have read already that the shard came back.
    let given (guards: Guards) (isKept: bool) (node: int) (room: int) (state: State) : State =
        state
        |> State.withNode node (fun its -> {
            its with
                Giving = its.Giving |> Option.filter (fun (other, _) -> other <> room)
        })
        |> State.withShard node room (fun shard -> {
            shard with
                IsOwned =
                    if isKept then
                        shard.IsOwned && guards.GivesCountWhenSent
                    else
                        guards.UnkeptGivesAreUndone
        })

    /// A shard that could not be given is opened again, unless it is unknown whose it is.
    let reopened (guards: Guards) (node: int) (room: int) (state: State) : State =
        if state.Nodes[node].Shards[room].IsOwned then
            opened guards node room state
        else
            state

    /// Whether nobody is inside of a closed shard, and everything that was written inside has ended.
    let private isEmpty (node: int) (room: int) (state: State) : bool =
        state.Nodes[node].Shards[room].Draft.IsNone
        && State.pending node state
           |> List.forall (fun batch -> not (batch.IsEventOf room))

    let private isGiveSubmitted (node: int) (room: int) (state: State) : bool =
        State.pending node state
        |> List.exists (fun batch ->
            match batch with
            | Batch.Give(its, _) -> its = room
            | _ -> false)

    /// Whether a node waits for a flush that takes a shard. It moves shards one after the other.
    let private takesAny (node: int) (state: State) : bool =
        State.pending node state
        |> List.exists (fun batch ->
            match batch with
            | Batch.Take _ -> true
            | _ -> false)

    /// A node closes a shard, waits until it is empty, and gives it in a flush.
    let private giving (guards: Guards) (node: int) (state: State) : (Step * State) list =
        let its = state.Nodes[node]

        match its.Giving with
        | None when takesAny node state -> []
        | None -> [
            for room in 0 .. its.Shards.Length - 1 do
                let shard = its.Shards[room]

                // What is given is the node's as consumers know it, too.
                if state.GivesLeft > 0 && shard.IsOpen && shard.IsOwned && shard.Owner = node then
                    for taker in 0 .. state.Nodes.Length - 1 do
                        let isReady =
                            state.Nodes[taker].Status = Status.Running && not state.Declared[taker]

                        if taker <> node && isReady then
                            Step.Close(node, room, taker),
                            {
                                state with
                                    GivesLeft = state.GivesLeft - 1
                            }
                            |> State.withShard node room (fun shard -> { shard with IsOpen = false })
                            |> State.withNode node (fun its -> { its with Giving = Some(room, taker) })
          ]
        | Some(room, taker) when not (isGiveSubmitted node room state) -> [
            Step.CancelGive(node, room),
            state
            |> State.withNode node (fun its -> { its with Giving = None })
            |> opened guards node room

            if not guards.InsideIsAwaited || isEmpty node room state then
                Step.Give(node, room),
                state
                |> State.withNode node (fun its -> {
                    its with
                        Queue = its.Queue @ [ Batch.Give(room, taker) ]
                })
                |> State.withShard node room (fun shard ->
                    if guards.MemoryIsDropped then
                        { shard with Memory = None }
                    else
                        shard)
          ]
        | Some _ -> []

    /// A shard of the node that stayed closed, since it was unknown whether it was given, is opened.
    let private reopening (guards: Guards) (node: int) (state: State) : (Step * State) list =
        let its = state.Nodes[node]

        [
            for room in 0 .. its.Shards.Length - 1 do
                let shard = its.Shards[room]

                if its.Giving.IsNone && shard.Owner = node && shard.IsOwned && not shard.IsOpen then
                    Step.Reopen(node, room), opened guards node room state
        ]

    /// A shard of the node that was given, and came back, is found in the table.
    let private returning (guards: Guards) (node: int) (state: State) : (Step * State) list =
        let its = state.Nodes[node]

        let isInDoubt (room: int) =
            match its.Writer with
            | Writer.InDoubt(Batch.Give(other, _), _) -> other = room
            | _ -> false

        [
            for room in 0 .. its.Shards.Length - 1 do
                let shard = its.Shards[room]

                let isLeft =
                    shard.Owner = node
                    && not shard.IsOwned
                    && not shard.IsOpen
                    && its.Giving.IsNone
                    && not (isInDoubt room)

                let isLevel = State.through its = state.Log.Length

                if guards.ReturnedShardsAreFound && isLeft && isLevel && state.Owners[room] = node then
                    Step.FindReturned(node, room),
                    state
                    |> State.withShard node room (fun shard -> { shard with IsOwned = true })
                    |> opened guards node room
        ]

    /// A node takes the shards of one that was declared dead.
    let private taking (node: int) (state: State) : (Step * State) list =
        let its = state.Nodes[node]

        let isTaking (room: int) =
            let isTake (batch: Batch) =
                match batch with
                | Batch.Take(other, _) -> other = room
                | _ -> false

            State.pending node state |> List.exists isTake
            || (match its.Writer with
                | Writer.InDoubt(batch, _) -> isTake batch
                | _ -> false)

        [
            for room in 0 .. its.Shards.Length - 1 do
                let owner = its.Shards[room].Owner

                if owner <> node && state.Declared[owner] && not (isTaking room) then
                    Step.Take(node, room, owner),
                    state
                    |> State.withNode node (fun its -> {
                        its with
                            Queue = its.Queue @ [ Batch.Take(room, owner) ]
                    })
        ]

    /// Without a guard: a node hears of a give, and opens the shard at once.
    let private openingEarly (guards: Guards) (node: int) (state: State) : (Step * State) list =
        let its = state.Nodes[node]

        [
            for room in 0 .. its.Shards.Length - 1 do
                let shard = its.Shards[room]

                if
                    not guards.OpensAfterChain
                    && state.Owners[room] = node
                    && shard.Owner <> node
                    && not shard.IsOpen
                then
                    Step.OpenEarly(node, room),
                    state
                    |> State.withShard node room (fun shard -> { shard with IsOwned = true })
                    |> opened guards node room
        ]

    /// The steps of a node that runs.
    let steps (guards: Guards) (node: int) (state: State) : (Step * State) list =
        giving guards node state
        @ reopening guards node state
        @ returning guards node state
        @ taking node state
        @ openingEarly guards node state
