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
    /// A server decided an event; called before its view of the room takes the decision.
    abstract Deciding: server: int * view: Store * decided: DecidedEvent -> unit
    /// A server took decisions back; called once its view of the room has none of them.
    abstract TakenBack: server: int * view: Store * machine: RoomMachine -> unit
    /// A server evicted its machine.
    abstract Evicted: server: int * view: Store * machine: RoomMachine -> unit
    /// A server refused an event of its own that was built on what it prepared.
    abstract Refused: server: int * refusal: AdoptionRefusal -> unit
    /// A server gave an event up.
    abstract Dropping: server: int * eventId: string * reason: DropReason -> unit
    /// The servers that hear of an event of one server's: those in the room, or all at the end of a run.
    abstract Destinations: view: Store * decided: DecidedEvent -> string list

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
type Node(index: int, stage: Stage, limits: IncomingLimits, practices: (string -> KnownEvent | null) -> Practices, world: IWorld)
    =

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
    let undecided = List<struct (string * SentEvent)>()
    let unwritten = List<struct (DecidedEvent * SentEvent)>()
    let unacknowledged = List<struct (int * int)>()
    let requests = Dictionary<int, struct (PeerRequest * int)>()
    let inFlight = Array.create<int> stage.Servers.Length -1
    let inFlightCount = Array.create<int> stage.Servers.Length 0
    let mutable flushing = false
    let mutable nextNumber = 0
    let mutable nextEvent = 0
    // How many decisions the next flush keeps, if it is to fail.
    let mutable failing: int voption = ValueNone
    let mutable evicting = false

    // What the machine knows of an event.
    let mutable known: string -> KnownEvent | null = fun _ -> null

    let start () : RoomMachine =
        // The machine itself knows what is not on the disk yet.
        RoomMachine.WithPractices(
            name,
            stage.RoomId,
            stage.Rules,
            disk,
            disk.Extremities,
            disk.CurrentState,
            disk.NextOrdinal,
            limits,
            practices (fun id -> known id)
        )

    let mutable machine = start ()
    do known <- fun id -> machine.Known id

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

    let request (ask: PeerRequest) =
        let dest = indexOf ask.Peer
        let key = number ()
        requests[key] <- struct (ask, dest)
        key

    let owe (decided: DecidedEvent) =
        for server in world.Destinations(view, decided) do
            let dest = indexOf server

            if dest >= 0 && dest <> index then
                outbox[dest].Add decided.Event.EventId
                pump dest

    let take (decided: DecidedEvent) (sent: SentEvent) =
        world.Deciding(index, view, decided)
        view.Add(decided, sent)
        unwritten.Add(struct (decided, sent))

    /// A machine that has nothing to do is made anew from the disk, if that is due.
    let evictIfIdle () =
        if evicting && machine.CanBeEvicted then
            evicting <- false
            // Responses to what was withdrawn are for the machine that asked.
            requests.Clear()
            machine <- start ()
            world.Evicted(index, view, machine)

    let rec tell (inputs: Input[]) : Output =
        let step = machine.Tell inputs

        for decided in step.Decided do
            take decided copies[decided.Event.EventId]

        for ask in step.Requests do
            askPeer ask Timing.attempts

        for struct (id, reason) in step.Dropped do
            inbox.Remove id |> ignore
            world.Dropping(index, id, reason)

        scheduleFlush ()
        evictIfIdle ()
        step

    and scheduleFlush () =
        if (unwritten.Count > 0 || unacknowledged.Count > 0) && not flushing then
            flushing <- true
            later Timing.flush flush

    and askPeer (ask: PeerRequest) attempts =
        let dest = indexOf ask.Peer

        if dest < 0 || attempts = 0 then
            let asking = machine

            later 1 (fun () ->
                if obj.ReferenceEquals(asking, machine) then
                    tell [| Input.Responded(ask.Number, Response.Nothing) |] |> ignore)
        else
            let key = request ask
            world.Send(index, dest, Message.Request(key, ask.Request))

            later Timing.patience (fun () ->
                if requests.Remove key then
                    askPeer ask (attempts - 1))

    /// Writes the first decisions.
    and write count =
        let written = unwritten.GetRange(0, count)
        unwritten.RemoveRange(0, count)

        for struct (decided, sent) in written do
            disk.Add(decided, sent)
            inbox.Remove decided.Event.EventId |> ignore
            copies.Remove decided.Event.EventId |> ignore

        if count > 0 then
            let struct (last, _) = written[count - 1]
            machine.Durable last.Number

        for struct (decided, _) in written do
            if decided.IsLocal then
                owe decided

    and flush () =
        flushing <- false

        match failing with
        | ValueSome keeps when keeps < unwritten.Count ->
            failing <- ValueNone
            write keeps
            let struct (first, _) = unwritten[0]
            machine.Failed first.Number |> ignore
            unwritten.Clear()
            view.Become disk
            world.TakenBack(index, view, machine)
            tell [||] |> ignore
        | _ ->
            for struct (peer, event) in undecided do
                inbox[event.Pdu.EventId] <- struct (peer, event)

            undecided.Clear()
            write unwritten.Count

            for struct (dest, txn) in unacknowledged do
                world.Send(index, dest, Message.Acknowledged txn)

            unacknowledged.Clear()
            evictIfIdle ()

    let answer (reply: Reply) (ask: PeerRequest) =
        match reply, ask.Request with
        | Reply.Keys, Request.Keys(server, signatures) ->
            keys.Add server |> ignore
            Response.Signatures(signatures |> Array.map (SentEvent.check keys.Contains))
        | Reply.Events events, _ -> Response.Events [| for event in events -> receive event |]
        | Reply.State(ids, chain), _ -> Response.State(ids, chain)
        | _ -> Response.Nothing

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
    member val Reply: int -> Request -> Reply = (fun _ question -> Answers.reply disk.TrySent disk question) with get, set

    /// Where an event goes that is built on what the machine prepared.
    member private _.PlaceOf(previous: seq<ForwardExtremity>, state: StateTree) : Place = {
        Prev = [
            for e in previous do
                match view.Find e.EventId with
                | null -> ()
                | known -> known.Event.Pdu
        ]
        State = state
        Read = view.AuthState
    }

    /// Where an event of this server's goes now.
    member this.Place: Place =
        let prepared = machine.Resolve()

        match prepared.StateBefore with
        | null -> this.PlaceOf(prepared.PreviousEvents, StateTree.Empty)
        | state -> this.PlaceOf(prepared.PreviousEvents, state)

    /// A number for an event of this server's that no other has.
    member _.NextEventNumber() =
        nextEvent <- nextEvent + 1
        nextEvent * stage.Servers.Length + index

    /// What its clock says: it goes wrong by up to half a second.
    member _.Clock = 1_000_000L + int64 world.Now + int64 ((index * 7919) % 11) * 50L

    /// Tries a draft; false if the room does not allow it.
    member this.Try(draft: Matrix.Core.Room.Draft) : bool =
        let prepared = machine.Resolve()
        let place = this.Place
        let cited = Composing.authEvents stage place draft

        let pdu =
            Composing.event stage place draft cited (this.NextEventNumber()) this.Clock

        let signers = Composing.signers pdu

        let isAllowedNow =
            match prepared.CurrentState with
            | NonNull current when not (obj.ReferenceEquals(current, prepared.StateBefore)) ->
                Composing.isAllowed stage { place with State = current } pdu cited signers
            | _ -> true

        if isAllowedNow && Composing.isAllowed stage place pdu cited signers then
            let adoption = machine.Adopt(prepared, stage.Rules.Read pdu, -1)

            match adoption.Decided with
            | null ->
                world.Refused(index, adoption.Refusal)
                false
            | decided ->
                take decided {
                    Pdu = pdu
                    Signatures = [ for server in signers -> { Server = server; IsGenuine = true } ]
                }

                scheduleFlush ()
                true
        else
            false

    /// Takes what all servers of the room know from the beginning.
    member _.Begin(events: SentEvent list) : unit =
        tell [| for event in events -> Input.Received(stage.Servers[0], receive event) |]
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

                tell [| for event in events -> Input.Received(peer, receive event) |] |> ignore
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
                    tell [| Input.Responded(ask.Number, answer reply ask) |] |> ignore
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
        undecided.Clear()
        unwritten.Clear()
        unacknowledged.Clear()
        requests.Clear()
        System.Array.Fill(inFlight, -1)
        failing <- ValueNone
        evicting <- false
        view <- Store name
        view.Become disk
        machine <- start ()

        tell [|
            for struct (peer, event) in Seq.toArray inbox.Values -> Input.Received(peer, receive event)
        |]
        |> ignore

        for dest in 0 .. outbox.Length - 1 do
            pump dest

    /// The next flush of more decisions than that keeps so many of them, and fails for the others.
    member _.FailNextFlush(keeps: int) : unit = failing <- ValueSome keeps

    /// The machine is evicted as soon as it can be.
    member _.EvictWhenIdle() : unit = evicting <- true

    /// Nothing goes wrong here any more.
    member _.Calm() : unit =
        failing <- ValueNone
        evicting <- false

    /// Owes nothing to a server any more.
    member _.Forgive(dest: int) : unit =
        outbox[dest].Clear()
        inFlight[dest] <- -1

    /// The current state.
    member _.Current: StateTree = machine.CurrentState
