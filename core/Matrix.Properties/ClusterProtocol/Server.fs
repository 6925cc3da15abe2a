namespace Matrix.Properties.ClusterProtocol

/// The database: one row that all transactions take first, and what they find then. In READ COMMITTED a transaction
/// that waited for the row reads it, and everything after it, as it is when it has got it. Of several that wait, any
/// may be the next one.
module internal Server =

    /// Whether no transaction has the row of the sequence.
    let isFree (state: State) : bool =
        state.Sessions |> List.forall (fun session -> session.Stage <> Stage.Holding)

    /// Whether a node may write: the fence.
    let mayWrite (guards: Guards) (node: int) (state: State) : bool =
        let row = state.Rows[state.Nodes[node].Name]
        row.IsAlive && (row.Incarnation = node || not guards.FenceNamesIncarnation)

    /// Commits a transaction that took the next position.
    let append (node: int) (content: Content) (state: State) : State = {
        state with
            Log =
                Array.append state.Log [|
                    {
                        By = node
                        Content = content
                        HasRow = true
                    }
                |]
    }

    let private replaced (before: Session) (after: Session option) (state: State) : State =
        let place =
            state.Sessions
            |> List.findIndex (fun session -> obj.ReferenceEquals(session, before))

        {
            state with
                Sessions =
                    match after with
                    | Some session -> List.updateAt place session state.Sessions
                    | None -> List.removeAt place state.Sessions
        }

    /// A transaction has ended. If its connection is lost, nobody learns of it.
    let private replied (session: Session) (reply: Reply) (state: State) : State =
        let after =
            if session.IsConnected then
                Some {
                    session with
                        Stage = Stage.Replied reply
                }
            else
                None

        replaced session after state

    /// The first statement: the sequence, then the fence.
    let private run (guards: Guards) (session: Session) (state: State) : State =
        let hasMoved =
            match session.Expected with
            | Some expected -> guards.PositionIsExpected && expected <> state.Log.Length
            | None -> false

        let isFenced =
            guards.FenceIsChecked
            && guards.FenceIsAfterSequence
            && not (mayWrite guards session.Node state)

        if hasMoved then
            replied session Reply.Moved state
        elif isFenced then
            replied session Reply.Fenced state
        else
            replaced session (Some { session with Stage = Stage.Holding }) state

    let private owned (room: int) (owner: int) (state: State) : State = {
        state with
            Owners = Array.updateAt room owner state.Owners
    }

    /// A start of a node writes nothing any more.
    let private fenced (node: int) (state: State) : State =
        let name = state.Nodes[node].Name

        if state.Rows[name].Incarnation = node then
            {
                state with
                    Rows =
                        Array.updateAt
                            name
                            {
                                state.Rows[name] with
                                    IsAlive = false
                            }
                            state.Rows
            }
        else
            state

    /// What a flush changes; None if its conditions do not hold.
    let private changed (guards: Guards) (session: Session) (state: State) : State option =
        match session.Batch with
        | Batch.Event _ -> Some state
        | Batch.Give(room, taker) when state.Owners[room] = session.Node -> Some(owned room taker state)
        | Batch.Take(room, from) when state.Owners[room] = from ->
            let taken = owned room session.Node state
            Some(if guards.TakerFences then fenced from taken else taken)
        | Batch.Give _
        | Batch.Take _ -> None

    /// The position of the last flush of a node.
    let private flushed (node: int) (state: State) : State =
        let name = state.Nodes[node].Name

        if state.Rows[name].Incarnation = node then
            {
                state with
                    Rows =
                        Array.updateAt
                            name
                            {
                                state.Rows[name] with
                                    LastFlush = state.Log.Length
                            }
                            state.Rows
            }
        else
            state

    /// The rest of the transaction, and its commit.
    let private commit (guards: Guards) (session: Session) (state: State) : State =
        match changed guards session state with
        | None -> replied session Reply.Refused state
        | Some changed ->
            let kept =
                changed
                |> append session.Node (Content.Wrote session.Batch)
                |> flushed session.Node

            replied session (Reply.Committed kept.Log.Length) kept

    /// The server ends the session of a node that stands still. Without a guard, also one whose commit was sent, and is
    /// kept all the same.
    let private ended (guards: Guards) (session: Session) (state: State) : State =
        let left = {
            state with
                FaultsLeft = state.FaultsLeft - 1
        }

        let reply = replied session Reply.SessionEnded

        if not session.IsCommitSent then
            reply left
        else
            match changed guards session left with
            | None -> reply left
            | Some changed ->
                changed
                |> append session.Node (Content.Wrote session.Batch)
                |> flushed session.Node
                |> reply

    let private ofSession (guards: Guards) (state: State) (session: Session) : (Step * State) list = [
        if session.Stage = Stage.Waiting && isFree state then
            Step.Run(session.Node, session.IsConnected), run guards session state

        if session.Stage = Stage.Holding && session.IsCommitSent then
            Step.Commit(session.Node, session.IsConnected), commit guards session state

        if not session.IsConnected && not session.IsCommitSent && guards.LostSessionsEnd then
            Step.EndLost session.Node, replaced session None state

        if
            session.IsConnected
            && session.Stage = Stage.Holding
            && state.FaultsLeft > 0
            && (not session.IsCommitSent || not guards.CommitsAreNotEnded)
        then
            Step.EndSession session.Node, ended guards session state
    ]

    /// The steps of the server.
    let steps (guards: Guards) (state: State) : (Step * State) list =
        List.collect (ofSession guards state) state.Sessions

    /// A node loses its connection. `arrives`: whether the server has what was sent.
    let cut (node: int) (arrives: bool) (state: State) : State =
        match State.sending node state with
        | None -> state
        | Some session ->
            let after =
                match session.Stage with
                | Stage.Replied _ -> None
                | Stage.Waiting
                | Stage.Holding ->
                    Some {
                        session with
                            IsConnected = false
                            IsCommitSent = session.IsCommitSent && arrives
                    }

            replaced session after state
