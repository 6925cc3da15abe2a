namespace Matrix.Properties.Simulation

open System.Collections.Generic
open Matrix.Core.Room
open Matrix.Core.Room.Incoming
open Matrix.Core.State

/// What a server sees of the rest.
type IWorld =
    /// Milliseconds since the start.
    abstract Now: int
    abstract Send: from: int * dest: int * message: Message -> unit
    abstract After: delay: int * what: (unit -> unit) -> unit
    /// A server decided an event: told before its view of the room takes the decision.
    abstract Deciding: server: int * view: Store * decided: Decided -> unit
    /// A server gave an event up.
    abstract Dropping: server: int * eventId: string * reason: DropReason -> unit
    /// The servers that hear of an event of one server's: those in the room, or all at the end of a run.
    abstract Destinations: view: Store * decided: Decided -> string list

/// How a server keeps time, in milliseconds.
[<RequireQualifiedAccess>]
module Timing =

    /// From a decision until it is durable.
    let flush = 5

    /// Until an answer, or an acknowledgement, is given up.
    let patience = 1_500

    /// How often a question is sent.
    let attempts = 3

    /// The most events in one transaction.
    let transaction = 50

/// One server: a room machine, a disk, and what is under way. It loses in a crash what is not on the disk.
[<Sealed>]
type Node(index: int, stage: Stage, limits: IncomingLimits, practices: Store -> Practices, world: IWorld) =

    let name = stage.Servers[index]
    // Durable.
    let disk = Store name
    let keys = HashSet<string>([ name ])
    let inbox = Dictionary<string, struct (string * SentEvent)>()
    let outbox = Array.init stage.Servers.Length (fun _ -> List<string>())
    // Lost in a crash.
    let mutable view = Store name
    let mutable life = 0
    let mutable isUp = true
    let copies = Dictionary<string, SentEvent>()
    let made = HashSet<string>()
    let undecided = List<struct (string * SentEvent)>()
    let unwritten = List<struct (Decided * SentEvent)>()
    let unacknowledged = List<struct (int * int)>()
    let requests = Dictionary<int, struct (Ask * int)>()
    let inFlight = Array.create<int> stage.Servers.Length -1
    let inFlightCount = Array.create<int> stage.Servers.Length 0
    let mutable flushing = false
    let mutable nextNumber = 0
    let mutable nextEvent = 0

    let start () : RoomMachine =
        // What is not on the disk yet the machine has to know by itself.
        RoomMachine.Of(name, stage.RoomId, stage.Rules, disk, disk.Extremities, disk.NextOrdinal, limits, practices view)

    let mutable machine = start ()

    let number () =
        nextNumber <- nextNumber + 1
        nextNumber

    let indexOf (server: string) =
        System.Array.IndexOf(stage.Servers, server)

    let receive (sent: SentEvent) =
        let id = sent.Pdu.EventId

        if not (copies.ContainsKey id) || sent.Signatures |> List.forall _.IsGenuine then
            copies[id] <- sent

        SentEvent.receive stage.Format keys.Contains sent

    /// Does something later, unless the server crashes before.
    let later delay (what: unit -> unit) =
        let mine = life

        world.After(
            delay,
            fun () ->
                if isUp && life = mine then
                    what ()
        )

    let rec pump dest =
        if inFlight[dest] < 0 && outbox[dest].Count > 0 then
            let ids = outbox[dest] |> Seq.truncate Timing.transaction |> List.ofSeq
            let events = ids |> List.choose disk.TrySent
            let txn = number ()
            inFlight[dest] <- txn
            inFlightCount[dest] <- ids.Length
            send dest txn events

    and send dest txn events =
        world.Send(index, dest, Message.Transaction(txn, events))

        later Timing.patience (fun () ->
            if inFlight[dest] = txn then
                send dest txn events)

    let request (ask: Ask) =
        let dest = indexOf ask.Peer
        let key = number ()
        requests[key] <- struct (ask, dest)
        key

    let owe (decided: Decided) =
        for server in world.Destinations(view, decided) do
            let dest = indexOf server

            if dest >= 0 && dest <> index then
                outbox[dest].Add decided.Event.EventId
                pump dest

    let rec tell (facts: Fact[]) : Step =
        let step = machine.Tell facts

        for decided in step.Decided do
            world.Deciding(index, view, decided)
            let sent = copies[decided.Event.EventId]
            view.Add(decided, sent)
            unwritten.Add(struct (decided, sent))

        for ask in step.Asks do
            askPeer ask Timing.attempts

        for struct (id, reason) in step.Dropped do
            inbox.Remove id |> ignore
            world.Dropping(index, id, reason)

        if (unwritten.Count > 0 || unacknowledged.Count > 0) && not flushing then
            flushing <- true
            later Timing.flush flush

        step

    and askPeer (ask: Ask) attempts =
        let dest = indexOf ask.Peer

        if dest < 0 || attempts = 0 then
            later 1 (fun () -> tell [| Fact.Answered(ask.Number, Answer.Nothing) |] |> ignore)
        else
            let key = request ask
            world.Send(index, dest, Message.Request(key, ask.Question))

            later Timing.patience (fun () ->
                if requests.Remove key then
                    askPeer ask (attempts - 1))

    and flush () =
        flushing <- false

        for struct (peer, event) in undecided do
            inbox[event.Pdu.EventId] <- struct (peer, event)

        for struct (decided, sent) in unwritten do
            disk.Add(decided, sent)
            inbox.Remove decided.Event.EventId |> ignore
            copies.Remove decided.Event.EventId |> ignore

        let written = unwritten.ToArray()
        unwritten.Clear()
        undecided.Clear()

        for struct (dest, txn) in unacknowledged do
            world.Send(index, dest, Message.Acknowledged txn)

        unacknowledged.Clear()

        tell [| Fact.Durable [| for struct (decided, _) in written -> decided.Known |] |]
        |> ignore

        for struct (decided, _) in written do
            if made.Remove decided.Event.EventId then
                owe decided

    let answer (reply: Reply) (ask: Ask) =
        match reply, ask.Question with
        | Reply.Keys, Question.Keys(server, signatures) ->
            keys.Add server |> ignore
            Answer.Signatures(signatures |> Array.map (SentEvent.check keys.Contains))
        | Reply.Events events, _ -> Answer.Events [| for event in events -> receive event |]
        | Reply.State(ids, chain), _ -> Answer.State(ids, chain)
        | _ -> Answer.Nothing

    /// The server's name.
    member _.Name = name

    /// Whether it runs.
    member _.IsUp = isUp

    /// What it knows, durable or not.
    member _.View = view

    /// What it durably knows.
    member _.Disk = disk

    /// Its machine.
    member _.Machine = machine

    /// How it answers requests of a server. A lying server has ways of its own.
    member val Reply: int -> Question -> Reply = (fun _ question -> Answers.reply disk.TrySent disk question) with get, set

    /// Where an event of this server's goes now.
    member _.Place: Place = {
        Prev = [
            for e in (Extremities.Choose(machine.Extremities, 20)).Named do
                match view.Find e.EventId with
                | null -> ()
                | known -> known.Event.Pdu
        ]
        State = machine.Current
        Read = view.AuthState
    }

    /// A number for an event of this server's that no other has.
    member _.NextEventNumber() =
        nextEvent <- nextEvent + 1
        nextEvent * stage.Servers.Length + index

    /// What its clock says: it goes wrong by up to half a second.
    member _.Clock = 1_000_000L + int64 world.Now + int64 ((index * 7919) % 11) * 50L

    /// Takes an event that this server made, with the signatures that it has.
    member _.Make(sent: SentEvent) : Step =
        made.Add sent.Pdu.EventId |> ignore
        copies[sent.Pdu.EventId] <- sent
        // Whoever vouches for a join has just signed it: there is nothing to look up.
        tell [| Fact.Made(SentEvent.receive stage.Format (fun _ -> true) sent) |]

    /// Tries a draft; false if the room does not allow it.
    member this.Try(draft: Matrix.Core.Room.Draft) : bool =
        let place = this.Place
        let cited = Composing.authEvents stage place draft

        let pdu =
            Composing.event stage place draft cited (this.NextEventNumber()) this.Clock

        let signers = Composing.signers pdu

        if Composing.isAllowed stage place pdu cited signers then
            let sent = {
                Pdu = pdu
                Signatures = [ for server in signers -> { Server = server; IsGenuine = true } ]
            }

            this.Make sent |> ignore
            true
        else
            false

    /// Takes what all servers of the room know from the beginning.
    member _.Begin(events: SentEvent list) : unit =
        tell [| for event in events -> Fact.Received(stage.Servers[0], Ok(receive event)) |]
        |> ignore

        flush ()

    /// Sends events that are no part of the server's own view: a lying server's.
    member _.Slip(dest: int, events: SentEvent list) : unit =
        world.Send(index, dest, Message.Transaction(-1 - number (), events))

    /// A message arrived.
    member this.Take(from: int, message: Message) : unit =
        if isUp then
            match message with
            | Message.Transaction(txn, events) ->
                unacknowledged.Add(struct (from, txn))
                let peer = stage.Servers[from]

                for event in events do
                    if isNull (view.Find event.Pdu.EventId) then
                        undecided.Add(struct (peer, event))

                tell [| for event in events -> Fact.Received(peer, Ok(receive event)) |]
                |> ignore
            | Message.Acknowledged txn ->
                if inFlight[from] = txn then
                    inFlight[from] <- -1
                    outbox[from].RemoveRange(0, inFlightCount[from])
                    pump from
            | Message.Request(key, question) -> world.Send(index, from, Message.Response(key, this.Reply from question))
            | Message.Response(key, reply) ->
                match requests.TryGetValue key with
                | true, struct (ask, dest) when dest = from ->
                    requests.Remove key |> ignore
                    tell [| Fact.Answered(ask.Number, answer reply ask) |] |> ignore
                | _ -> ()

    /// Stops at once.
    member _.Crash() : unit =
        isUp <- false
        life <- life + 1

    /// Comes back with what the disk has.
    member _.Restart() : unit =
        isUp <- true
        life <- life + 1
        flushing <- false
        copies.Clear()
        made.Clear()
        undecided.Clear()
        unwritten.Clear()
        unacknowledged.Clear()
        requests.Clear()
        System.Array.Fill(inFlight, -1)
        view <- Store name
        view.CopyFrom disk
        machine <- start ()

        tell [|
            for struct (peer, event) in Seq.toArray inbox.Values -> Fact.Received(peer, Ok(receive event))
        |]
        |> ignore

        for dest in 0 .. outbox.Length - 1 do
            pump dest

    /// Owes nothing to a server any more.
    member _.Forgive(dest: int) : unit =
        outbox[dest].Clear()
        inFlight[dest] <- -1

    /// The current state.
    member _.Current: StateTree = machine.Current
