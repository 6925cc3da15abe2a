namespace Matrix.Properties.ClusterProtocol

/// A step of the protocol, or a fault. Between two steps any time may pass, so a node that stands still is one whose
/// steps do not come.
[<RequireQualifiedAccess>]
type Step =
    // Rooms.
    | ReadRequests of node: int * room: int
    | Load of node: int * room: int
    | Decide of node: int * room: int * request: int
    | AnswerAgain of node: int * room: int * request: int
    | Submit of node: int * room: int
    | FillCache of node: int * room: int
    // Shards.
    | Close of node: int * room: int * taker: int
    | Give of node: int * room: int
    | CancelGive of node: int * room: int
    | Reopen of node: int * room: int
    | FindReturned of node: int * room: int
    | OpenEarly of node: int * room: int
    | Take of node: int * room: int * from: int
    // The writer.
    | Send of node: int * batch: Batch * expected: int option
    | Drop of node: int * batch: Batch
    | SendCommit of node: int
    | Receive of node: int * reply: Reply
    | LookUp of node: int * isKept: bool
    | GiveUp of node: int
    | Start of node: int
    // The server.
    | Run of node: int * isConnected: bool
    | Commit of node: int * isConnected: bool
    | EndLost of node: int
    // Consumers.
    | Read of node: int * position: int
    | Miss of node: int * position: int
    | Restore of node: int
    // Members.
    | Declare of node: int
    // Faults.
    | LoseConnection of node: int * arrives: bool
    | Kill of node: int * arrives: bool
    | DeclareFalsely of node: int
    | EndSession of node: int
    | LoseRow of position: int

/// Steps in words.
[<RequireQualifiedAccess>]
module Step =

    /// Whether a step is a fault.
    let isFault (step: Step) : bool =
        match step with
        | Step.LoseConnection _
        | Step.Kill _
        | Step.DeclareFalsely _
        | Step.EndSession _
        | Step.LoseRow _ -> true
        | _ -> false

    /// Whether a step moves a shard that need not move.
    let isGive (step: Step) : bool =
        match step with
        | Step.Close _ -> true
        | _ -> false

    let private name = World.nameOf

    let private batch (batch: Batch) : string =
        match batch with
        | Batch.Event(room, request, 0) -> $"the event of request {request}, the first in room {room}"
        | Batch.Event(room, request, after) -> $"the event of request {request}, after that of {after} in room {room}"
        | Batch.Give(room, taker) -> $"a flush that gives room {room} to {name taker}"
        | Batch.Take(room, from) -> $"a flush that takes room {room} from {name from}"

    let private reply (reply: Reply) : string =
        match reply with
        | Reply.Committed position -> $"it is committed at position {position}"
        | Reply.Moved -> "the sequence is elsewhere"
        | Reply.Fenced -> "it is fenced, and ends"
        | Reply.Refused -> "the shard has another owner"
        | Reply.SessionEnded -> "its session was ended"

    let private session (isConnected: bool) (node: int) : string =
        if isConnected then
            $"the session of {name node}"
        else
            $"a lost session of {name node}"

    let private rest (arrives: bool) : string =
        if arrives then
            "what it has sent arrives"
        else
            "its commit does not arrive"

    /// A step in a sentence.
    let describe (step: Step) : string =
        match step with
        | Step.ReadRequests(node, room) -> $"{name node} reads which requests of room {room} were carried out."
        | Step.Load(node, room) -> $"{name node} loads room {room}."
        | Step.Decide(node, room, request) -> $"{name node} gets request {request} and decides an event in room {room}."
        | Step.AnswerAgain(node, room, request) ->
            $"{name node} answers request {request} of room {room}, which was carried out."
        | Step.Submit(node, room) -> $"{name node} submits the event of room {room} to its writer."
        | Step.FillCache(node, room) -> $"{name node} reads room {room} into its cache."
        | Step.Close(node, room, taker) -> $"{name node} closes room {room}, to give it to {name taker}."
        | Step.Give(node, room) -> $"{name node} has nobody inside of room {room}, and submits the give."
        | Step.CancelGive(node, room) -> $"{name node} opens room {room} again without having given it."
        | Step.Reopen(node, room) -> $"{name node} opens room {room}, which it has."
        | Step.FindReturned(node, room) -> $"{name node} finds in the table that it has room {room}, and opens it."
        | Step.OpenEarly(node, room) -> $"{name node} hears that it has room {room}, and opens it."
        | Step.Take(node, room, from) -> $"{name node} wants room {room} of {name from}, which was declared dead."
        | Step.Send(node, it, Some expected) -> $"{name node} sends {batch it}, and expects the sequence at {expected}."
        | Step.Send(node, it, None) -> $"{name node} sends {batch it}, and asks where the sequence is."
        | Step.Drop(node, it) -> $"{name node} does not write {batch it}: it does not own the shard."
        | Step.SendCommit node -> $"{name node} sends the commit."
        | Step.Receive(node, it) -> $"{name node} learns of its flush: {reply it}."
        | Step.LookUp(node, true) -> $"{name node} connects again and finds that its flush was kept."
        | Step.LookUp(node, false) -> $"{name node} connects again and finds that its flush was not kept."
        | Step.GiveUp node -> $"{name node} cannot find out in time what became of its flush, and says so."
        | Step.Start node -> $"{name node} begins."
        | Step.Run(node, isConnected) -> $"The server gives the row of the sequence to {session isConnected node}."
        | Step.Commit(node, isConnected) -> $"The server commits {session isConnected node}."
        | Step.EndLost node -> $"The server ends a lost session of {name node}."
        | Step.Read(node, position) -> $"Consumers of {name node} read position {position}."
        | Step.Miss(node, position) -> $"Consumers of {name node} miss position {position}."
        | Step.Restore node -> $"{name node} reads the owners of shards from the database."
        | Step.Declare node -> $"{name node}, which has ended, is declared dead."
        | Step.LoseConnection(node, arrives) -> $"FAULT: {name node} loses its connection; {rest arrives}."
        | Step.Kill(node, arrives) -> $"FAULT: {name node} is killed; {rest arrives}."
        | Step.DeclareFalsely node -> $"FAULT: {name node} is declared dead, but lives."
        | Step.EndSession node -> $"FAULT: {name node} stands still, and the server ends its session."
        | Step.LoseRow position -> $"FAULT: the row of position {position} in `flushes` is lost."
