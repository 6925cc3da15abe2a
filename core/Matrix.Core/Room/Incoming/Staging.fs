namespace Matrix.Core.Room.Incoming

open System
open System.Collections.Generic
open Matrix.Core.State

/// The purpose of a request.
[<RequireQualifiedAccess>]
type internal Purpose =
    | Keys
    /// The event itself, whose content hash was wrong.
    | Whole
    /// Previous events.
    | Previous
    /// The state before an event.
    | State
    /// The events of that state.
    | StateEvents
    | AuthEvents

/// The staged events of a room, what each waits for, and which is decided next. Beyond the limits, events are dropped.
[<Sealed>]
type internal Staging(log: UndoLog, limits: IncomingLimits, notStored: IReadOnlySet<string>) =

    let staged = UndoableMap<string, Staged>(log, Dictionary())
    let bytes = Undoable(log, 0L)
    // Those that came in transactions, and those that were fetched; without events in bulk.
    let received = Undoable(log, 0)
    let fetched = Undoable(log, 0)
    let requestLimits = RequestLimits(log, limits, notStored)
    let shares = StagedShares(log, staged)
    // The newest first.
    let waiting = UndoableMap<string, Staged list>(log, Dictionary())

    let ready =
        UndoableMap<DecisionPlace, Staged>(log, SortedDictionary(DecisionOrder.comparer))

    let todo = UndoableQueue<Staged>(log)

    let requests =
        UndoableMap<int, struct (PeerRequest * Purpose)>(log, SortedDictionary())

    let newRequests = UndoableQueue<PeerRequest>(log)
    let dropped = UndoableQueue<struct (string * DropReason)>(log)
    let nextRequest = Undoable(log, 0)
    let held = HeldStates(log, limits)
    let postponed = PostponedEvents log
    let remembered = RememberedEvents(log, limits)
    let beganToBeRemembered = UndoableQueue<struct (string * DropReason)>(log)

    /// The most events that fetched events lacked which a received one is remembered for.
    let mostLacking = 100

    /// An event stops waiting for others.
    let forgetAwaited (s: Staged) =
        for awaited in s.Awaits.ToArray() do
            match waiting.TryFind awaited with
            | ValueSome all ->
                match all |> List.filter (fun other -> not (obj.ReferenceEquals(other, s))) with
                | [] -> waiting.Remove awaited |> ignore
                | left -> waiting.Set(awaited, left)
            | ValueNone -> ()

        s.Awaits.Clear()

    /// An event is decided or dropped: the events that waited for it are examined again.
    let wake (eventId: string) : Staged[] =
        match waiting.TryFind eventId with
        | ValueSome all ->
            waiting.Remove eventId |> ignore
            let inOrder = all |> List.rev |> List.toArray

            for waiter in inOrder do
                waiter.Awaits.Remove eventId |> ignore

                let awaitsMore =
                    match waiter.Fetched with
                    | null -> false
                    | fetched -> fetched.Awaited.Remove eventId && fetched.Awaited.Count > 0

                if not awaitsMore then
                    todo.Enqueue waiter

            inOrder
        | ValueNone -> [||]

    // The staged events by the events that they name in `prev_events`, when that was first needed in a call. Those that
    // are no longer staged stay in it.
    let mutable followers: Dictionary<string, List<Staged>> | null = null

    let indexFollowers () : Dictionary<string, List<Staged>> =
        match followers with
        | null ->
            let index = Dictionary<string, List<Staged>>()

            for s in staged.Values do
                for id in Array.distinct s.Pdu.PrevEvents do
                    match index.TryGetValue id with
                    | true, all -> all.Add s
                    | _ -> index[id] <- List [ s ]

            followers <- index
            index
        | index -> index

    let countOf (s: Staged) =
        if s.IsFetched then fetched.Value else received.Value

    let count (s: Staged) (more: int) =
        if s.IsFetched then
            fetched.Value <- fetched.Value + more
        elif not s.IsInBulk then
            received.Value <- received.Value + more

    /// The most bytes with a further event. A quarter is kept for what is fetched: without it, staged events would go
    /// on waiting.
    let mostBytes (s: Staged) =
        match s.Arrival with
        | Arrival.Received -> limits.StagedBytes / 4 * 3
        | _ -> limits.StagedBytes

    /// Whether strangers' events would have more than a quarter of the bytes with so many more, which counts what is
    /// fetched for them: that makes no room for others.
    let isTooMuchOfStrangers (s: Staged) (more: int64) =
        s.IsStranger
        && shares.BytesOf Share.ofStrangers + more > int64 (limits.StagedBytes / 4)

    /// The number of events that one waits for. If the state before it was fetched, previous events may stay missing.
    let awaitedBy (s: Staged) =
        if isNull s.Trusted then
            s.Awaits.Count
        else
            s.Awaits.ToArray() |> Array.filter staged.ContainsKey |> Array.length

    /// The staged events that wait for nothing but others of these: each is decided when its turn comes.
    let decidable () : HashSet<string> =
        let found = HashSet<string>()
        let left = Dictionary<string, int>()
        let next = Stack<Staged>(ready.Values)

        while next.Count > 0 do
            let s = next.Pop()

            if found.Add s.Id then
                match waiting.TryFind s.Id with
                | ValueSome all ->
                    for waiter in all do
                        let awaited =
                            match left.TryGetValue waiter.Id with
                            | true, count -> count - 1
                            | _ -> awaitedBy waiter - 1

                        left[waiter.Id] <- awaited

                        if awaited = 0 then
                            next.Push waiter
                | ValueNone -> ()

        found

    let insert (s: Staged) =
        followers <- null
        staged.Set(s.Id, s)
        bytes.Value <- bytes.Value + s.Bytes
        shares.Add s

        count s 1
        todo.Enqueue s

    /// Changes the copies of a staged event, and counts its bytes again.
    let recount (s: Staged) (change: unit -> 'a) : 'a =
        let before = s.Bytes
        let result = change ()
        let more = s.Bytes - before
        bytes.Value <- bytes.Value + more
        shares.Grow(s, more)
        result

    member _.Count = staged.Count

    /// The bytes of staged events.
    member _.Bytes = bytes.Value

    /// The bytes of the staged and remembered events by the share in which they count.
    member _.BytesByPeer: struct (string * int64)[] =
        if remembered.Count = 0 then
            shares.BytesByPeer
        else
            remembered.All
            |> Seq.map (fun r -> struct (r.Share, r.Bytes))
            |> Seq.append shares.BytesByPeer
            |> Seq.groupBy (fun (struct (peer, _)) -> peer)
            |> Seq.map (fun (peer, all) -> struct (peer, all |> Seq.sumBy (fun (struct (_, bytes)) -> bytes)))
            |> Seq.toArray

    /// The time, and what may be requested now.
    member _.RequestLimits = requestLimits

    /// The fetched states.
    member _.Held = held

    /// The staged events, in the order of decisions.
    member _.All: Staged[] =
        let all = Seq.toArray staged.Values
        Array.Sort(all |> Array.map _.DecisionPlace, all, DecisionOrder.comparer)
        all

    /// The staged event with this id; null if there is none.
    member _.Find(eventId: string) : Staged | null =
        match staged.TryFind eventId with
        | ValueSome s -> s
        | ValueNone -> null

    /// Whether an event is still staged.
    member _.Holds(s: Staged) =
        match staged.TryFind s.Id with
        | ValueSome other -> obj.ReferenceEquals(s, other)
        | ValueNone -> false

    /// The staged events, without outliers, that name an event in `prev_events`.
    member this.Following(eventId: string) : seq<Staged> =
        match indexFollowers().TryGetValue eventId with
        | true, all -> all |> Seq.filter (fun s -> this.Holds s && not s.IsOutlier)
        | _ -> Seq.empty

    /// A call ends. What a later one changes, or what is undone, makes the index of followers untrue.
    member _.ForgetFollowers() : unit = followers <- null

    /// Whether there may be no space for so many further events of so many bytes.
    member _.MayLackSpace(events: int, size: int64) : bool =
        max received.Value fetched.Value + events > limits.Staged
        || shares.GreatestCount + events > limits.StagedOfPeer
        || bytes.Value + size > int64 (limits.StagedBytes / 4 * 3)

    /// Drops events of the peer that has the most, if there is space for another one then. Those that are decided when
    /// their turn comes stay.
    member private this.MakeRoom(s: Staged) : unit =
        let isFull = countOf s >= limits.Staged
        let kept = lazy decidable ()

        // After a restart there may be more than the limit. They become fewer as they are decided.
        let first =
            if countOf s = limits.Staged then
                shares.FirstByCount(s, kept.Value)
            else
                null

        let freed =
            match first with
            | null -> 0L
            | first -> first.Bytes

        let tooMany = bytes.Value + s.Bytes - freed - int64 (mostBytes s)

        let others =
            if tooMany > 0L then
                shares.FirstByBytes(s, s.Bytes, tooMany, first, kept.Value)
            else
                []

        if not (isFull && isNull first) && (tooMany <= 0L || not others.IsEmpty) then
            match first with
            | null -> ()
            | first -> this.Drop(first, DropReason.StagingFull limits.Staged)

            for other in others do
                this.Drop(other, DropReason.StagingFull(mostBytes s))

    /// Stages an event, or returns the reason why there is no space for it. If the room's staging is full, the share
    /// with the most events makes room for those of others, but none for those of strangers.
    member this.Add(s: Staged) : DropReason voption =
        let isCounted = s.Arrival = Arrival.Received || s.IsFetched
        let isOverShare = isCounted && shares.CountOf s >= limits.StagedOfPeer

        if isCounted && not isOverShare && not s.IsStranger then
            this.MakeRoom s

        if isOverShare then
            ValueSome(DropReason.StagingFull limits.StagedOfPeer)
        elif isCounted && countOf s >= limits.Staged then
            ValueSome(DropReason.StagingFull limits.Staged)
        elif s.Arrival <> Arrival.Resumed && bytes.Value + s.Bytes > int64 (mostBytes s) then
            ValueSome(DropReason.StagingFull(mostBytes s))
        elif s.Arrival <> Arrival.Resumed && isTooMuchOfStrangers s s.Bytes then
            ValueSome(DropReason.StagingFull(limits.StagedBytes / 4))
        else
            insert s
            ValueNone

    /// Makes room for so many more bytes of a staged event; false if there is no space for them.
    member private this.MayGrow(s: Staged, more: int64) : bool =
        let tooMany = bytes.Value + more - int64 limits.StagedBytes

        if tooMany > 0L && not s.IsInBulk && not s.IsStranger then
            for other in shares.FirstByBytes(s, more, tooMany, null, decidable ()) do
                this.Drop(other, DropReason.StagingFull limits.StagedBytes)

        bytes.Value + more <= int64 limits.StagedBytes
        && not (isTooMuchOfStrangers s more)

    /// Keeps another copy of a staged event while the signatures of this one are in doubt, if there is space for it.
    /// Signatures are not part of the event's id.
    member this.Keep(s: Staged, copy: ReceivedEvent) : unit =
        if s.MayKeep copy && this.MayGrow(s, Staged.SizeOf copy) then
            recount s (fun () -> s.Keep copy)

    /// Takes the next copy of an event in place of one whose signatures are wrong; false if there is none.
    member _.TakeCopy(s: Staged) : bool = recount s s.TakeCopy

    /// Takes a validly signed copy with the right content hash, if there is space for it.
    member this.TakeWhole(s: Staged, copy: ReceivedEvent) : unit =
        // Where servers choose event ids, the copy may name other events and have another place among ready ones.
        this.NotReady s

        if this.MayGrow(s, Staged.SizeOf copy - Staged.SizeOf s.Event) then
            recount s (fun () -> s.TakeWhole copy)

    /// Stages an event again whose decision was taken back. Such events are decided in their former order. `state` is
    /// the fetched state before it, whose events are looked up again; null if none was needed.
    member _.PutBack(s: Staged, number: int64, state: FetchedState | null) : unit =
        if not (staged.ContainsKey s.Id) then
            s.TakenBack <- number
            insert s

            if not (isNull state) then
                s.Fetched <- state
                held.Hold s

    /// Queues an event to be examined again.
    member _.Again(s: Staged) = todo.Enqueue s

    /// The next event to examine; null if there is none. Events queued to request a state come first: an event that
    /// gave up its fetched state for them must not take the free position again.
    member _.NextToDo() : Staged | null =
        match held.Next() with
        | NonNull s -> s
        | _ ->
            match todo.TryDequeue() with
            | ValueSome s -> s
            | ValueNone -> null

    /// An event waits for another to be decided or dropped.
    member _.Await(s: Staged, eventId: string) : unit =
        if s.Awaits.Add eventId then
            match waiting.TryFind eventId with
            | ValueSome all -> waiting.Set(eventId, s :: all)
            | ValueNone -> waiting.Set(eventId, [ s ])

    /// A local event, or one in bulk, is decided: the events that waited for it are examined again.
    member _.Wake(eventId: string) : unit =
        remembered.Decided eventId

        if waiting.Count > 0 then
            wake eventId |> ignore

    /// An event can be decided.
    member _.Ready(s: Staged) : unit =
        postponed.Remove s
        s.IsReady <- true
        ready.Set(s.DecisionPlace, s)

    /// An event that was ready cannot be decided yet.
    member _.NotReady(s: Staged) : unit =
        if s.IsReady then
            ready.Remove s.DecisionPlace |> ignore
            s.IsReady <- false

    /// Whether an event is ready to be decided.
    member _.HasReady = ready.Count > 0

    /// Ready events are examined again.
    member this.ExamineReady() : unit =
        for s in Seq.toArray ready.Values do
            this.NotReady s
            todo.Enqueue s

    /// The events without which these cannot be decided, and they themselves, in the order of decisions. Those of them
    /// that wait for anything but staged events are left out.
    member _.NeededFor(eventIds: string list) : Staged list =
        let decidable = decidable ()
        let needed = Dictionary<string, Staged>()
        let pending = Stack<string>(eventIds |> List.filter decidable.Contains)

        while pending.Count > 0 do
            let id = pending.Pop()

            match staged.TryFind id with
            | ValueSome s when needed.TryAdd(id, s) && not s.IsReady ->
                for awaited in s.Awaits.ToArray() do
                    pending.Push awaited
            | _ -> ()

        let inOrder = Seq.toArray needed.Values
        Array.Sort(inOrder |> Array.map _.DecisionPlace, inOrder, DecisionOrder.comparer)
        List.ofArray inOrder

    /// The event to decide next; null if none is ready.
    member _.NextReady() : Staged | null =
        if ready.Count = 0 then
            null
        else
            let s = Seq.head ready.Values
            ready.Remove s.DecisionPlace |> ignore
            s.IsReady <- false
            s

    /// An event stops waiting for the events of its fetched state.
    member _.ForgetFetched(s: Staged) : unit =
        if not (isNull s.Fetched) then
            s.Fetched <- null
            forgetAwaited s

    /// An event gives up its fetched state: the next in the queue may request one.
    member this.ReleaseState(s: Staged) : unit =
        this.ForgetFetched s
        held.Release s

    /// An event is decided or dropped: it is no longer staged, and the events that waited for it are examined again.
    member this.Remove(s: Staged) : Staged[] =
        this.NotReady s
        this.ReleaseState s
        forgetAwaited s
        held.LeaveQueue s
        postponed.Remove s

        if staged.Remove s.Id then
            bytes.Value <- bytes.Value - s.Bytes
            shares.Remove s

            count s -1

        if s.RequestNumber >= 0 then
            requests.Remove s.RequestNumber |> ignore
            s.RequestNumber <- -1

        wake s.Id

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

    /// The remembered events.
    member _.Remembered = remembered

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
                todo.Enqueue s

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

    /// The events that wait for peers that were not reached.
    member _.Postponed = postponed

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
            let made = {
                Number = nextRequest.Value
                Peer = peer
                Request = request
                For = s.Id
                IsOfState = (purpose = Purpose.StateEvents)
            }

            postponed.Remove s

            if count > 0 then
                s.Budget.Requests <- s.Budget.Requests + count

                requestLimits.Requested(peer, count)

            nextRequest.Value <- nextRequest.Value + 1
            requests.Set(made.Number, struct (made, purpose))
            newRequests.Enqueue made
            s.RequestNumber <- made.Number

    /// The purpose of an event's outstanding request; none if there is none.
    member _.PurposeOf(s: Staged) : Purpose voption =
        match requests.TryFind s.RequestNumber with
        | ValueSome(struct (_, purpose)) -> ValueSome purpose
        | ValueNone -> ValueNone

    /// Withdraws an event's request.
    member _.Withdraw(s: Staged) : unit =
        requests.Remove s.RequestNumber |> ignore
        s.RequestNumber <- -1

    /// The requests without a response, oldest first.
    member _.Outstanding: PeerRequest[] = [| for struct (made, _) in requests.Values -> made |]

    /// Whether no request is outstanding.
    member _.IsSilent = requests.Count = 0

    /// The events that do not wait, directly or through others, for a postponed event, in the order of decisions.
    member _.Stuck() : Staged[] =
        if staged.Count = postponed.Count then
            [||]
        else
            let waits = HashSet<string>()
            let pending = Stack<Staged>(postponed.All)

            while pending.Count > 0 do
                let next = pending.Pop()

                if waits.Add next.Id then
                    match waiting.TryFind next.Id with
                    | ValueSome all -> List.iter pending.Push all
                    | ValueNone -> ()

            let stuck =
                staged.Values |> Seq.filter (fun s -> not (waits.Contains s.Id)) |> Seq.toArray

            Array.Sort(stuck |> Array.map _.DecisionPlace, stuck, DecisionOrder.comparer)
            stuck

    /// A stranger's event is taken over into the search for another one: it counts in that one's share, and what it
    /// lacks is looked for anew, at these peers. One that is ready lacks nothing.
    member this.TakeOver(s: Staged, by: FetchBudget, peers: Lazy<string[]>) : unit =
        shares.Remove s
        s.TakenOver by
        shares.Add s

        if not s.IsReady then
            s.SearchFrom <- 0L
            postponed.Remove s
            held.LeaveQueue s
            this.ReleaseState s
            s.StateFrom <- null
            this.Withdraw s
            s.BeginAgain peers
            todo.Enqueue s

    /// An outstanding request; none if there is none with this number.
    member _.Request(number: int) : struct (PeerRequest * Purpose) voption = requests.TryFind number

    /// Removes a request whose response has come.
    member _.Responded(number: int) : struct (PeerRequest * Purpose * Staged) voption =
        match requests.TryFind number with
        | ValueSome(struct (made, purpose)) ->
            requests.Remove number |> ignore

            match staged.TryFind made.For with
            | ValueSome s ->
                s.RequestNumber <- -1
                ValueSome(struct (made, purpose, s))
            | ValueNone -> ValueNone
        | ValueNone -> ValueNone

    /// The requests, the drops and the events that began to be remembered since the last call.
    member _.Collect() : struct (PeerRequest[] * struct (string * DropReason)[] * struct (string * DropReason)[]) =
        // A request that was withdrawn meanwhile is not sent.
        let made =
            newRequests.TakeAll()
            |> Array.filter (fun made -> requests.ContainsKey made.Number)

        // One may have been staged again, or made room for another.
        let began =
            beganToBeRemembered.TakeAll()
            |> Array.filter (fun (struct (id, _)) -> remembered.Has id)

        struct (made, dropped.TakeAll(), began)
