namespace Matrix.Core.Room.Incoming

open System.Collections.Generic

/// What the machine asked something for.
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

/// The events of a room that wait, for what they wait, and whose turn it is. Bounded: what is too much is dropped.
[<Sealed>]
type internal Staging(limits: IncomingLimits) =

    let staged = Dictionary<string, Staged>()
    let perPeer = Dictionary<string, int>()
    let waiting = Dictionary<string, List<Staged>>()
    let ready = SortedDictionary<struct (int64 * int64 * string), Staged>(Turns.order)
    let todo = Queue<Staged>()
    let asked = SortedDictionary<int, struct (Ask * Purpose)>()
    let newAsks = List<Ask>()
    let dropped = List<struct (string * DropReason)>()
    let mutable nextAsk = 0
    // States that peers tell are large: few at a time.
    let holding = HashSet<Staged>(HashIdentity.Reference)
    let forTheirTurn = List<Staged>()

    let ofPeer peer =
        match perPeer.TryGetValue peer with
        | true, count -> count
        | _ -> 0

    /// An event waits for none of the others.
    let forgetAwaited (s: Staged) =
        for awaited in s.Awaits do
            match waiting.TryGetValue awaited with
            | true, all ->
                all.Remove s |> ignore

                if all.Count = 0 then
                    waiting.Remove awaited |> ignore
            | _ -> ()

        s.Awaits.Clear()

    member _.Count = staged.Count

    /// The events that wait.
    member _.All: seq<Staged> = staged.Values

    /// The event of that identifier, if it waits; else null.
    member _.Find(eventId: string) : Staged | null =
        match staged.TryGetValue eventId with
        | true, s -> s
        | _ -> null

    /// Whether an event still waits.
    member _.Holds(s: Staged) =
        match staged.TryGetValue s.Id with
        | true, other -> obj.ReferenceEquals(s, other)
        | _ -> false

    /// Takes an event, or says why there is no room for it.
    member _.Add(s: Staged) : DropReason voption =
        if staged.Count >= limits.Staged then
            ValueSome(DropReason.StagingFull limits.Staged)
        elif s.Peer <> "" && ofPeer s.Peer >= limits.StagedOfPeer then
            ValueSome(DropReason.StagingFull limits.StagedOfPeer)
        else
            staged.Add(s.Id, s)
            perPeer[s.Peer] <- ofPeer s.Peer + 1
            todo.Enqueue s
            ValueNone

    /// An event is to be looked at again.
    member _.Again(s: Staged) = todo.Enqueue s

    /// The next event to look at; null if there is none. Those in the line for states come first: who gave up a place may want one again.
    member _.NextToDo() : Staged | null =
        if holding.Count < limits.States && forTheirTurn.Count > 0 then
            let next = forTheirTurn[0]
            forTheirTurn.RemoveAt 0
            next.AwaitsTurn <- false
            next
        elif todo.Count = 0 then
            null
        else
            todo.Dequeue()

    /// An event waits for another to be decided or dropped.
    member _.Await(s: Staged, eventId: string) : unit =
        if s.Awaits.Add eventId then
            match waiting.TryGetValue eventId with
            | true, all -> all.Add s
            | _ -> waiting[eventId] <- List [ s ]

    /// All that an event waited for is there.
    member _.Ready(s: Staged) : unit =
        s.IsReady <- true
        ready.Add(s.Turn, s)

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
        if holding.Contains s then
            true
        elif holding.Count < limits.States then
            holding.Add s
        else
            if not s.AwaitsTurn then
                s.AwaitsTurn <- true
                forTheirTurn.Add s

            false

    /// Whether any event waits until it may ask for the state before it.
    member _.IsAnyInLine = forTheirTurn.Count > 0

    /// What a peer told of the state before an event is needed no more, and its events are not waited for.
    member _.ForgetTold(s: Staged) : unit =
        if not (isNull s.Told) then
            s.Told <- null
            forgetAwaited s

    /// An event needs no state of a peer's any more: the next may ask for one.
    member this.ReleaseState(s: Staged) : unit =
        this.ForgetTold s
        s.Trusted <- null
        holding.Remove s |> ignore

    /// The events for which a state was asked of a peer, looked through, and built.
    member _.HoldingStates: Staged[] = Seq.toArray holding

    /// An event is decided or dropped: it waits no more, and those that waited for it are looked at again.
    member this.Remove(s: Staged) : Staged[] =
        this.NotReady s
        this.ReleaseState s
        forgetAwaited s

        if s.AwaitsTurn then
            forTheirTurn.Remove s |> ignore

        if staged.Remove s.Id then
            match ofPeer s.Peer with
            | 1 -> perPeer.Remove s.Peer |> ignore
            | count -> perPeer[s.Peer] <- count - 1

        if s.Asked >= 0 then
            asked.Remove s.Asked |> ignore
            s.Asked <- -1

        match waiting.TryGetValue s.Id with
        | true, all ->
            waiting.Remove s.Id |> ignore

            for waiter in all do
                waiter.Awaits.Remove s.Id |> ignore
                todo.Enqueue waiter

            all.ToArray()
        | _ -> [||]

    /// Says that an event is not decided.
    member _.Report(eventId: string, reason: DropReason) = dropped.Add(struct (eventId, reason))

    /// Gives an event up. Whoever waited for it looks elsewhere.
    member this.Drop(s: Staged, reason: DropReason) : unit =
        for waiter in this.Remove s do
            if not waiter.IsOutlier && System.Array.IndexOf(waiter.Pdu.PrevEvents, s.Id) >= 0 then
                waiter.SeekTurn <- waiter.SeekTurn + 1

            if System.Array.IndexOf(waiter.Pdu.AuthEvents, s.Id) >= 0 then
                waiter.AuthTurn <- waiter.AuthTurn + 1

        match reason with
        // Another peer may have a copy that is signed.
        | DropReason.NotSigned _ -> ()
        | DropReason.AuthEventUnavailable _ -> s.Effort.GivenUp.Add s.Id |> ignore
        | _ -> s.Effort.Stateless.Add s.Id |> ignore

        this.Report(s.Id, reason)

    /// Asks a peer something for an event, if not too much was asked already. Keys do not count: each copy of an event that came
    /// asks once for those of each server that signed it.
    member this.Ask(s: Staged, peer: string, purpose: Purpose, question: Question) : unit =
        let counts = purpose <> Purpose.Keys

        if counts && s.Effort.Questions >= limits.Questions then
            this.Drop(s, DropReason.TooManyQuestions limits.Questions)
        else
            let ask = {
                Number = nextAsk
                Peer = peer
                Question = question
                For = s.Id
            }

            if counts then
                s.Effort.Questions <- s.Effort.Questions + 1

            nextAsk <- nextAsk + 1
            asked.Add(ask.Number, struct (ask, purpose))
            newAsks.Add ask
            s.Asked <- ask.Number

    /// What an event asked for; none if it asked for nothing.
    member _.PurposeOf(s: Staged) : Purpose voption =
        match asked.TryGetValue s.Asked with
        | true, struct (_, purpose) -> ValueSome purpose
        | _ -> ValueNone

    /// An event needs no answer any more.
    member _.TakeBack(s: Staged) : unit =
        asked.Remove s.Asked |> ignore
        s.Asked <- -1

    /// The questions that are not answered yet, oldest first.
    member _.Outstanding: Ask[] = [| for struct (ask, _) in asked.Values -> ask |]

    /// Whether nothing is asked.
    member _.IsSilent = asked.Count = 0

    /// Takes a question off the list, for its answer has come.
    member _.Answered(number: int) : struct (Ask * Purpose * Staged) voption =
        match asked.TryGetValue number with
        | true, struct (ask, purpose) ->
            asked.Remove number |> ignore

            match staged.TryGetValue ask.For with
            | true, s ->
                s.Asked <- -1
                ValueSome(struct (ask, purpose, s))
            | _ -> ValueNone
        | _ -> ValueNone

    /// The questions and the drops since the last time.
    member _.Collect() : struct (Ask[] * struct (string * DropReason)[]) =
        // What was asked and taken back in the same step need not be asked.
        let asks =
            newAsks |> Seq.filter (fun ask -> asked.ContainsKey ask.Number) |> Seq.toArray

        let drops = dropped.ToArray()
        newAsks.Clear()
        dropped.Clear()
        struct (asks, drops)
