namespace Matrix.Properties.Simulation

open System
open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Graph
open Matrix.Core.Room.Incoming.Fetching
open Matrix.Core.State

/// One server: a room machine, a disk, and pending messages. A crash loses what is not on the disk.
[<Sealed>]
type Node
    (
        index: int,
        room: SimulatedRoom,
        limits: IncomingLimits,
        behaviour: (string -> KnownEvent | null) -> Behaviour,
        seed: uint64,
        readTo: int,
        maxPending: int,
        world: IWorld
    ) =

    let name = room.Servers[index]
    // Durable.
    let disk = Store name
    let keys = HashSet<string>([ name ])
    let inbox = Dictionary<string, struct (string * SentEvent)>()
    let outbox = Array.init room.Servers.Length (fun _ -> List<string>())
    // Lost in a crash.
    let mutable view = Store name
    let mutable life = 0
    let mutable isUp = true
    let copies = Dictionary<string, SentEvent>()
    let undecided = List<struct (string * SentEvent)>()
    let unwritten = List<struct (DecidedEvent * SentEvent)>()
    let unacknowledged = List<struct (int * int)>()
    let requests = Dictionary<int, struct (PeerRequest * int)>()
    let inFlight = Array.create<int> room.Servers.Length -1
    let inFlightCount = Array.create<int> room.Servers.Length 0
    let mutable flushing = false
    let mutable retryAt = 0L
    let mutable nextNumber = 0
    let mutable nextEvent = 0
    // The time of each read of the disk. What is read at once may be out of date when it comes.
    let rng = Rng(Rng.Mix(seed + 7919UL * uint64 (index + 1)))
    // How many decisions the next flush keeps, if it is to fail.
    let mutable failing: int voption = ValueNone
    let mutable evicting = false
    // Calls of the machine that wait for the disk, and inputs that wait for one of them.
    let mutable reading = 0
    let waiting = List<Input>()

    // The number of a request for history, and the peer and the followers of the gap.
    let mutable asksHistory: struct (int * int * string list) voption = ValueNone
    // Whether the machine has not taken a page of history yet, and that page.
    let mutable tellsHistory = false
    let mutable history: string list = []

    // The machine's look-up of an event, for its behaviour.
    let mutable known: string -> KnownEvent | null = fun _ -> null

    let start () : RoomMachine =
        // The machine itself knows what is not on the disk yet.
        RoomMachine.WithBehaviour(name, room.Rules, disk.Start room.RoomId, limits, behaviour (fun id -> known id))

    let mutable machine = start ()

    do
        known <-
            fun id ->
                match machine.Known id with
                | null -> disk.Find id
                | found -> found

    let number () =
        nextNumber <- nextNumber + 1
        nextNumber

    let indexOf (server: string) =
        System.Array.IndexOf(room.Servers, server)

    let receive (sent: SentEvent) =
        let id = sent.Pdu.EventId

        if not (copies.ContainsKey id) || sent.Signatures |> List.forall _.IsGenuine then
            copies[id] <- sent

        SentEvent.receive room.Format keys.Contains sent

    /// Schedules something that a crash cancels.
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

    let track (request: PeerRequest) =
        let dest = indexOf request.Peer
        let key = number ()
        requests[key] <- struct (request, dest)
        key

    let enqueue (decided: DecidedEvent) =
        for server in world.Destinations(view, decided) do
            let dest = indexOf server

            if dest >= 0 && dest <> index then
                let queue = outbox[dest]
                queue.Add decided.Event.EventId
                let sent = if inFlight[dest] < 0 then 0 else inFlightCount[dest]

                if queue.Count - sent > maxPending then
                    queue.RemoveRange(sent, queue.Count - sent - maxPending)

                pump dest

    let take (decided: DecidedEvent) (sent: SentEvent) =
        world.Deciding(index, view, decided)
        view.Add(decided, sent)
        unwritten.Add(struct (decided, sent))

    /// Evicts the machine if it is due and possible, and makes another from the disk.
    let evictIfIdle () =
        if evicting && waiting.Count = 0 && machine.CanBeEvicted then
            evicting <- false
            // Responses to withdrawn requests belong to the machine that made them.
            requests.Clear()
            machine <- start ()
            world.Evicted(index, view, machine)

    let rec tell (inputs: Input[]) : unit =
        // The machine forgets facts all the time. With many calls at once, each would wait for what the others forgot.
        if reading < Timing.reads then
            proceed inputs
        else
            waiting.AddRange inputs

    and proceed (inputs: Input[]) : unit =
        let timed = Array.append [| Input.At(int64 world.Now) |] inputs

        let output =
            if readTo = 0 then
                machine.ReceiveOver(disk.Read, timed)
            else
                machine.Receive timed

        if output.LookUps.IsEmpty then
            if inputs |> Array.exists _.IsHistory then
                tellsHistory <- false

            act output
        else
            // Other inputs may be told meanwhile, and decisions may become durable.
            let asking = machine

            let early =
                if rng.Happens 300 then
                    Some(disk.Read output.LookUps)
                else
                    None

            reading <- reading + 1

            later (rng.Below readTo) (fun () ->
                reading <- reading - 1
                asking.Supply(early |> Option.defaultWith (fun () -> disk.Read output.LookUps))
                proceed inputs

                if waiting.Count > 0 && reading < Timing.reads then
                    let next = waiting.ToArray()
                    waiting.Clear()
                    proceed next)

    and act (step: Output) : unit =
        for decided in step.Decided do
            let id = decided.Event.EventId

            // A copy is forgotten once an event is durable, which may be as an outlier.
            match copies.TryGetValue id, view.TrySent id with
            | (true, copy), _
            | _, Some copy -> take decided copy
            | _ -> invalidOp $"There is no copy of {id}."

        for request in step.Requests do
            askPeer request Timing.attempts

        match step.Resolve with
        | null -> ()
        | resolution ->
            later (1 + rng.Below(max 1 readTo)) (fun () ->
                resolution.RunOver disk.Read
                tell [| Input.Resolved resolution |])

        for struct (_, reason) in step.Remembered do
            world.Remembering(index, reason)

        for struct (id, reason) in step.Dropped do
            match inbox.Remove id, copies.TryGetValue id with
            | true, (true, copy) -> world.GivingUp(index, view, copy.Pdu, reason)
            | _ -> ()

            world.Dropping(index, id, reason)

        // Events that wait for servers that were not reached.
        if step.RetryAt > int64 world.Now && step.RetryAt <> retryAt then
            retryAt <- step.RetryAt
            later (int (step.RetryAt - int64 world.Now)) (fun () -> tell [||])

        if step.HasMore then
            later 1 (fun () -> tell [||])

        scheduleFlush ()
        evictIfIdle ()

    and scheduleFlush () =
        if (unwritten.Count > 0 || unacknowledged.Count > 0) && not flushing then
            flushing <- true
            later Timing.flush flush

    and askPeer (request: PeerRequest) attempts =
        let dest = indexOf request.Peer

        if dest < 0 || attempts = 0 then
            let asking = machine

            // A server that the network does not reach may have the events nevertheless.
            let response =
                if dest < 0 then
                    Response.Nothing
                else
                    Response.NotNow([||], int64 world.Now)

            later 1 (fun () ->
                if obj.ReferenceEquals(asking, machine) then
                    tell [| Input.Responded(request.Number, response) |])
        else
            let key = track request
            world.Send(index, dest, Message.Request(key, request.Request))

            later Timing.patience (fun () ->
                if requests.Remove key then
                    askPeer request (attempts - 1))

    /// Makes the first decisions durable.
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
                enqueue decided

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
            tell [||]
        | _ ->
            for struct (peer, event) in undecided do
                inbox[event.Pdu.EventId] <- struct (peer, event)

            undecided.Clear()
            write unwritten.Count

            for struct (dest, txn) in unacknowledged do
                world.Send(index, dest, Message.Acknowledged txn)

            unacknowledged.Clear()
            evictIfIdle ()

    let isOpen (id: string) =
        machine.IsStaged id
        || unwritten.Exists(fun (struct (decided, _)) -> decided.Event.EventId = id)

    /// Whether another page of history may be requested: only once each event of the last one is durable or dropped.
    /// Two pages could use one number.
    let mayAskHistory () =
        asksHistory.IsNone && not tellsHistory && not (List.exists isOpen history)

    /// Tells a page of history before these events.
    let tellHistory (peer: string) (followers: string list) (events: SentEvent list) =
        let known = followers |> List.choose (fun id -> Option.ofObj (view.Find id))

        let page =
            HistoryPage.Of([| for e in known -> e.Event.Pdu |], [||], [| for e in events -> receive e |])

        let isHere (id: string) =
            match view.Find id with
            | null -> false
            | event -> not event.IsOutlier

        let newest =
            page.Newest(HashSet(Seq.filter isHere page.Ids), Dictionary(), Int64.MinValue, Int32.MaxValue)

        let events =
            if newest.Events.Count > 0 then
                newest.Events
            else
                newest.Reached

        if events.Count > 0 then
            let below = known |> Seq.map _.Ordinal |> Seq.min
            history <- [ for e in events -> e.Pdu.EventId ]
            tellsHistory <- true
            world.TellingHistory(index, [ for e in events -> e.Pdu ])

            tell [|
                Input.HistoryPlace(view.NumberBelow below, below)
                for e in events do
                    Input.History(peer, e)
            |]

    let responseOf (wire: WireResponse) (request: PeerRequest) =
        match wire, request.Request with
        | WireResponse.Keys, Request.Keys(server, signatures) ->
            keys.Add server |> ignore
            Response.Signatures(signatures |> Array.map (SentEvent.check keys.Contains))
        | WireResponse.Events events, _ -> Response.Events [| for event in events -> receive event |]
        | WireResponse.State(ids, chain), _ -> Response.State(ids, chain)
        | _ -> Response.Nothing

    /// The server's name.
    member _.Name = name

    /// Whether it is running.
    member _.IsUp = isUp

    /// What it knows, durable or not.
    member _.Store = view

    /// What it durably knows.
    member _.Disk = disk

    /// Its machine.
    member _.Machine = machine

    /// Its responses to a server's requests. The Byzantine server has its own.
    member val Respond: int -> Request -> WireResponse =
        (fun _ request -> Responses.respond disk.TrySent disk request) with get, set

    /// The same for history.
    member val RespondHistory: int -> string list -> WireResponse =
        (fun _ ids -> Responses.history disk.TrySent ids Timing.page) with get, set

    /// Requests history before one of the gaps from a peer.
    member _.AskHistory(dest: int) : unit =
        if isUp && dest <> index && not disk.Gaps.IsEmpty && mayAskHistory () then
            let gap = Seq.item (rng.Below disk.Gaps.Count) disk.Gaps
            let followers = disk.Following gap |> Seq.truncate 20 |> List.ofSeq
            let key = number ()
            asksHistory <- ValueSome(struct (key, dest, followers))
            world.Send(index, dest, Message.Backfill(key, followers))

            later Timing.patience (fun () ->
                match asksHistory with
                | ValueSome(struct (asked, _, _)) when asked = key -> asksHistory <- ValueNone
                | _ -> ())

    /// The base of an event, from what the machine prepared.
    member private _.PlaceOf(previous: seq<ForwardExtremity>, state: StateTree) : EventBase = {
        Prev = [
            for e in previous do
                match view.Find e.EventId with
                | null -> ()
                | known -> known.Event.Pdu
        ]
        State = state
        Read = view.AuthState
        IsRejected = view.IsRejected
    }

    /// The base of this server's next event.
    member this.EventBase: EventBase =
        let prepared = machine.ResolveOver disk.Read

        match prepared.StateBefore with
        | null -> this.PlaceOf(prepared.PreviousEvents, StateTree.Empty)
        | state -> this.PlaceOf(prepared.PreviousEvents, state)

    /// A number that no other event has.
    member _.NextEventNumber() =
        nextEvent <- nextEvent + 1
        nextEvent * room.Servers.Length + index

    /// Its clock, which is wrong by up to half a second.
    member _.Clock = 1_000_000L + int64 world.Now + int64 ((index * 7919) % 11) * 50L

    /// Sends a draft; false if the room does not allow it.
    member this.Try(draft: Matrix.Core.Room.Draft) : bool =
        let prepared = machine.ResolveOver disk.Read
        let eventBase = this.EventBase
        let cited = Composing.authEvents room eventBase draft

        let depth = Composing.depth room eventBase

        match Composing.tryEvent room eventBase draft cited (this.NextEventNumber()) this.Clock depth with
        | Error fault ->
            world.Unwritable(index, fault)
            false
        | Ok pdu -> this.TryEvent(prepared, eventBase, cited, pdu)

    member private this.TryEvent(prepared: Prepared, eventBase: EventBase, cited: Pdu list, pdu: Pdu) : bool =
        let signers = Composing.signers pdu

        let isAllowedNow =
            obj.ReferenceEquals(prepared.CurrentState, prepared.StateBefore)
            || Composing.isAllowed
                room
                {
                    eventBase with
                        State = prepared.CurrentState
                }
                pdu
                cited
                signers

        if
            isAllowedNow
            && Composing.isAllowed room eventBase pdu cited signers
            && Composing.isAllowedByAuthEvents room eventBase pdu cited signers
        then
            let adoption = machine.AdoptOver(disk.Read, prepared, room.Rules.Read pdu, -1)

            match adoption.Decided with
            // A user of a room with so many branches has to try again.
            | null when adoption.Refusal = AdoptionRefusal.Resolving ->
                match machine.Resolving with
                | null -> ()
                | resolution ->
                    later 1 (fun () ->
                        resolution.RunOver disk.Read
                        tell [| Input.Resolved resolution |])

                false
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

    /// Takes the events that all servers have from the beginning.
    member _.Begin(events: SentEvent list) : unit =
        machine.ReceiveOver(disk.Read, [| for event in events -> Input.Received(room.Servers[0], receive event) |])
        |> act

        flush ()

    /// Sends events that its machine does not know: lies.
    member _.Slip(dest: int, events: SentEvent list) : unit =
        world.Send(index, dest, Message.Transaction(-1 - number (), events))

    /// A message arrived.
    member this.Take(from: int, message: Message) : unit =
        if isUp then
            match message with
            | Message.Transaction(txn, events) ->
                unacknowledged.Add(struct (from, txn))
                let peer = room.Servers[from]

                for event in events do
                    if isNull (view.Find event.Pdu.EventId) then
                        undecided.Add(struct (peer, event))

                tell [| for event in events -> Input.Received(peer, receive event) |]
            | Message.Acknowledged txn ->
                if inFlight[from] = txn then
                    inFlight[from] <- -1
                    outbox[from].RemoveRange(0, inFlightCount[from])
                    pump from
            | Message.Request(key, request) -> world.Send(index, from, Message.Response(key, this.Respond from request))
            | Message.Backfill(key, ids) -> world.Send(index, from, Message.Response(key, this.RespondHistory from ids))
            | Message.Response(key, reply) ->
                match asksHistory with
                | ValueSome(struct (asked, dest, followers)) when asked = key && dest = from ->
                    asksHistory <- ValueNone

                    match reply with
                    | WireResponse.Events events -> tellHistory room.Servers[from] followers events
                    | _ -> ()
                | _ -> ()

                match requests.TryGetValue key with
                | true, struct (request, dest) when dest = from ->
                    requests.Remove key |> ignore
                    tell [| Input.Responded(request.Number, responseOf reply request) |]
                | _ -> ()

    /// Crashes.
    member _.Crash() : unit =
        isUp <- false
        life <- life + 1

    /// Starts again from the disk.
    member _.Restart() : unit =
        isUp <- true
        life <- life + 1
        flushing <- false
        retryAt <- 0L
        copies.Clear()
        undecided.Clear()
        unwritten.Clear()
        unacknowledged.Clear()
        requests.Clear()
        System.Array.Fill(inFlight, -1)
        failing <- ValueNone
        evicting <- false
        reading <- 0
        waiting.Clear()
        asksHistory <- ValueNone
        tellsHistory <- false
        history <- []
        world.TellingHistory(index, [])
        view <- Store name
        view.Become disk
        machine <- start ()

        // They have their turns, as on a server.
        let now = int64 world.Now

        tell [|
            for turn, struct (peer, event) in Seq.indexed (Seq.toArray inbox.Values) ->
                Input.Resumed(peer, receive event, now, now + int64 (turn * Timing.flush))
        |]

        for dest in 0 .. outbox.Length - 1 do
            pump dest

    /// Makes the next flush of more than `keeps` decisions fail for all but the first `keeps`.
    member _.FailNextFlush(keeps: int) : unit = failing <- ValueSome keeps

    /// Evicts the machine as soon as that is possible.
    member _.EvictWhenIdle() : unit = evicting <- true

    /// Cancels pending faults.
    member _.Calm() : unit =
        failing <- ValueNone
        evicting <- false

    /// Drops what is queued for a server.
    member _.Forgive(dest: int) : unit =
        outbox[dest].Clear()
        inFlight[dest] <- -1

    /// The current state.
    member _.Current: StateTree = machine.CurrentState
