namespace Matrix.Properties.ClusterProtocol

[<RequireQualifiedAccess>]
module Protocol =

    /// What goes wrong in the world around the nodes.
    let private faults (state: State) : (Step * State) list =
        let after (change: State -> State) : State =
            change {
                state with
                    FaultsLeft = state.FaultsLeft - 1
            }

        // What was sent may get lost, unless the server has replied.
        let arrivals (node: int) =
            match State.sending node state with
            | Some session when session.IsCommitSent ->
                match session.Stage with
                | Stage.Replied _ -> [ true ]
                | Stage.Waiting
                | Stage.Holding -> [ true; false ]
            | _ -> [ true ]

        let lost (node: int) (arrives: bool) (session: Session) (state: State) =
            let last =
                match session.IsCommitSent, session.Expected, session.Stage with
                | false, _, _ -> None
                | true, Some expected, _ -> Some(expected + 1)
                | true, None, Stage.Replied(Reply.Committed position) -> Some position
                | true, None, Stage.Holding -> Some(state.Log.Length + 1)
                | true, None, _ -> None

            state
            |> Server.cut node arrives
            |> State.withNode node (fun its -> {
                its with
                    Writer = Writer.Lost(session.Batch, last)
            })

        [
            if state.FaultsLeft > 0 then
                for node in 0 .. state.Nodes.Length - 1 do
                    if state.Nodes[node].Status = Status.Running then
                        for arrives in arrivals node do
                            match State.sending node state with
                            | Some session -> Step.LoseConnection(node, arrives), after (lost node arrives session)
                            | None -> ()

                            Step.Kill(node, arrives), after (Server.cut node arrives >> State.ended node)

                        if not state.Declared[node] then
                            Step.DeclareFalsely node,
                            after (fun state -> {
                                state with
                                    Declared = Array.updateAt node true state.Declared
                            })

                for place in 0 .. state.Log.Length - 1 do
                    let entry = state.Log[place]

                    let isAwaited =
                        state.Nodes
                        |> Array.exists (fun node -> node.Status = Status.Running && State.through node <= place)

                    if entry.HasRow && isAwaited then
                        Step.LoseRow(place + 1),
                        after (fun state -> {
                            state with
                                Log = Array.updateAt place { entry with HasRow = false } state.Log
                        })
        ]

    let private ofNode (world: World) (guards: Guards) (state: State) (node: int) : (Step * State) list =
        match state.Nodes[node].Status with
        | Status.Absent ->
            if Server.isFree state then
                [ Step.Start node, Writing.start node state ]
            else
                []
        | Status.Running ->
            Rooms.steps world guards node state
            @ Shards.steps guards node state
            @ Writing.steps guards node state
            @ Consumers.steps guards node state
        | Status.Ended ->
            if state.Declared[node] then
                []
            else
                [
                    Step.Declare node,
                    {
                        state with
                            Declared = Array.updateAt node true state.Declared
                    }
                ]

    let next (world: World) (guards: Guards) (state: State) : (Step * State) list =
        List.collect (ofNode world guards state) [ 0 .. state.Nodes.Length - 1 ]
        @ Server.steps guards state
        @ faults state

    let canBeServed (state: State) : bool =
        [ 0 .. state.Nodes.Length - 1 ]
        |> List.exists (fun node ->
            match state.Nodes[node].Status with
            | Status.Absent -> true
            | Status.Running -> Server.mayWrite Guards.all node state
            | Status.Ended -> false)

    let isServed (state: State) : bool =
        let isOpen (room: int) (owner: int) =
            let its = state.Nodes[owner]

            its.Status = Status.Running
            && its.Shards[room].IsOpen
            && its.Shards[room].IsOwned

        Array.forall id state.Answered
        && state.Owners |> Array.mapi isOpen |> Array.forall id
