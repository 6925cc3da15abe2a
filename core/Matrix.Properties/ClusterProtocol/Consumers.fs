namespace Matrix.Properties.ClusterProtocol

/// The chain of flushes on a node, and the consumers that read it.
module internal Consumers =

    /// The submitter of a batch that was kept gets its result.
    let completed (guards: Guards) (node: int) (batch: Batch) (state: State) : State =
        match batch with
        | Batch.Event(room, request, _) -> Rooms.answered node room request state
        | Batch.Take(room, _) -> Shards.opened guards node room state
        | Batch.Give _ -> state

    let private seen (position: int) (node: int) (state: State) : State =
        state
        |> State.withNode node (fun its -> { its with Seen = position :: its.Seen })

    /// Consumers read the changes of a position.
    let read (guards: Guards) (node: int) (position: int) (state: State) : State =
        let entry = state.Log[position - 1]

        let changed =
            match entry.Content with
            | Content.Wrote(Batch.Event(room, request, _)) ->
                state
                |> State.withShard node room (fun shard -> { shard with Cached = Some request })
            | Content.Wrote(Batch.Give(room, taker)) -> Shards.moved guards node room taker position state
            | Content.Wrote(Batch.Take(room, _)) -> Shards.moved guards node room entry.By position state
            | Content.Advanced
            | Content.Began -> state

        changed |> seen position node

    /// Consumers cannot be given the changes of a position. Caches drop what they have; the owners are read later.
    let private missed (node: int) (position: int) (state: State) : State =
        state
        |> State.withNode node (fun its -> {
            its with
                Restoring = Some position
                Shards = its.Shards |> Array.map (fun shard -> { shard with Cached = None })
        })
        |> seen position node

    /// Hands over a flush of the node that was kept.
    let handOver (guards: Guards) (node: int) (batch: Batch) (position: int) (isAnswered: bool) (state: State) : State =
        let its = state.Nodes[node]

        if position <= State.through its then
            if isAnswered then
                state
            else
                completed guards node batch state
        elif guards.OwnFlushesAreInOrder then
            state
            |> State.withNode node (fun its -> {
                its with
                    Handed = its.Handed @ [ position, isAnswered ]
            })
        else
            state |> read guards node position |> completed guards node batch

    /// The next position of the chain. A flush of the node itself is waited for until its writer hands it over.
    let private reading (guards: Guards) (node: int) (state: State) : (Step * State) list =
        let its = state.Nodes[node]
        let next = State.through its + 1

        if next > state.Log.Length then
            []
        else
            let entry = state.Log[next - 1]

            match entry.Content, its.Handed with
            | Content.Wrote batch, (position, isAnswered) :: later when position = next ->
                let given =
                    state
                    |> State.withNode node (fun its -> { its with Handed = later })
                    |> read guards node next

                [
                    Step.Read(node, next),
                    (if isAnswered then
                         given
                     else
                         completed guards node batch given)
                ]
            | Content.Wrote _, _ when entry.By = node && entry.HasRow -> []
            | _ when entry.HasRow -> [ Step.Read(node, next), read guards node next state ]
            | _ -> [ Step.Miss(node, next), missed node next state ]

    /// After a miss, the owners are read from the database, where nothing later is known.
    let private restoring (guards: Guards) (node: int) (state: State) : (Step * State) list =
        let its = state.Nodes[node]
        let isLevel = State.through its = state.Log.Length

        match its.Restoring with
        | Some through when isLevel || not guards.RestoredOpensAfterChain ->
            let restored =
                (state, [ 0 .. its.Shards.Length - 1 ])
                ||> List.fold (fun state room ->
                    if its.Shards[room].Since <= through then
                        Shards.moved guards node room state.Owners[room] through state
                    else
                        state)

            [
                Step.Restore node, restored |> State.withNode node (fun its -> { its with Restoring = None })
            ]
        | _ -> []

    /// The steps of a node that runs.
    let steps (guards: Guards) (node: int) (state: State) : (Step * State) list =
        reading guards node state @ restoring guards node state
