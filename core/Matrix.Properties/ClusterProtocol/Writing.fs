namespace Matrix.Properties.ClusterProtocol

/// The writer of a node: one flush after the other, in three steps: the first statement, the commit, the reply.
module internal Writing =

    let private withWriter (node: int) (writer: Writer) (state: State) : State =
        state |> State.withNode node (fun its -> { its with Writer = writer })

    /// A batch that was not kept is sent again.
    let private again (node: int) (batch: Batch) (state: State) : State =
        state
        |> withWriter node Writer.Idle
        |> State.withNode node (fun its -> { its with Queue = batch :: its.Queue })

    /// The writer has learned that a batch was kept.
    let private kept
        (guards: Guards)
        (node: int)
        (batch: Batch)
        (position: int)
        (isAnswered: bool)
        (state: State)
        : State =
        let settled =
            match batch with
            | Batch.Event _ -> state
            | Batch.Give(room, _) -> Shards.given guards true node room state
            | Batch.Take(room, _) -> state |> State.withShard node room (fun shard -> { shard with IsOwned = true })

        settled
        |> withWriter node Writer.Idle
        |> State.withNode node (fun its -> {
            its with
                Position = max its.Position position
                // As long as nobody else writes, the position is known.
                HasMoved = position > its.Position + 1
        })
        |> Consumers.handOver guards node batch position isAnswered

    /// A batch has failed, and nothing of it was kept.
    let private failed (guards: Guards) (node: int) (batch: Batch) (state: State) : State =
        match batch with
        | Batch.Event(room, _, _) -> Rooms.failed node room state
        | Batch.Give(room, _) -> state |> Shards.given guards false node room |> Shards.reopened guards node room
        | Batch.Take _ -> state

    /// Sends the first statement of the next flush. A node expects the sequence where it was last, or takes it wherever
    /// it is if others have written.
    let private send
        (guards: Guards)
        (node: int)
        (batch: Batch)
        (rest: Batch list)
        (state: State)
        : (Step * State) list =
        let its = state.Nodes[node]

        let begun (expected: int option) =
            // The fence as it is before the transaction waits.
            let isFenced =
                guards.FenceIsChecked
                && not guards.FenceIsAfterSequence
                && not (Server.mayWrite guards node state)

            let session = {
                Node = node
                Batch = batch
                Expected = expected
                Stage =
                    if isFenced then
                        Stage.Replied Reply.Fenced
                    else
                        Stage.Waiting
                IsCommitSent = false
                IsConnected = true
            }

            let sent =
                {
                    state with
                        Sessions = state.Sessions @ [ session ]
                }
                |> State.withNode node (fun its -> {
                    its with
                        Queue = rest
                        Writer = Writer.Sending
                })

            let after =
                match batch with
                | Batch.Give(room, _) when guards.GivesCountWhenSent ->
                    sent |> State.withShard node room (fun shard -> { shard with IsOwned = false })
                | _ -> sent

            Step.Send(node, batch, expected), after

        match batch with
        | Batch.Event(room, _, _) when guards.ShardsAreChecked && not its.Shards[room].IsOwned -> [
            Step.Drop(node, batch),
            state
            |> State.withNode node (fun its -> { its with Queue = rest })
            |> failed guards node batch
          ]
        | _ when its.HasMoved -> [ begun None ]
        | _ -> [ begun (Some its.Position) ]

    /// Sends the commit: at once if the positions are known, or once the first statement has told them.
    let private sendCommit (guards: Guards) (node: int) (session: Session) (state: State) : State =
        let sent = {
            state with
                Sessions =
                    state.Sessions
                    |> List.map (fun other ->
                        if obj.ReferenceEquals(other, session) then
                            { session with IsCommitSent = true }
                        else
                            other)
        }

        match session.Batch with
        | Batch.Event _ when not guards.AnswersFollowCommits -> Consumers.completed guards node session.Batch sent
        | _ -> sent

    let private receive (guards: Guards) (node: int) (session: Session) (reply: Reply) (state: State) : State =
        let received = {
            state with
                Sessions =
                    state.Sessions
                    |> List.filter (fun other -> not (obj.ReferenceEquals(other, session)))
        }

        match reply with
        | Reply.Committed position -> kept guards node session.Batch position false received
        | Reply.Moved ->
            received
            |> State.withNode node (fun its -> { its with HasMoved = true })
            |> again node session.Batch
        | Reply.Fenced -> State.ended node received
        | Reply.Refused -> received |> withWriter node Writer.Idle |> failed guards node session.Batch
        | Reply.SessionEnded -> received |> withWriter node (Writer.Lost(session.Batch, None))

    let private sending (guards: Guards) (node: int) (state: State) : (Step * State) list =
        match State.sending node state with
        | None -> []
        | Some session -> [
            let knowsPositions = session.Expected.IsSome || session.Stage = Stage.Holding

            match session.Stage with
            | Stage.Replied reply -> Step.Receive(node, reply), receive guards node session reply state
            | Stage.Waiting
            | Stage.Holding ->
                if not session.IsCommitSent && knowsPositions then
                    Step.SendCommit node, sendCommit guards node session state
          ]

    /// Connects again, advances the sequence, and reads the node's last flush. `last` is where the lost flush would be.
    let private lookUp
        (guards: Guards)
        (node: int)
        (batch: Batch)
        (last: int option)
        (isAnswered: bool)
        (state: State)
        : (Step * State) list =
        if guards.LooksAdvanceSequence && not (Server.isFree state) then
            []
        else
            let looked =
                if guards.LooksAdvanceSequence then
                    state
                    |> Server.append node Content.Advanced
                    |> State.withNode node (fun its -> {
                        its with
                            Position = state.Log.Length + 1
                            HasMoved = false
                    })
                else
                    state

            let row = looked.Rows[looked.Nodes[node].Name]

            if not (Server.mayWrite guards node looked) then
                [ Step.LookUp(node, false), State.ended node looked ]
            else
                match last with
                | Some last when row.LastFlush = last -> [
                    Step.LookUp(node, true), kept guards node batch last isAnswered looked
                  ]
                | _ when isAnswered ->
                    let undone =
                        match batch with
                        | Batch.Give(room, _) -> Shards.given guards false node room looked
                        | Batch.Event _
                        | Batch.Take _ -> looked

                    [ Step.LookUp(node, false), withWriter node Writer.Idle undone ]
                | _ -> [ Step.LookUp(node, false), again node batch looked ]

    /// The node could not connect for long. If the commit was sent, the submitters learn that nothing is known.
    let private giveUp (guards: Guards) (node: int) (batch: Batch) (last: int option) (state: State) : State =
        match last with
        | None -> state |> withWriter node Writer.Idle |> failed guards node batch
        | Some last ->
            let inDoubt = state |> withWriter node (Writer.InDoubt(batch, last))

            match batch with
            | Batch.Event(room, _, _) -> inDoubt |> Rooms.failed node room |> Rooms.inDoubt node
            | Batch.Give(room, _) ->
                inDoubt
                |> State.withNode node (fun its -> { its with Giving = None })
                |> Shards.reopened guards node room
            | Batch.Take _ -> inDoubt

    /// The steps of a node that runs.
    let steps (guards: Guards) (node: int) (state: State) : (Step * State) list =
        let its = state.Nodes[node]

        match its.Writer, its.Queue with
        | Writer.Idle, batch :: rest -> send guards node batch rest state
        | Writer.Idle, [] -> []
        | Writer.Sending, _ -> sending guards node state
        | Writer.Lost(batch, last), _ ->
            (Step.GiveUp node, giveUp guards node batch last state)
            :: lookUp guards node batch last false state
        | Writer.InDoubt(batch, last), _ -> lookUp guards node batch (Some last) true state

    /// A node begins: its last start, if there is one, writes nothing from here on.
    let start (node: int) (state: State) : State =
        let begun = state |> Server.append node Content.Began
        let position = begun.Log.Length
        let name = state.Nodes[node].Name

        {
            begun with
                Rows =
                    Array.updateAt
                        name
                        {
                            Incarnation = node
                            IsAlive = true
                            LastFlush = position
                        }
                        state.Rows
                // Of two starts of a name, members take the last one for alive.
                Declared =
                    state.Declared
                    |> Array.mapi (fun other isDeclared ->
                        isDeclared || (other <> node && state.Nodes[other].Name = name))
        }
        |> State.withNode node (fun its -> {
            its with
                Status = Status.Running
                Position = position
                Seen = List.init position (fun before -> position - before)
                Shards =
                    its.Shards
                    |> Array.mapi (fun room _ -> {
                        State.closed state.Owners[room] with
                            Cached = None
                            Requests = None
                    })
        })
