namespace Matrix.Core.Room.Incoming.Staging

open System
open System.Collections.Generic
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol

/// The events of a room that came and are not decided: how they are staged, dropped, remembered, postponed and taken
/// over. Beyond the limits, events are dropped.
[<Sealed>]
type internal Staging(log: UndoLog, limits: IncomingLimits, notStored: IReadOnlySet<string>) =

    let staged = UndoableMap<string, Staged>(log, Dictionary())
    let events = StagedEvents(log, staged, limits)
    let held = HeldStates(log, limits)
    let postponed = PostponedEvents log
    let waiting = Waiting(log, staged, held, postponed)
    let requests = OutstandingRequests(log, staged)
    let requestLimits = RequestLimits(log, limits, notStored)
    let remembered = RememberedEvents(log, limits)
    let dropped = UndoableQueue<struct (string * DropReason)>(log)
    let beganToBeRemembered = UndoableQueue<struct (string * DropReason)>(log)

    /// The most events that fetched events lacked which a received one is remembered for.
    let mostLacking = 100

    let insert (s: Staged) =
        events.Insert s
        waiting.Again s

    /// The staged events.
    member _.Events = events

    /// What they wait for, and which are ready.
    member _.Waiting = waiting

    /// The requests made for them.
    member _.Requests = requests

    /// The time, and what may be requested now.
    member _.RequestLimits = requestLimits

    /// The fetched states.
    member _.Held = held

    /// The events that wait for peers that were not reached.
    member _.Postponed = postponed

    /// The remembered events.
    member _.Remembered = remembered

    /// The staged event with this id; null if there is none.
    member _.Find(eventId: string) : Staged | null = events.Find eventId

    /// The bytes of the staged and remembered events by the share in which they count.
    member _.BytesByPeer: struct (string * int64)[] =
        if remembered.Count = 0 then
            events.BytesByPeer
        else
            remembered.All
            |> Seq.map (fun r -> struct (r.Share, r.Bytes))
            |> Seq.append events.BytesByPeer
            |> Seq.groupBy (fun (struct (peer, _)) -> peer)
            |> Seq.map (fun (peer, all) -> struct (peer, all |> Seq.sumBy (fun (struct (_, bytes)) -> bytes)))
            |> Seq.toArray

    /// Stages an event, or returns the reason why there is no space for it. If the room's staging is full, the share
    /// with the most events makes room for those of others, but none for those of strangers.
    member this.Add(s: Staged) : DropReason voption =
        for struct (leaving, reason) in events.LeavingFor(s, waiting.Decidable) do
            this.Drop(leaving, reason)

        let refused = events.NoSpaceFor s

        if refused.IsNone then
            insert s

        refused

    /// Makes room for so many more bytes of a staged event; false if there is no space for them.
    member private this.MayGrow(s: Staged, more: int64) : bool =
        for leaving in events.LeavingForGrowth(s, more, waiting.Decidable) do
            this.Drop(leaving, DropReason.StagingFull limits.StagedBytes)

        events.MayGrow(s, more)

    /// Keeps another copy of a staged event while the signatures of this one are in doubt, if there is space for it.
    /// Signatures are not part of the event's id.
    member this.Keep(s: Staged, copy: ReceivedEvent) : unit =
        if s.MayKeep copy && this.MayGrow(s, Staged.SizeOf copy) then
            events.Recount(s, (fun () -> s.Keep copy))

    /// Takes the next copy of an event in place of one whose signatures are wrong; false if there is none.
    member _.TakeCopy(s: Staged) : bool = events.Recount(s, s.TakeCopy)

    /// Takes a validly signed copy with the right content hash, if there is space for it.
    member this.TakeWhole(s: Staged, copy: ReceivedEvent) : unit =
        // Where servers choose event ids, the copy may name other events and have another place among ready ones.
        waiting.NotReady s

        if this.MayGrow(s, Staged.SizeOf copy - Staged.SizeOf s.Event) then
            events.Recount(s, (fun () -> s.TakeWhole copy))

    /// Stages an event again whose decision was taken back. Such events are decided in their former order. `state` is
    /// the fetched state before it, whose events are looked up again; null if none was needed.
    member _.PutBack(s: Staged, number: int64, state: FetchedState | null) : unit =
        if isNull (events.Find s.Id) then
            s.TakenBack <- number
            insert s

            if not (isNull state) then
                s.Fetched <- state
                held.Hold s

    /// A local event, or one in bulk, is decided: the events that waited for it are examined again.
    member _.Wake(eventId: string) : unit =
        remembered.Decided eventId
        waiting.Wake eventId |> ignore

    /// An event stops waiting for the events of its fetched state.
    member _.ForgetFetched(s: Staged) : unit =
        if not (isNull s.Fetched) then
            s.Fetched <- null
            waiting.StopAwaiting s

    /// An event gives up its fetched state: the next in the queue may request one.
    member this.ReleaseState(s: Staged) : unit =
        this.ForgetFetched s
        held.Release s

    /// An event is decided or dropped: it is no longer staged, and the events that waited for it are examined again.
    member private this.Remove(s: Staged) : Staged[] =
        waiting.NotReady s
        this.ReleaseState s
        waiting.StopAwaiting s
        held.LeaveQueue s
        postponed.Remove s
        events.Remove s
        requests.Withdraw s
        waiting.Wake s.Id

    /// An event is decided: those that waited for it are examined again, and those that were remembered are due.
    member this.Decided(s: Staged) : unit =
        this.Remove s |> ignore
        remembered.Decided s.Id

    /// Reports a drop.
    member _.Report(eventId: string, reason: DropReason) =
        dropped.Enqueue(struct (eventId, reason))

    /// An event is no longer staged, and not decided. The events that waited for it look for another source.
    member private this.Leave(s: Staged, reason: DropReason) : unit =
        for waiter in this.Remove s do
            if not waiter.IsOutlier && Array.IndexOf(waiter.Pdu.PrevEvents, s.Id) >= 0 then
                waiter.PreviousPeer <- waiter.PreviousPeer + 1

            if Array.IndexOf(waiter.Pdu.AuthEvents, s.Id) >= 0 then
                waiter.AuthPeer <- waiter.AuthPeer + 1

        match reason with
        // Another peer may have a signed copy.
        | DropReason.NotSigned _ -> ()
        | DropReason.AuthEventUnavailable _ -> s.Budget.GivenUp.Add s.Id |> ignore
        | _ -> s.Budget.Stateless.Add s.Id |> ignore

    /// Drops an event.
    member this.Drop(s: Staged, reason: DropReason) : unit =
        this.Leave(s, reason)
        this.Report(s.Id, reason)

    /// Remembers a received event that lacks others which no peer had.
    member private this.Remember(s: Staged, reason: DropReason) : unit =
        let lacks = Array.append (s.Awaits.ToArray()) (s.Budget.Lacking.ToArray())

        let made =
            Remembered(
                s.Event,
                s.AskedFirst,
                s.IsStranger,
                s.Budget.Since,
                Array.distinct lacks,
                s.Budget.Searches,
                reason
            )

        this.Leave(s, reason)

        match remembered.Add made with
        | ValueSome gone -> this.Report(gone.Id, gone.Reason)
        | ValueNone -> ()

        if remembered.Has s.Id then
            beganToBeRemembered.Enqueue(struct (s.Id, reason))

    /// Postpones the search for what an event lacks, if a peer was not reached that may have it. False if it has to end
    /// now: every peer was reached, or the event was only fetched and has waited often enough.
    member this.Postpone(s: Staged) : bool =
        let mayWait =
            (s.Unreached.Count > 0 && s.Rounds < limits.Patience)
            || (s.IsReceived && s.Budget.IsUnreached)

        if s.PostponedUntil > 0L then
            true
        elif not mayWait then
            false
        else
            let pause = min limits.LongestPause (limits.FirstPause <<< min 30 s.Rounds)
            let asked = min s.Budget.RetryAt (requestLimits.Now + limits.LongestPause)
            let until = max asked (requestLimits.Now + pause)

            if until > s.Budget.Since + limits.WaitsFor then
                this.Drop(s, DropReason.NotReached limits.WaitsFor)
            else
                // A fetched state is large: it is requested again.
                match s.StateFrom with
                | null -> ()
                | peer -> s.Budget.Requested.Remove(struct (peer, "state " + s.Id)) |> ignore

                this.ReleaseState s
                s.StateFrom <- null
                postponed.Add(s, until)

            true

    /// Whether what an event lacks is not requested yet, because the time for that has not come.
    member _.WaitsForTurn(s: Staged) : bool =
        let waits = requestLimits.Now > 0L && s.SearchFrom > requestLimits.Now

        if waits && s.PostponedUntil = 0L then
            postponed.Add(s, s.SearchFrom)
        elif not waits then
            s.SearchFrom <- 0L

        waits

    /// What an event lacks may be requested now, whatever its time was.
    member _.SearchNow(s: Staged) : unit =
        if s.SearchFrom > 0L then
            s.SearchFrom <- 0L

            if s.PostponedUntil > 0L then
                postponed.Remove s
                waiting.Again s

    /// Ends the search for what an event lacks, unless it waits for a peer that was not reached. If no peer had it, a
    /// received event is remembered; any other is dropped.
    member this.End(s: Staged, reason: DropReason) : unit =
        if not (this.Postpone s) then
            match reason with
            | DropReason.AuthEventUnavailable _
            | DropReason.StateUnavailable when s.IsReceived -> this.Remember(s, reason)
            | DropReason.AuthEventUnavailable _
            | DropReason.StateUnavailable ->
                for id in s.Awaits.ToArray() do
                    if s.Budget.Lacking.Count < mostLacking then
                        s.Budget.Lacking.Add id |> ignore

                this.Drop(s, reason)
            | _ -> this.Drop(s, reason)

    /// Makes a request for an event, within its budget. Requests for keys do not count: each received copy of an event
    /// makes one for each of its signers.
    member this.Request(s: Staged, peer: string, purpose: Purpose, request: Request) : unit =
        let count =
            if purpose = Purpose.Keys then
                0
            else
                requestLimits.CountOf(request, (purpose = Purpose.StateEvents))

        if count > 0 && s.Budget.Requests + count > limits.Requests then
            this.Drop(s, DropReason.TooManyRequests limits.Requests)
        else
            postponed.Remove s

            if count > 0 then
                s.Budget.Requests <- s.Budget.Requests + count
                requestLimits.Requested(peer, count)

            requests.Make(s, peer, purpose, request)

    /// A stranger's event is taken over into the search for another one: it counts in that one's share, and what it
    /// lacks is looked for anew, at these peers. One that is ready lacks nothing.
    member this.TakeOver(s: Staged, by: FetchBudget, peers: Lazy<string[]>) : unit =
        events.TakeOver(s, by)

        if not s.IsReady then
            s.SearchFrom <- 0L
            postponed.Remove s
            held.LeaveQueue s
            this.ReleaseState s
            s.StateFrom <- null
            requests.Withdraw s
            s.BeginAgain peers
            waiting.Again s

    /// The requests, the drops and the events that began to be remembered since the last call.
    member _.Collect() : struct (PeerRequest[] * struct (string * DropReason)[] * struct (string * DropReason)[]) =
        // One may have been staged again, or made room for another.
        let began =
            beganToBeRemembered.TakeAll()
            |> Array.filter (fun (struct (id, _)) -> remembered.Has id)

        struct (requests.TakeMade(), dropped.TakeAll(), began)
