namespace Matrix.Core.Room.Incoming

open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.StateRes
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Staging
open Matrix.Core.Room.Incoming.Graph
open Matrix.Core.Room.Incoming.Deciding
open Matrix.Core.Room.Incoming.Fetching
open Matrix.Core.Room.Incoming.Arriving

[<Sealed>]
type RoomMachine
    private
    (
        server: string,
        rules: AuthRules,
        resolver: StateResolver,
        start: Frontier,
        limits: IncomingLimits,
        behaviour: Behaviour,
        notStored: IReadOnlySet<string>
    ) =

    /// The work of a resolution, where that of a decided event is one: some hundred microseconds.
    let workOfResolution = 10

    let log = UndoLog()
    let frontier = Undoable(log, start)
    let nextNumber = Undoable(log, 1L)
    let lookUpCache = LookUpCache(limits.CachedLookUps, limits.CachedStates)
    let known = KnownEvents(log, frontier, lookUpCache)
    let staging = Staging(log, limits, notStored)

    let missingEvents = MissingEvents(server, known, staging, limits)

    let arriving =
        Arriving(rules, log, frontier, lookUpCache, known, staging, missingEvents, limits)

    let fetchMissing =
        FetchMissing(server, frontier, known, staging, missingEvents, limits, behaviour)

    let resolutions = StateResolutions(log, resolver, known, limits, behaviour)

    let roomEnd =
        RoomEnd(rules, lookUpCache, known, resolutions.States, limits, frontier, nextNumber)

    let deciding =
        Deciding(rules, frontier, lookUpCache, known, staging, resolutions.States, limits, behaviour, roomEnd)

    let outliers =
        FetchedOutliers(log, frontier, known, staging, missingEvents, arriving, fetchMissing, deciding, limits)

    let responding =
        Responding(log, frontier, lookUpCache, known, staging, missingEvents, arriving, fetchMissing, outliers, limits)

    /// Runs an action completely or not at all. `unfinished` makes the result of one that lacks facts.
    let atomically (act: unit -> 'a) (unfinished: LookUps -> 'a) : 'a =
        // An earlier call may have thrown.
        lookUpCache.TakeLacking() |> ignore

        match log.Run(act, (fun () -> lookUpCache.IsComplete)) with
        | ValueSome result ->
            lookUpCache.Trim()
            result
        | ValueNone -> unfinished (lookUpCache.TakeLacking())

    /// Notes the facts that an input certainly needs and that are lacking, so that they are looked up together.
    let scan (input: Input) : unit =
        match input with
        | Input.At _
        | Input.Malformed _
        | Input.HistoryPlace _
        | Input.Reached _
        | Input.NoSpaceForStrangers
        | Input.Resolved _ -> ()
        | Input.Received(peer, event)
        | Input.Resumed(peer, event, _, _)
        | Input.Decide(peer, event) -> arriving.ScanLive(event, peer)
        | Input.History(_, event) -> arriving.Scan(event, false)
        | Input.Responded(number, response) -> responding.Scan(number, response)

    /// Takes an input; `decided` gets the events that are decided at once.
    let absorb (decided: List<DecidedEvent>) (input: Input) =
        match input with
        | Input.At now ->
            staging.RequestLimits.At now
            fetchMissing.Retry()

            for r in staging.Remembered.TakeForgotten staging.RequestLimits.Now do
                staging.Report(r.Id, r.Reason)
        | Input.Malformed(_, fault) -> staging.Report("", DropReason.Malformed fault)
        | Input.Received(peer, event)
        | Input.Decide(peer, event) -> arriving.StageLive(event, peer, staging.RequestLimits.Now)
        | Input.Resumed(peer, event, since, searchFrom) -> arriving.StageResumed(event, peer, since, searchFrom)
        | Input.Reached peer -> fetchMissing.Reached peer
        // Looked for once the events that came with it are staged.
        | Input.NoSpaceForStrangers -> ()
        // Staged together.
        | Input.History _
        | Input.HistoryPlace _ -> ()
        | Input.Responded(number, response) -> decided.AddRange(responding.Respond(number, response))
        | Input.Resolved resolution -> resolutions.Ended resolution

    let lookAtAll () =
        let earliest =
            lazy (Extremities.Choose(frontier.Value.Extremities, limits.Extremities)).Ids

        let mutable next = staging.Waiting.NextToDo()

        while not (isNull next) do
            match next with
            | null -> ()
            | s ->
                // One event may lack facts: the others go on, so that all that is lacking is looked up together.
                log.Attempt(fun () -> fetchMissing.Examine(s, earliest)) |> ignore

            next <- staging.Waiting.NextToDo()

    let decide (s: Staged) : DecidedEvent voption =
        if s.IsOutlier && not frontier.Value.Numbers.HasOutlier then
            staging.Drop(s, DropReason.NoNumber)
            ValueNone
        elif s.IsOutlier then
            let decision = deciding.Outlier s
            staging.Decided s
            ValueSome decision
        else
            match deciding.Full s with
            | Ok decision ->
                staging.Decided s
                ValueSome decision
            | Error(Undecided.Unresolvable error) ->
                staging.Drop(s, DropReason.Unresolvable error)
                ValueNone
            | Error Undecided.StateDoubted ->
                fetchMissing.DoubtState s
                ValueNone

    /// Decides what can be decided. `nextReady` takes the next ready event. The result says whether it left some.
    let rec goOn (decided: List<DecidedEvent>) (nextReady: unit -> Staged | null) : bool =
        log.Attempt arriving.StageDue |> ignore
        lookAtAll ()

        match nextReady () with
        | null when staging.Waiting.HasReady -> true
        | null ->
            match resolutions.NextWaiting() with
            | NonNull first ->
                staging.Waiting.Again first
                goOn decided nextReady
            // Nothing is outstanding and nothing is ready: events that wait for no postponed one wait for each other. A
            // fetched state may be the cause.
            | _ when
                lookUpCache.IsComplete
                && staging.Requests.IsEmpty
                && isNull resolutions.Outstanding
                ->
                match staging.Waiting.Stuck() with
                | [||] -> false
                | stuck ->
                    fetchMissing.Unblock stuck
                    goOn decided nextReady
            | _ -> false
        | s ->
            match log.Attempt(fun () -> decide s) with
            | ValueSome(ValueSome decision) -> decided.Add decision
            | ValueSome ValueNone -> ()
            | ValueNone ->
                if resolutions.IsNeeded() then
                    resolutions.Wait s

            goOn decided nextReady

    /// Decides some of what an earlier call left, if there may be no space for events that come: one for each of them.
    /// Where one event is decided in a call, this is one.
    let makeSpace (decided: List<DecidedEvent>) (inputs: Input[]) : unit =
        lookAtAll ()

        if staging.Waiting.HasReady then
            let arriving = [|
                for input in inputs do
                    match input with
                    | Input.Received(_, event)
                    | Input.Decide(_, event)
                    | Input.History(_, event) -> event
                    | Input.Responded(number, Response.Events events)
                    | Input.Responded(number, Response.NotNow(events, _)) ->
                        match staging.Requests.Find number with
                        | ValueSome(struct (_, Purpose.Previous)) -> yield! events
                        | _ -> ()
                    | _ -> ()
            |]

            let size = arriving |> Array.sumBy Staged.SizeOf
            let before = decided.Count
            let most = if limits.InBulk then arriving.Length else 1

            goOn decided (fun () ->
                if
                    decided.Count - before < most
                    && staging.Events.MayLackSpace(arriving.Length, size)
                then
                    staging.Waiting.NextReady()
                else
                    null)
            |> ignore

    let receive (inputs: Input[]) : Output =
        let decided = List<DecidedEvent>()
        let before = resolutions.Outstanding
        Array.iter scan inputs

        if not lookUpCache.IsComplete then
            lookUpCache.Fail()

        // An event that came before waits for its own sake too.
        let isNew (event: ReceivedEvent) =
            isNull (staging.Find event.Pdu.EventId)
            && not (staging.Remembered.Has event.Pdu.EventId)

        let urgent = [
            for input in inputs do
                match input with
                | Input.Decide(_, event) when isNew event -> event.Pdu.EventId
                | _ -> ()
        ]

        // Those that must not wait if they are of strangers.
        let mayBeUrgent = [
            if Array.exists (fun (input: Input) -> input.IsNoSpaceForStrangers) inputs then
                for input in inputs do
                    match input with
                    | Input.Received(_, event) when isNew event -> event.Pdu.EventId
                    | _ -> ()
        ]

        let resolvedBefore = resolutions.States.Made

        let first, others =
            inputs
            |> Array.partition (fun input ->
                match input with
                | Input.At _
                | Input.Reached _ -> true
                | _ -> false)

        for input in first do
            log.Attempt(fun () -> absorb decided input) |> ignore

        makeSpace decided others

        // Events that are decided with their response, in bulk, do not count.
        let decidedForSpace = decided.Count

        for input in others do
            log.Attempt(fun () -> absorb decided input) |> ignore

        let isOfStranger (id: string) =
            match staging.Find id with
            | null -> false
            | s -> s.IsStranger

        let urgent = urgent @ List.filter isOfStranger mayBeUrgent

        let decidedBefore = decided.Count - decidedForSpace

        // Where one event is decided in a call, the rows of those that are not stored go in a batch of their own: the
        // next event may be refused too.
        let notStored =
            others
            |> Seq.filter (fun input ->
                match input with
                | Input.Received(_, event)
                | Input.Resumed(_, event, _, _)
                | Input.Decide(_, event)
                | Input.History(_, event) -> staging.RequestLimits.IsNotStored event.Pdu.EventId
                | _ -> false)
            |> Seq.length

        let isWithinWork () =
            decided.Count - decidedBefore
            + notStored
            + workOfResolution * (resolutions.States.Made - resolvedBefore)
                <
                limits.Work

        // Whoever waits for a decision gets it in this call, if it can be made. These are the events that it needs.
        let mutable needed: Staged list = []

        let rec nextNeeded (isNew: bool) : Staged | null =
            match needed with
            | first :: rest when not (staging.Events.Holds first) ->
                needed <- rest
                nextNeeded isNew
            | left ->
                match left |> List.tryFind (fun s -> staging.Events.Holds s && s.IsReady) with
                | Some s ->
                    staging.Waiting.NotReady s
                    s
                | None when isNew -> null
                | None ->
                    // Auth events are looked for last: they may be needed now.
                    needed <- staging.Waiting.NeededFor urgent
                    nextNeeded true

        let nextReady () =
            if isWithinWork () then staging.Waiting.NextReady()
            elif urgent.IsEmpty then null
            else nextNeeded false

        let history = [|
            for input in inputs do
                match input with
                | Input.History(peer, event) -> struct (peer, event)
                | _ -> ()
        |]

        if history.Length > 0 then
            let place =
                inputs
                |> Array.tryPick (fun input ->
                    match input with
                    | Input.HistoryPlace(after, before) -> Some(struct (after, before))
                    | _ -> None)

            log.Attempt(fun () -> arriving.StageHistory(history, ValueOption.ofOption place))
            |> ignore

        let hasMore = goOn decided nextReady

        for id in urgent do
            match staging.Find id with
            | null ->
                if staging.Remembered.Remove id then
                    staging.Report(id, DropReason.MustNotWait)
            | s -> staging.Drop(s, DropReason.MustNotWait)

        let hasMore = if urgent.IsEmpty then hasMore else goOn decided nextReady

        let struct (requests, dropped, remembered) = staging.Collect()

        let retryAt =
            match staging.Postponed.RetryAt, staging.Remembered.ForgetsAt with
            | 0L, at
            | at, 0L -> at
            | retries, forgets -> min retries forgets

        {
            LookUps = LookUps.None
            Resolve =
                if obj.ReferenceEquals(resolutions.Outstanding, before) then
                    null
                else
                    resolutions.Outstanding
            Requests = requests
            Decided = decided.ToArray()
            Dropped = dropped
            Remembered = remembered
            RetryAt = retryAt
            HasMore = hasMore
        }

    /// Whether an event is of this room, or creates it.
    let isOfRoom (event: Pdu) : bool =
        match frontier.Value.RoomId with
        | "" -> event.Type = EventTypes.Create
        | roomId -> event.RoomId = roomId

    static member WithBehaviour
        (server: string, rules: AuthRules, start: RoomStart, limits: IncomingLimits, behaviour: Behaviour)
        : RoomMachine =
        let extremities = start.Extremities
        let current = start.CurrentState

        // The state of an extremity may be current because the states could not be resolved.
        let resolved: StateTree | null =
            if
                extremities.Length < 2
                || not (extremities |> Array.exists (fun e -> current.Equals e.StateAfter))
            then
                current
            else
                null

        let createId = Frontier.CreateIdOf(rules.Version.Settings.RoomIds, start.RoomId)

        let frontier =
            Frontier(start.RoomId, createId, extremities, start.Numbers, current, resolved, start.Gaps)

        RoomMachine(
            server,
            rules,
            StateResolver.Of rules,
            frontier,
            limits,
            behaviour,
            HashSet<string>(start.NotStored)
        )

    static member Of(server: string, rules: AuthRules, start: RoomStart, limits: IncomingLimits) : RoomMachine =
        RoomMachine.WithBehaviour(server, rules, start, limits, Behaviour.usual)

    static member StrangersShare: string = Share.ofStrangers

    member _.Prepare() : Prepared = roomEnd.Prepare()

    member _.Resolve() : Prepared =
        atomically roomEnd.Resolve roomEnd.Unresolved

    member _.Adopt(prepared: Prepared, event: AuthEvent, height: int) : Adoption =
        let pdu = event.Pdu
        let refused refusal = Adoption(null, refusal, LookUps.None)

        match prepared.StateBefore with
        | NonNull state when not prepared.NeedsResolution ->
            if not (obj.ReferenceEquals(frontier.Value.Prepared, prepared)) then
                refused AdoptionRefusal.RoomMoved
            elif
                not (isNull (known.FindUndurable pdu.EventId))
                || not (isNull (staging.Find pdu.EventId))
            then
                refused AdoptionRefusal.Known
            elif not (prepared.IsBaseOf pdu && isOfRoom pdu) then
                refused AdoptionRefusal.NotAsPrepared
            else
                let adopt () =
                    let decided = roomEnd.Adopt(prepared, state, event, height)
                    staging.Wake pdu.EventId
                    Adoption(decided, AdoptionRefusal.None, LookUps.None)

                // Without other extremities nothing is resolved, so nothing can be lacking.
                if prepared.Kept.Length = 0 then
                    adopt ()
                else
                    atomically adopt (fun lookUps ->
                        if resolutions.IsNeeded() then
                            refused AdoptionRefusal.Resolving
                        else
                            Adoption(null, AdoptionRefusal.NeedsLookUps, lookUps))
        | _ -> refused AdoptionRefusal.NeedsResolution

    member _.Receive(inputs: Input[]) : Output =
        try
            atomically (fun () -> receive inputs) (fun lookUps -> {
                LookUps = lookUps
                Resolve = null
                Requests = [||]
                Decided = [||]
                Dropped = [||]
                Remembered = [||]
                RetryAt = 0L
                HasMore = false
            })
        finally
            staging.Events.ForgetFollowers()

    member _.Resolved(resolution: RoomResolution) : unit = resolutions.Ended resolution

    member _.Supply(supplied: LookUpResults) : unit = lookUpCache.Supply supplied
    member _.Durable(through: int64) : unit = known.Durable through

    member _.Failed(from: int64) : DecidedEvent[] =
        match known.TakeBack from with
        | [||] -> [||]
        | taken ->
            let now = frontier.Value
            let before = taken[0].Before

            frontier.Value <-
                if behaviour.RestoresExtremities then
                    before
                else
                    Frontier(
                        before.RoomId,
                        before.CreateId,
                        now.Extremities,
                        before.Numbers,
                        now.CurrentState,
                        now.Resolved,
                        before.Gaps
                    )

            resolutions.Forget()
            staging.Held.LookThroughAgain()
            // They may follow what was taken back.
            staging.Waiting.ExamineReady()

            for entry in taken do
                match entry.Received with
                | null -> ()
                | s ->
                    let state: FetchedState | null =
                        match entry.Decided.StateFrom, entry.Trusted with
                        | NonNull peer, NonNull tree ->
                            FetchedState(log, peer, [| for item in tree.Entries() -> item.EventId |], [||])
                        | _ -> null

                    staging.PutBack(s, entry.Decided.Number, state)

            taken |> Array.map _.Decided

    member _.UseStored(tree: StateTree) : unit =
        let now = frontier.Value

        let stored (state: StateTree) =
            if state.Equals tree then tree else state

        let orNull (state: StateTree | null) : StateTree | null =
            match state with
            | null -> null
            | state -> stored state

        frontier.Value <-
            Frontier(
                now.RoomId,
                now.CreateId,
                now.Extremities
                |> Array.map (fun e -> if e.StateAfter.Equals tree then e.WithState tree else e),
                now.Numbers,
                stored now.CurrentState,
                orNull now.Resolved,
                now.Gaps
            )

    member _.CanBeEvicted =
        staging.Events.Count = 0
        && staging.Remembered.Count = 0
        && staging.Requests.IsEmpty
        && known.UndurableCount = 0

    member _.RoomId = frontier.Value.RoomId
    member _.Extremities = frontier.Value.Extremities
    member _.Resolving = resolutions.Outstanding
    member _.Numbers = frontier.Value.Numbers
    member _.CurrentState = frontier.Value.CurrentState
    member _.Gaps = frontier.Value.Gaps
    member _.Outstanding = staging.Requests.All
    member _.Waiting = staging.Events.Count
    member _.WaitingBytes = staging.Events.Bytes
    member _.WaitingBytesByPeer = staging.BytesByPeer
    member _.IsStaged(eventId: string) = not (isNull (staging.Find eventId))
    member _.IsRemembered(eventId: string) = staging.Remembered.Has eventId

    member _.Remembered = [| for r in staging.Remembered.All -> r.Event.Pdu |]

    member _.Staged(eventId: string) : Pdu | null =
        match staging.Find eventId with
        | null -> null
        | s -> s.Pdu

    member _.NotDurable = known.UndurableCount
    member _.Known(eventId: string) = known.FindHere eventId
    member _.AuthState(state: StateTree) = known.AuthStateBy known.FindHere state
