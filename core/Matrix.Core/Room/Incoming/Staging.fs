namespace Matrix.Core.Room.Incoming

open System
open System.Collections.Generic
open Matrix.Core.State

/// What a request is for.
[<RequireQualifiedAccess>]
type internal Purpose =
    | Keys
    /// Previous events.
    | Previous
    /// The state before an event.
    | State
    /// The events of that state.
    | StateEvents
    | AuthEvents

/// The events of a room that wait, what each waits for, and whose turn it is. Bounded: what is too much is dropped.
[<Sealed>]
type internal Staging(log: UndoLog, limits: IncomingLimits) =

    let staged = UndoableMap<string, Staged>(log, Dictionary())
    let perPeer = UndoableMap<string, int>(log, Dictionary())
    // The newest first.
    let waiting = UndoableMap<string, Staged list>(log, Dictionary())
    let ready = UndoableMap<Turn, Staged>(log, SortedDictionary(Turns.order))
    let todo = UndoableQueue<Staged>(log)

    let requests =
        UndoableMap<int, struct (PeerRequest * Purpose)>(log, SortedDictionary())

    let newRequests = UndoableQueue<PeerRequest>(log)
    let dropped = UndoableQueue<struct (string * DropReason)>(log)
    let nextRequest = Undoable(log, 0)
    // States that peers give are large: few at a time.
    let holding =
        UndoableMap<string, Staged>(log, SortedDictionary(StringComparer.Ordinal))
    // Those that wait no more stay until their turn, and are passed over then.
    let inLine = UndoableQueue<Staged>(log)
    let inLineCount = Undoable(log, 0)

    let ofPeer peer =
        match perPeer.TryFind peer with
        | ValueSome count -> count
        | ValueNone -> 0

    /// An event waits for none of the others.
    let forgetAwaited (s: Staged) =
        for awaited in s.Awaits.ToArray() do
            match waiting.TryFind awaited with
            | ValueSome all ->
                match all |> List.filter (fun other -> not (obj.ReferenceEquals(other, s))) with
                | [] -> waiting.Remove awaited |> ignore
                | left -> waiting.Set(awaited, left)
            | ValueNone -> ()

        s.Awaits.Clear()

    let leaveLine (s: Staged) =
        if s.AwaitsTurn then
            s.AwaitsTurn <- false
            inLineCount.Value <- inLineCount.Value - 1

    /// An event is decided or dropped: those that waited for it are looked at again.
    let wake (eventId: string) : Staged[] =
        match waiting.TryFind eventId with
        | ValueSome all ->
            waiting.Remove eventId |> ignore
            let inOrder = all |> List.rev |> List.toArray

            for waiter in inOrder do
                waiter.Awaits.Remove eventId |> ignore
                todo.Enqueue waiter

            inOrder
        | ValueNone -> [||]

    let rec nextInLine () : Staged | null =
        match inLine.TryDequeue() with
        | ValueNone -> null
        | ValueSome s when s.AwaitsTurn ->
            leaveLine s
            s
        | ValueSome _ -> nextInLine ()

    let insert (s: Staged) =
        staged.Set(s.Id, s)
        perPeer.Set(s.Peer, ofPeer s.Peer + 1)
        todo.Enqueue s

    member _.Count = staged.Count

    /// The events that wait, in the order of their turns.
    member _.All: Staged[] =
        let all = Seq.toArray staged.Values
        Array.Sort(all |> Array.map _.Turn, all, Turns.order)
        all

    /// The event of that identifier, if it waits; else null.
    member _.Find(eventId: string) : Staged | null =
        match staged.TryFind eventId with
        | ValueSome s -> s
        | ValueNone -> null

    /// Whether an event still waits.
    member _.Holds(s: Staged) =
        match staged.TryFind s.Id with
        | ValueSome other -> obj.ReferenceEquals(s, other)
        | ValueNone -> false

    /// Takes an event, or says why there is no room for it.
    member _.Add(s: Staged) : DropReason voption =
        if staged.Count >= limits.Staged then
            ValueSome(DropReason.StagingFull limits.Staged)
        elif ofPeer s.Peer >= limits.StagedOfPeer then
            ValueSome(DropReason.StagingFull limits.StagedOfPeer)
        else
            insert s
            ValueNone

    /// Takes an event back whose decision was taken back. It is decided again in the order of the decisions. `state` is the state
    /// before it that a peer gave, which is looked through again; null if none was needed.
    member _.PutBack(s: Staged, number: int64, state: FetchedState | null) : unit =
        if not (staged.ContainsKey s.Id) then
            s.TakenBack <- number
            insert s

            if not (isNull state) then
                s.Fetched <- state
                holding.Set(s.Id, s)

    /// An event is to be looked at again.
    member _.Again(s: Staged) = todo.Enqueue s

    /// The next event to look at; null if there is none. Those in the line for states come first: one that gave its place up may want it
    /// again.
    member _.NextToDo() : Staged | null =
        let first =
            if holding.Count < limits.States && inLineCount.Value > 0 then
                nextInLine ()
            else
                null

        match first with
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

    /// An event that this server made is decided: those that waited for it are looked at again.
    member _.Wake(eventId: string) : unit =
        if waiting.Count > 0 then
            wake eventId |> ignore

    /// Everything that an event waited for is known.
    member _.Ready(s: Staged) : unit =
        s.IsReady <- true
        ready.Set(s.Turn, s)

    /// An event that was ready needs more after all.
    member _.NotReady(s: Staged) : unit =
        if s.IsReady then
            ready.Remove s.Turn |> ignore
            s.IsReady <- false

    /// The event whose turn it is; null if none is ready.
    member _.NextReady() : Staged | null =
        if ready.Count = 0 then
            null
        else
            let s = Seq.head ready.Values
            ready.Remove s.Turn |> ignore
            s.IsReady <- false
            s

    /// Whether an event may ask for the state before it now. If not, it is looked at again when it may.
    member _.HoldsState(s: Staged) : bool =
        if holding.ContainsKey s.Id then
            true
        elif holding.Count < limits.States then
            holding.Set(s.Id, s)
            true
        else
            if not s.AwaitsTurn then
                s.AwaitsTurn <- true
                inLineCount.Value <- inLineCount.Value + 1
                inLine.Enqueue s

            false

    /// Whether any event waits until it may ask for the state before it.
    member _.IsAnyInLine = inLineCount.Value > 0

    /// What a peer gave of the state before an event is needed no more, and its events are not waited for.
    member _.ForgetFetched(s: Staged) : unit =
        if not (isNull s.Fetched) then
            s.Fetched <- null
            forgetAwaited s

    /// An event needs no state of a peer's any more: the next may ask for one.
    member this.ReleaseState(s: Staged) : unit =
        this.ForgetFetched s
        s.Trusted <- null
        holding.Remove s.Id |> ignore

    /// The events for which a state was asked of a peer, looked through, and built.
    member _.HoldingStates: Staged[] = Seq.toArray holding.Values

    /// The entries of states that peers gave may name events that were taken back: all are looked through again.
    member _.LookThroughAgain() : unit =
        for s in Seq.toArray holding.Values do
            match s.Trusted, s.StateFrom with
            | NonNull tree, NonNull peer ->
                s.Trusted <- null
                s.Fetched <- FetchedState(log, peer, [| for entry in tree.Entries() -> entry.EventId |], [||])
            | _ ->
                match s.Fetched with
                | null -> ()
                | state -> state.Unknown <- state.Ids

    /// An event is decided or dropped: it waits no more, and those that waited for it are looked at again.
    member this.Remove(s: Staged) : Staged[] =
        this.NotReady s
        this.ReleaseState s
        forgetAwaited s
        leaveLine s

        if staged.Remove s.Id then
            match ofPeer s.Peer with
            | 1 -> perPeer.Remove s.Peer |> ignore
            | count -> perPeer.Set(s.Peer, count - 1)

        if s.Asked >= 0 then
            requests.Remove s.Asked |> ignore
            s.Asked <- -1

        wake s.Id

    /// Says that an event is not decided.
    member _.Report(eventId: string, reason: DropReason) =
        dropped.Enqueue(struct (eventId, reason))

    /// Gives an event up. Those that waited for it look elsewhere.
    member this.Drop(s: Staged, reason: DropReason) : unit =
        for waiter in this.Remove s do
            if not waiter.IsOutlier && Array.IndexOf(waiter.Pdu.PrevEvents, s.Id) >= 0 then
                waiter.SeekTurn <- waiter.SeekTurn + 1

            if Array.IndexOf(waiter.Pdu.AuthEvents, s.Id) >= 0 then
                waiter.AuthTurn <- waiter.AuthTurn + 1

        match reason with
        // Another peer may have a copy that is signed.
        | DropReason.NotSigned _ -> ()
        | DropReason.AuthEventUnavailable _ -> s.Budget.GivenUp.Add s.Id |> ignore
        | _ -> s.Budget.Stateless.Add s.Id |> ignore

        this.Report(s.Id, reason)

    /// Asks a peer something for an event, if not too much was asked already. Keys do not count: each copy of an event that came
    /// asks once for those of each server that signed it.
    member this.Ask(s: Staged, peer: string, purpose: Purpose, request: Request) : unit =
        let counts = purpose <> Purpose.Keys

        if counts && s.Budget.Requests >= limits.Requests then
            this.Drop(s, DropReason.TooManyRequests limits.Requests)
        else
            let made = {
                Number = nextRequest.Value
                Peer = peer
                Request = request
                For = s.Id
            }

            if counts then
                s.Budget.Requests <- s.Budget.Requests + 1

            nextRequest.Value <- nextRequest.Value + 1
            requests.Set(made.Number, struct (made, purpose))
            newRequests.Enqueue made
            s.Asked <- made.Number

    /// What an event asked for; none if it asked for nothing.
    member _.PurposeOf(s: Staged) : Purpose voption =
        match requests.TryFind s.Asked with
        | ValueSome(struct (_, purpose)) -> ValueSome purpose
        | ValueNone -> ValueNone

    /// An event needs no response any more.
    member _.Withdraw(s: Staged) : unit =
        requests.Remove s.Asked |> ignore
        s.Asked <- -1

    /// The requests without a response, oldest first.
    member _.Outstanding: PeerRequest[] = [| for struct (made, _) in requests.Values -> made |]

    /// Whether nothing is asked.
    member _.IsSilent = requests.Count = 0

    /// Takes a request off the list because its response has come.
    member _.Responded(number: int) : struct (PeerRequest * Purpose * Staged) voption =
        match requests.TryFind number with
        | ValueSome(struct (made, purpose)) ->
            requests.Remove number |> ignore

            match staged.TryFind made.For with
            | ValueSome s ->
                s.Asked <- -1
                ValueSome(struct (made, purpose, s))
            | ValueNone -> ValueNone
        | ValueNone -> ValueNone

    /// The requests and the drops since the last time.
    member _.Collect() : struct (PeerRequest[] * struct (string * DropReason)[]) =
        // What was asked and withdrawn in the same step need not be sent.
        let made =
            newRequests.TakeAll()
            |> Array.filter (fun made -> requests.ContainsKey made.Number)

        struct (made, dropped.TakeAll())
