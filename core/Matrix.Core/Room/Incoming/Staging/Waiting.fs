namespace Matrix.Core.Room.Incoming.Staging

open System.Collections.Generic
open Matrix.Core.Room.Incoming.Facts

/// What the staged events wait for, which of them are to be examined again, and which are ready to be decided.
[<Sealed>]
type internal Waiting(log: UndoLog, staged: UndoableMap<string, Staged>, held: HeldStates, postponed: PostponedEvents) =

    // By the event that they wait for, the newest first.
    let waiting = UndoableMap<string, Staged list>(log, Dictionary())

    let ready =
        UndoableMap<DecisionPlace, Staged>(log, SortedDictionary(DecisionOrder.comparer))

    let todo = UndoableQueue<Staged>(log)

    /// The number of events that one waits for. If the state before it was fetched, previous events may stay missing.
    let awaitedBy (s: Staged) =
        if isNull s.Trusted then
            s.Awaits.Count
        else
            s.Awaits.ToArray() |> Array.filter staged.ContainsKey |> Array.length

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

    /// An event stops waiting for others.
    member _.StopAwaiting(s: Staged) : unit =
        for awaited in s.Awaits.ToArray() do
            match waiting.TryFind awaited with
            | ValueSome all ->
                match all |> List.filter (fun other -> not (obj.ReferenceEquals(other, s))) with
                | [] -> waiting.Remove awaited |> ignore
                | left -> waiting.Set(awaited, left)
            | ValueNone -> ()

        s.Awaits.Clear()

    /// An event is decided or dropped: the events that waited for it are examined again.
    member _.Wake(eventId: string) : Staged[] =
        match
            (if waiting.Count = 0 then
                 ValueNone
             else
                 waiting.TryFind eventId)
        with
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

    /// The event to decide next; null if none is ready.
    member _.NextReady() : Staged | null =
        if ready.Count = 0 then
            null
        else
            let s = Seq.head ready.Values
            ready.Remove s.DecisionPlace |> ignore
            s.IsReady <- false
            s

    /// The staged events that wait for nothing but others of these: each is decided when its turn comes.
    member _.Decidable() : HashSet<string> =
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

    /// The events without which these cannot be decided, and they themselves, in the order of decisions. Those of them
    /// that wait for anything but staged events are left out.
    member this.NeededFor(eventIds: string list) : Staged list =
        let decidable = this.Decidable()
        let needed = Dictionary<string, Staged>()
        let pending = Stack<string>(eventIds |> List.filter decidable.Contains)

        while pending.Count > 0 do
            let id = pending.Pop()

            match staged.TryFind id with
            | ValueSome s when needed.TryAdd(id, s) && not s.IsReady ->
                for awaited in s.Awaits.ToArray() do
                    pending.Push awaited
            | _ -> ()

        needed.Values |> DecisionOrder.sort |> List.ofArray

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

            staged.Values
            |> Seq.filter (fun s -> not (waits.Contains s.Id))
            |> DecisionOrder.sort
