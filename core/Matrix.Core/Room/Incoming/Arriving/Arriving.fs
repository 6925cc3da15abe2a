namespace Matrix.Core.Room.Incoming.Arriving

open System
open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Staging
open Matrix.Core.Room.Incoming.Graph
open Matrix.Core.Room.Incoming.Fetching

/// Stages the events that come, in a transaction, in a response or as history.
[<Sealed>]
type internal Arriving
    (
        rules: AuthRules,
        log: UndoLog,
        frontier: Undoable<Frontier>,
        lookUpCache: LookUpCache,
        known: KnownEvents,
        staging: Staging,
        missingEvents: MissingEvents,
        limits: IncomingLimits
    ) =

    let nextHistory = Undoable(log, frontier.Value.Numbers.NextHistory)

    let isNeeded (pdu: Pdu) (isOutlier: bool) =
        isNull (staging.Find pdu.EventId)
        && (pdu.RoomId = frontier.Value.RoomId || frontier.Value.RoomId = "")
        && (match known.FindHere pdu.EventId with
            | null -> true
            | found -> found.IsOutlier && not isOutlier)

    /// Whether an event is a validly signed copy of a staged one, with the right content hash in place of a wrong one.
    static member IsWhole(s: Staged, copy: ReceivedEvent) : bool =
        not s.Event.HashHolds
        && copy.HashHolds
        && copy.Pdu.EventId = s.Id
        && copy.Pdu.RoomId = s.Pdu.RoomId
        && Signing.state copy (fun _ -> true) = SignatureState.Holds

    /// Notes the facts that an event certainly needs and that are lacking: whether it is known, and then those of the
    /// events that it names.
    member _.Scan(event: ReceivedEvent, isOutlier: bool) : unit =
        let pdu = event.Pdu

        let lack (id: string) =
            if known.IsUnknown id then
                lookUpCache.LackEvent id

        if isNeeded pdu isOutlier then
            lack pdu.EventId

            for id in pdu.AuthEvents do
                lack id

            if not isOutlier then
                let isNew = not (known.IsUnknown pdu.EventId)

                for id in pdu.PrevEvents do
                    if isNull (known.Extremity id) && isNull (staging.Find id) then
                        lack id

                        // The state after a known event is needed once it is certain that this one is new.
                        match known.FindHere id with
                        | NonNull previous when isNew && not previous.IsOutlier && known.LacksState id ->
                            lookUpCache.LackState id
                        | _ -> ()

                // The same keys of the current state decide whether the event is soft-failed.
                if frontier.Value.Extremities.Length > 0 then
                    for struct (eventType, key) in rules.SelectionOf(pdu.Type, pdu.Sender, pdu.StateKey, pdu.Content) do
                        match frontier.Value.CurrentState.Find(eventType, key) with
                        | null -> ()
                        | entry -> lack entry.EventId

    /// The same for an event that came in a transaction.
    member this.ScanLive(event: ReceivedEvent, peer: string) : unit =
        this.Scan(event, false)

        if isNeeded event.Pdu false then
            known.ScanStranger(peer, event.Pdu.Sender)

    /// An outlier that came, and is not staged.
    member _.Outlier(event: ReceivedEvent, peer: string, budget: FetchBudget) : Staged =
        Staged(log, event, peer, missingEvents.PeersOf(peer, event, budget, 0), budget, Arrival.InBulk)

    /// Takes an event that came. `budget` is that of the received event for which it was fetched.
    member _.Stage(event: ReceivedEvent, peer: string, budget: FetchBudget, arrival: Arrival) : unit =
        let pdu = event.Pdu
        let id = pdu.EventId
        let isOutlier = (arrival = Arrival.InBulk)

        match staging.Find id with
        | null ->
            if
                missingEvents.IsMissing(id, not isOutlier)
                && not (budget.IsHopeless(id, not isOutlier))
            then
                let isRemembered = not isOutlier && staging.Remembered.Has id

                if pdu.RoomId <> frontier.Value.RoomId then
                    staging.Report(id, DropReason.OtherRoom pdu.RoomId)
                elif staging.RequestLimits.IsNotStored id then
                    staging.Report(id, DropReason.NotStored)
                elif Array.contains id pdu.PrevEvents || Array.contains id pdu.AuthEvents then
                    staging.Report(id, DropReason.Circular)
                else
                    let s =
                        Staged(log, event, peer, missingEvents.PeersOf(peer, event, budget, 0), budget, arrival)

                    match staging.Add s with
                    | ValueSome _ when isRemembered -> ()
                    | ValueSome reason -> staging.Report(id, reason)
                    | ValueNone ->
                        if isRemembered then
                            staging.Remembered.Remove id |> ignore
                            s.IsReceived <- true

                        if isOutlier then
                            budget.Chain <- budget.Chain + 1
                        else
                            budget.Walked <- budget.Walked + 1
        | s ->
            missingEvents.TakeOver(s, budget)

            if arrival <> Arrival.Resumed then
                missingEvents.SearchNow s

            if Arriving.IsWhole(s, event) then
                staging.TakeWhole(s, event)
                staging.Waiting.Again s
            // Where servers choose event ids, a copy may have any content.
            elif
                pdu.RoomId = frontier.Value.RoomId
                && Signing.state s.Event s.KeysRequested.Contains <> SignatureState.Holds
            then
                staging.Keep(s, event)

            if s.IsOutlier && not isOutlier && not (s.Budget.IsHopeless(id, true)) then
                s.IsOutlier <- false
                staging.Waiting.NotReady s
                staging.Waiting.Again s

    /// Takes an event of a transaction, which came at this time.
    member this.StageLive(event: ReceivedEvent, peer: string, since: int64) : unit =
        this.StageSearching(event, this.BudgetOf(event, peer, since, 1), Arrival.Received)

    /// The same for an event that was staged before.
    member this.StageResumed(event: ReceivedEvent, peer: string, since: int64, searchFrom: int64) : unit =
        let isNew = isNull (staging.Find event.Pdu.EventId)
        this.StageSearching(event, this.BudgetOf(event, peer, since, 1), Arrival.Resumed)

        match staging.Find event.Pdu.EventId with
        | null -> ()
        | s ->
            if isNew then
                s.SearchFrom <- searchFrom

    /// The budget of an event that came in a transaction.
    member private _.BudgetOf(event: ReceivedEvent, peer: string, since: int64, searches: int) : FetchBudget =
        let id = event.Pdu.EventId

        // It is not looked up for an event that is decided.
        let isStranger =
            (not (isNull (staging.Find id)) || missingEvents.IsMissing(id, true))
            && known.IsStranger(peer, event.Pdu.Sender)

        FetchBudget(log, peer, since, searches, isStranger)

    member private this.StageSearching(event: ReceivedEvent, budget: FetchBudget, arrival: Arrival) : unit =
        this.Stage(event, budget.Peer, budget, arrival)

        match staging.Find event.Pdu.EventId with
        | null -> ()
        | s ->
            s.HistoryOrdinal <- 0u
            s.IsReceived <- true

    /// Stages the remembered events again that lacked an event which is decided now.
    member this.StageDue() : unit =
        let mutable next = staging.Remembered.NextDue()

        while next.IsSome do
            let r = next.Value
            let budget = this.BudgetOf(r.Event, r.Peer, r.Since, r.Searches + 1)

            // Where nothing is requested, what fetched events lacked is not found anew.
            if budget.Searches > limits.Searches then
                for id in r.Lacks do
                    budget.Lacking.Add id |> ignore

            this.StageSearching(r.Event, budget, Arrival.Resumed)
            next <- staging.Remembered.NextDue()

    /// Takes events of history, and numbers them in the order of the graph: below all others, or in a place.
    member this.StageHistory
        (events: struct (string * ReceivedEvent)[], place: struct (uint32 * uint32) voption)
        : unit =
        let made = List<Staged>()

        for struct (peer, event) in events do
            let id = event.Pdu.EventId

            let isWaiting =
                match staging.Find id with
                | null -> false
                | s -> not s.IsOutlier

            if not isWaiting then
                this.Stage(event, peer, FetchBudget(log, peer, staging.RequestLimits.Now, 1, false), Arrival.Fetched)

                match staging.Find id with
                | null -> ()
                | s when s.IsOutlier -> ()
                | s -> made.Add s

        let struct (after, limit) =
            place
            |> ValueOption.defaultValue (struct (RoomNumbers.LastHistory - 1u, nextHistory.Value + 1u))

        // Events of earlier pages may have numbers of this place: they wait, or are decided and not durable yet.
        let before =
            Seq.append (staging.Events.All |> Seq.map _.HistoryOrdinal) known.UndurableOrdinals
            |> Seq.filter (fun ordinal -> ordinal > after)
            |> Seq.fold min limit

        let free = int (min (int64 made.Count) (int64 before - int64 after - 1L))
        let mutable ordinal = before - uint32 free - 1u

        if place.IsNone then
            nextHistory.Value <- ordinal

        // The latest events get the numbers that there are.
        let inOrder = GraphOrder.ofStaged made |> Seq.toArray

        for s in Array.truncate (inOrder.Length - free) inOrder do
            staging.Drop(s, DropReason.NoNumber)

        for s in Array.skip (inOrder.Length - free) inOrder do
            ordinal <- ordinal + 1u
            s.HistoryOrdinal <- ordinal
