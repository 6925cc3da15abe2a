namespace Matrix.Properties.ClusterProtocol

/// What a flush writes. Rooms, requests and starts of nodes are numbers. Each room is a shard of its own, and an event
/// has the number of the request that it answers.
[<RequireQualifiedAccess>]
type Batch =
    /// An event of a room, decided after another one; 0 is no event.
    | Event of room: int * request: int * after: int
    /// The owner of a room gives it to another node.
    | Give of room: int * taker: int
    /// A node takes a room from one that was declared dead.
    | Take of room: int * from: int

    /// The room.
    member this.Room: int =
        match this with
        | Batch.Event(room, _, _)
        | Batch.Give(room, _)
        | Batch.Take(room, _) -> room

    /// Whether it is an event of a room.
    member this.IsEventOf(room: int) : bool =
        match this with
        | Batch.Event(its, _, _) -> its = room
        | _ -> false

/// What a committed transaction did.
[<RequireQualifiedAccess>]
type Content =
    /// A node advanced the sequence, to find out what became of a flush.
    | Advanced
    /// A node began.
    | Began
    /// A flush. Each has one batch here.
    | Wrote of Batch

/// A committed transaction. Each takes one position here: that of the n-th is n.
type Entry = {
    /// The start of the node.
    By: int
    Content: Content
    /// Whether its row is in the table `flushes`, which is unlogged.
    HasRow: bool
}

/// A row of the table `nodes`.
type NodeRow = {
    /// The start that may write.
    Incarnation: int
    IsAlive: bool
    LastFlush: int
}

/// What the server answers to a transaction.
[<RequireQualifiedAccess>]
type Reply =
    | Committed of position: int
    /// The sequence was not where it was expected.
    | Moved
    | Fenced
    /// A shard has another owner.
    | Refused
    | SessionEnded

/// How far a transaction has come.
[<RequireQualifiedAccess>]
type Stage =
    /// It waits for the row of the sequence, or has not come to it.
    | Waiting
    /// It has the row, so no other transaction goes on.
    | Holding
    /// It has ended, and the reply is on its way.
    | Replied of Reply

/// A session of the database with a transaction.
type Session = {
    Node: int
    Batch: Batch
    /// Where the transaction expects the sequence; None if it takes it wherever it is.
    Expected: int option
    Stage: Stage
    /// Whether the server has, or gets, the rest of the transaction with its commit.
    IsCommitSent: bool
    /// Whether the node has the connection still.
    IsConnected: bool
}

/// What a node's writer does.
[<RequireQualifiedAccess>]
type Writer =
    | Idle
    /// A transaction is under way, in the session that is connected.
    | Sending
    /// The connection was lost. If the commit was sent, it would have had this position.
    | Lost of Batch * last: int option
    /// The same, and the submitters were told that it is unknown what became of their batch.
    | InDoubt of Batch * last: int

/// What a node has of a room.
type Shard = {
    /// Whether its gate is open: requests are let in.
    IsOpen: bool
    /// Whether the writer takes batches of it.
    IsOwned: bool
    /// The last event that its lane knows, durable or not; None if the room is not loaded.
    Memory: int option
    /// The requests that were carried out, the latest first; None if they were not read.
    Requests: int list option
    /// The request that is being decided, and the event that it is decided after.
    Draft: (int * int) option
    /// The last event in a cache that follows the changes; None if the cache has none.
    Cached: int option
    /// The owner as consumers know it, and the position that said so.
    Owner: int
    Since: int
}

/// Whether a start of a node runs.
[<RequireQualifiedAccess>]
type Status =
    | Absent
    | Running
    | Ended

/// One start of a node.
type Node = {
    /// The number of the node's name.
    Name: int
    Status: Status
    /// Where the sequence is, as far as the writer knows.
    Position: int
    /// Whether others have written since then, for all it knows. Then a flush asks where the sequence is.
    HasMoved: bool
    /// The batches that wait for the writer.
    Queue: Batch list
    Writer: Writer
    /// The room that is being given, and to whom.
    Giving: (int * int) option
    /// The node's own flushes that were kept and that its consumers have not read, with whether they were answered.
    Handed: (int * bool) list
    /// The positions that consumers have read or missed, the latest first.
    Seen: int list
    /// The position through which the owners have to be read from the database, since consumers missed a flush.
    Restoring: int option
    /// By room.
    Shards: Shard[]
}

/// The whole: the database, the nodes, and what clients know. The arrays are never changed.
type State = {
    /// What was committed, in order. The sequence is where it ends.
    Log: Entry[]
    /// The table `nodes`, by the number of the name.
    Rows: NodeRow[]
    /// The table `shards`: the owner of each room.
    Owners: int[]
    Sessions: Session list
    /// By the number of the start.
    Nodes: Node[]
    /// Which starts the members of the cluster take for dead.
    Declared: bool[]
    /// By request, from 1 on: whether the client was answered.
    Answered: bool[]
    /// How many more faults may happen.
    FaultsLeft: int
    /// How many more shards may be given.
    GivesLeft: int
}

/// What is asked of states, and small changes of them.
[<RequireQualifiedAccess>]
module internal State =

    /// The position that consumers have reached.
    let through (node: Node) : int =
        match node.Seen with
        | [] -> 0
        | latest :: _ -> latest

    /// The session in which the writer's transaction is under way.
    let sending (node: int) (state: State) : Session option =
        state.Sessions
        |> List.tryFind (fun session -> session.Node = node && session.IsConnected)

    /// The last event of a room among the first entries of a log.
    let lastEvent (room: int) (count: int) (log: Entry[]) : int =
        let rec from at =
            if at < 0 then
                0
            else
                match log[at].Content with
                | Content.Wrote(Batch.Event(its, request, _)) when its = room -> request
                | _ -> from (at - 1)

        from (count - 1)

    /// The requests of a room that have an event in the database, the latest first.
    let requestsOf (room: int) (state: State) : int list =
        ([], state.Log)
        ||> Array.fold (fun found entry ->
            match entry.Content with
            | Content.Wrote(Batch.Event(its, request, _)) when its = room -> request :: found
            | _ -> found)

    /// The batches of a node whose submitters wait for an answer.
    let pending (node: int) (state: State) : Batch list =
        let its = state.Nodes[node]

        [
            yield! its.Queue

            match sending node state, its.Writer with
            | Some session, Writer.Sending -> session.Batch
            | _, Writer.Lost(batch, _) -> batch
            | _ -> ()

            for position, isAnswered in its.Handed do
                match state.Log[position - 1].Content with
                | Content.Wrote batch when not isAnswered -> batch
                | _ -> ()
        ]

    let withNode (node: int) (change: Node -> Node) (state: State) : State = {
        state with
            Nodes = Array.updateAt node (change state.Nodes[node]) state.Nodes
    }

    let withShard (node: int) (room: int) (change: Shard -> Shard) (state: State) : State =
        state
        |> withNode node (fun its -> {
            its with
                Shards = Array.updateAt room (change its.Shards[room]) its.Shards
        })

    /// A room that a node has nothing of.
    let closed (owner: int) : Shard = {
        IsOpen = false
        IsOwned = false
        Memory = None
        Requests = Some []
        Draft = None
        Cached = Some 0
        Owner = owner
        Since = 0
    }

    /// A start that does nothing.
    let idle (name: int) (status: Status) (shards: Shard[]) : Node = {
        Name = name
        Status = status
        Position = 0
        HasMoved = false
        Queue = []
        Writer = Writer.Idle
        Giving = None
        Handed = []
        Seen = []
        Restoring = None
        Shards = shards
    }

    /// A start that ended: what it had in memory is gone.
    let ended (node: int) (state: State) : State =
        state
        |> withNode node (fun its -> idle its.Name Status.Ended (its.Shards |> Array.map (fun _ -> closed (-1))))
