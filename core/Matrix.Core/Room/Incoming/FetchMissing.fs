namespace Matrix.Core.Room.Incoming

open System
open System.Collections.Generic
open System.Threading
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Ident

/// Determines what each staged event still needs, and takes responses. In this order: signatures, content, previous
/// events or the state before the event, auth events. Previous events come first because they usually bring the auth
/// events along, with their history.
[<Sealed>]
type internal FetchMissing
    (
        server: string,
        rules: AuthRules,
        log: UndoLog,
        frontier: Undoable<Frontier>,
        facts: FactMemory,
        known: KnownEvents,
        staging: Staging,
        limits: IncomingLimits,
        practices: Practices
    ) =

    let missingEvents = MissingEvents(known, staging)
    let nextHistory = Undoable(log, frontier.Value.Numbers.NextHistory)
    let states = FetchState(known, staging, missingEvents, limits)

    /// The servers to ask about an event: the one that sent it, its sender's, and then those of the room. If the search
    /// begins again, others of them come first.
    let peersOf (peer: string) (event: ReceivedEvent) (round: int) : Lazy<string[]> =
        let servers () =
            let ofRoom = Seq.toArray known.Servers

            let others =
                if ofRoom.Length = 0 then
                    ofRoom
                else
                    let skipped = round * max 1 (limits.Peers - 2) % ofRoom.Length
                    Array.append ofRoom[skipped..] ofRoom[.. skipped - 1]

            Seq.append [ peer; UserId.server event.Pdu.Sender ] others
            |> Seq.filter (fun other -> other <> "" && other <> server)
            |> Seq.distinct
            |> Seq.truncate limits.Peers
            |> Seq.toArray

        // A step that lacks the servers is repeated.
        Lazy<string[]>(servers, LazyThreadSafetyMode.PublicationOnly)

    let authEventsOf (s: Staged) : string[] =
        let cited =
            if s.Budget.Foreign.Count = 0 then
                s.Pdu.AuthEvents
            else
                s.Pdu.AuthEvents |> Array.filter (s.CitesForeign >> not)

        if frontier.Value.CreateId <> "" && s.Pdu.Type <> "m.room.create" then
            Array.append cited [| frontier.Value.CreateId |]
        else
            cited

    /// Notes an auth event of another room, for which the rules reject the staged event. Its server signed its room id.
    /// Auth events of a create event do not matter.
    let noteForeign (s: Staged) (event: ReceivedEvent) : unit =
        if
            event.Pdu.RoomId <> frontier.Value.RoomId
            && Array.contains event.Pdu.EventId s.Pdu.AuthEvents
            && Signing.state event (fun _ -> true) = SignatureState.Holds
        then
            s.Budget.Foreign.Set(event.Pdu.EventId, event.Pdu)

    /// Auth events: the last thing that an event needs.
    let authEvents (s: Staged) : unit =
        let struct (missing, waits) = missingEvents.LookFor(s, false, authEventsOf s)

        if missing.Count > 0 then
            if
                s.AuthPeer > s.Peers.Length
                || s.Peers.Length = 0
                || missing.Exists(fun id -> s.Budget.IsHopeless(id, false) || staging.IsGivenUp id)
            then
                // Every peer was asked.
                if s.AuthPeer > s.Peers.Length && s.Unreached.Count = 0 then
                    staging.GiveUp missing

                staging.End(s, DropReason.AuthEventUnavailable missing[0])
            elif s.Budget.Chain >= limits.AuthChain then
                staging.Drop(s, DropReason.TooMuchMissing limits.AuthChain)
            elif s.AuthPeer = 0 then
                missingEvents.Ask(s, s.Peers[0], Purpose.AuthEvents, Request.AuthChain s.Id)
            else
                missingEvents.Ask(s, s.Peers[s.AuthPeer - 1], Purpose.AuthEvents, Request.Events(missing.ToArray()))
        elif not waits then
            staging.Ready s

    let walk (s: Staged) (missing: List<string>) (earliest: Lazy<string[]>) =
        let left = limits.Walk - s.Budget.Walked
        let believes = practices.BelievesStates && s.StatePeer < s.Peers.Length

        let wereAllAsked = s.PreviousPeer >= s.Peers.Length

        if wereAllAsked && s.Unreached.Count = 0 then
            staging.GiveUp missing

        let isHopeless =
            missing.Exists(fun id -> s.Budget.IsHopeless(id, true) || staging.IsGivenUp id)
        // Pages of history are not extended: the host asks for the next page.
        let believes = believes || s.IsHistory

        // A peer that was not reached may have the events: the state before the event would leave a gap.
        let isPatient =
            wereAllAsked
            && s.Unreached.Count > 0
            && s.Rounds < limits.Patience
            && left > 0
            && not isHopeless
            && not believes

        if isPatient then
            staging.Postpone s |> ignore
        elif left <= 0 || wereAllAsked || isHopeless || believes then
            states.Ask s
        elif not s.PreviousReached then
            missingEvents.Ask(
                s,
                s.Peers[s.PreviousPeer],
                Purpose.Previous,
                Request.Missing(s.Id, earliest.Value, min limits.Page left)
            )
        else
            missingEvents.Ask(s, s.Peers[s.PreviousPeer], Purpose.Previous, Request.Events(missing.ToArray()))

    /// Previous events, or the state before the event.
    let previousEvents (s: Staged) (earliest: Lazy<string[]>) : unit =
        let struct (missing, waits) = missingEvents.LookFor(s, true, s.Pdu.PrevEvents)

        if missing.Count > 0 && isNull s.Trusted then
            match s.Fetched with
            | null -> walk s missing earliest
            | fetched -> states.Look(s, fetched)
        elif not waits then
            authEvents s

    let signatures (s: Staged) : bool =
        match Signing.state s.Event s.KeysAsked.Contains with
        | SignatureState.Holds -> true
        | SignatureState.Broken by ->
            let isInvalid =
                s.Event.Signatures
                |> Array.exists (fun each -> each.Signature.Entity = by && each.Fate = SignatureFate.Invalid)

            if s.TakeCopy() then
                staging.Again s
            elif s.WithoutKeys.Contains by && not isInvalid then
                staging.End(s, DropReason.NotSigned by)
            else
                staging.Drop(s, DropReason.NotSigned by)

            false
        | SignatureState.NeedsKeys of' ->
            s.KeysAsked.Add of' |> ignore
            let all = s.Event.Signatures |> Array.map _.Signature
            staging.Ask(s, of', Purpose.Keys, Request.Keys(of', all))
            false

    /// Whether an event is a validly signed copy of a staged one, with the right content hash in place of a wrong one.
    let isWhole (s: Staged) (copy: ReceivedEvent) : bool =
        not s.Event.HashHolds
        && copy.HashHolds
        && copy.Pdu.EventId = s.Id
        && copy.Pdu.RoomId = s.Pdu.RoomId
        && Signing.state copy (fun _ -> true) = SignatureState.Holds

    /// A copy with a wrong content hash may have been damaged on its way: the sender's server is asked once. If it has
    /// no better one, or is not reached for a while, the event is decided in its redacted form.
    let whole (s: Staged) : bool =
        let sender = UserId.server s.Pdu.Sender

        if
            s.Event.HashHolds
            || s.AskedWhole
            || sender = s.Peer
            || sender = server
            || sender = ""
            || s.Budget.Requests >= limits.Requests
        then
            true
        else
            if not (s.Unreached.Contains sender) && not (staging.MayAsk sender) then
                missingEvents.NotAsked(s, sender)

            if not (s.Unreached.Contains sender) then
                s.AskedWhole <- true
                staging.Ask(s, sender, Purpose.Whole, Request.Events [| s.Id |])
                false
            else
                s.Rounds >= limits.Patience || not (staging.Postpone s)

    let beginAgain (s: Staged) : unit =
        // The peers that were reached had not all that it lacks either.
        if s.IsReceived then
            s.Budget.BeginAgain()

        s.BeginAgain(peersOf s.Peer s.Event (s.Rounds + 1))
        staging.Again s

    /// Whether an event still lacks what it requested. It may have come in another way.
    let stillLacks (s: Staged) (purpose: Purpose) : bool =
        let lacks withState ids =
            let struct (missing, _) = missingEvents.LookFor(s, withState, ids)
            missing.Count > 0

        match purpose with
        | Purpose.Keys -> true
        | Purpose.Whole -> not s.Event.HashHolds
        | Purpose.Previous
        | Purpose.State
        | Purpose.StateEvents -> lacks true s.Pdu.PrevEvents
        | Purpose.AuthEvents -> lacks false (authEventsOf s)

    /// The events that are staged from a response to a request with this purpose.
    let usable (purpose: Purpose) (request: PeerRequest) (events: ReceivedEvent[]) : ReceivedEvent[] =
        // For a request by event ids, only the requested events; for any other, no more than the limit.
        let wanted =
            match request.Request with
            | Request.Events ids ->
                let asked = HashSet<string>(ids)
                events |> Array.filter (fun e -> asked.Contains e.Pdu.EventId)
            | _ -> events

        if purpose = Purpose.Previous then
            Array.truncate limits.Page wanted
        else
            wanted

    /// The facts that an event certainly needs: whether it is known, and then those of the events that it names.
    let scanEvent (event: ReceivedEvent) (isOutlier: bool) : unit =
        let pdu = event.Pdu

        let isNeeded =
            isNull (staging.Find pdu.EventId)
            && (pdu.RoomId = frontier.Value.RoomId || frontier.Value.RoomId = "")
            && (match known.FindHere pdu.EventId with
                | null -> true
                | found -> found.IsOutlier && not isOutlier)

        let lack (id: string) =
            if known.IsUnknown id then
                facts.LackEvent id

        if isNeeded then
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
                            facts.LackState id
                        | _ -> ()

                // The same keys of the current state decide whether the event is soft-failed.
                if frontier.Value.Extremities.Length > 0 then
                    for struct (eventType, key) in rules.SelectionOf(pdu.Type, pdu.Sender, pdu.StateKey, pdu.Content) do
                        match frontier.Value.CurrentState.Find(eventType, key) with
                        | null -> ()
                        | entry -> lack entry.EventId

    /// Takes an event that came. `budget` is that of the received event for which it was fetched.
    member _.Stage(event: ReceivedEvent, peer: string, budget: FetchBudget, isOutlier: bool) : unit =
        let pdu = event.Pdu
        let id = pdu.EventId

        match staging.Find id with
        | null ->
            if
                missingEvents.IsMissing(id, not isOutlier)
                && not (budget.IsHopeless(id, not isOutlier))
            then
                if pdu.RoomId <> frontier.Value.RoomId then
                    staging.Report(id, DropReason.OtherRoom pdu.RoomId)
                elif Array.contains id pdu.PrevEvents || Array.contains id pdu.AuthEvents then
                    staging.Report(id, DropReason.Circular)
                else
                    let s = Staged(log, event, peer, peersOf peer event 0, budget, isOutlier)

                    match staging.Add s with
                    | ValueSome reason -> staging.Report(id, reason)
                    | ValueNone ->
                        if isOutlier then
                            budget.Chain <- budget.Chain + 1
                        else
                            budget.Walked <- budget.Walked + 1
        | s ->
            // Where servers choose event ids, a copy may have any content.
            if
                pdu.RoomId = frontier.Value.RoomId
                && Signing.state s.Event s.KeysAsked.Contains <> SignatureState.Holds
            then
                s.Keep event

            if isWhole s event then
                s.TakeWhole event
                staging.Again s

            if s.IsOutlier && not isOutlier && not (s.Budget.IsHopeless(id, true)) then
                s.IsOutlier <- false
                staging.NotReady s
                staging.Again s

    /// Takes an event of a transaction, which came at this time.
    member this.StageLive(event: ReceivedEvent, peer: string, since: int64) : unit =
        this.Stage(event, peer, FetchBudget(log, since), false)

        match staging.Find event.Pdu.EventId with
        | null -> ()
        | s ->
            s.HistoryOrdinal <- 0u
            s.IsReceived <- true

    /// Begins postponed searches again that are due.
    member _.Retry() : unit =
        for s in staging.TakeDue() do
            beginAgain s

    /// Begins postponed searches again that wait for this peer.
    member _.Reached(peer: string) : unit =
        for s in staging.TakeWaitingFor peer do
            beginAgain s

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
                this.Stage(event, peer, FetchBudget(log, staging.Now), false)

                match staging.Find id with
                | null -> ()
                | s when s.IsOutlier -> ()
                | s -> made.Add s

        let struct (after, limit) =
            place
            |> ValueOption.defaultValue (struct (RoomNumbers.LastHistory - 1u, nextHistory.Value + 1u))

        // Events of an earlier call may still wait with numbers of this place.
        let before =
            staging.All
            |> Array.fold
                (fun least (s: Staged) ->
                    if s.HistoryOrdinal > after && s.HistoryOrdinal < least then
                        s.HistoryOrdinal
                    else
                        least)
                limit

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

    /// Examines an event: it becomes ready, requests what it lacks, waits, or is dropped. `earliest` are the room's
    /// extremities.
    member _.Look(s: Staged, earliest: Lazy<string[]>) : unit =
        if staging.Holds s then
            match staging.PurposeOf s with
            | ValueSome purpose when not (stillLacks s purpose) ->
                staging.Withdraw s

                if isNull s.Trusted then
                    staging.ReleaseState s
            | _ -> ()

        if staging.Holds s && s.Asked < 0 && not s.IsReady && signatures s && whole s then
            if s.IsOutlier then
                authEvents s
            else
                previousEvents s earliest

    /// These events wait for each other, or for the fetched states that others hold. Events that wait for a postponed
    /// one give their states up to the queue, and then those whose state is complete. If no event is queued, the
    /// fetched states are useless, and other peers are asked. Without any, the events depend on themselves.
    member _.Unblock(stuck: Staged[]) : unit =
        let isQueued = stuck |> Array.exists _.IsQueued
        let ids = stuck |> Seq.map _.Id |> HashSet

        let held, others =
            staging.HoldingStates |> Array.partition (fun s -> ids.Contains s.Id)

        let complete = held |> Array.filter (fun s -> not (isNull s.Trusted))

        if isQueued && others.Length > 0 then
            others |> Array.iter states.Park
        elif isQueued && complete.Length > 0 then
            complete |> Array.iter states.GiveWay
        elif held.Length > 0 then
            held |> Array.iter states.Next
        else
            for s in stuck do
                staging.Drop(s, DropReason.Circular)

    /// Notes the facts that inputs certainly need and that are lacking, so that they are looked up together.
    member _.Scan(inputs: Input[]) : unit =
        for input in inputs do
            match input with
            | Input.At _
            | Input.Malformed _
            | Input.HistoryPlace _
            | Input.Reached _
            | Input.Resolved _ -> ()
            | Input.Received(_, event)
            | Input.Resumed(_, event, _)
            | Input.Decide(_, event)
            | Input.History(_, event) -> scanEvent event false
            | Input.Responded(number, response) ->
                match staging.Request number, response with
                | ValueSome(struct (request, purpose)), Response.Events events
                | ValueSome(struct (request, purpose)), Response.NotNow(events, _) ->
                    for event in usable purpose request events do
                        scanEvent event (purpose <> Purpose.Previous)
                | ValueSome _, Response.State(ids, chain) when
                    ids.Length <= limits.State && chain.Length <= limits.State
                    ->
                    for id in Seq.append ids chain |> Seq.truncate limits.AuthChain do
                        if isNull (staging.Find id) && known.IsUnknown id then
                            facts.LackEvent id
                | _ -> ()

    /// Takes a response.
    member this.Respond(number: int, response: Response) : unit =
        match staging.Responded number with
        | ValueNone -> ()
        | ValueSome(struct (request, purpose, s)) ->
            let usable events = usable purpose request events

            // Asked again when the search begins again.
            if purpose = Purpose.Whole && response.IsNotNow then
                s.AskedWhole <- false

            // What a peer sent before it was no longer reached counts as any response.
            let response =
                match response with
                | Response.NotNow(events, retryAt) ->
                    missingEvents.NotReached(s, request, retryAt)

                    if events.Length > 0 then
                        Response.Events events
                    else
                        Response.Nothing
                | response ->
                    if purpose = Purpose.Previous then
                        s.PreviousReached <- true

                    response

            match purpose, response with
            | Purpose.Keys, Response.Signatures signatures -> s.Recheck signatures
            | Purpose.Whole, Response.Events events ->
                match events |> Array.tryFind (isWhole s) with
                | Some copy -> s.TakeWhole copy
                | None -> ()
            | Purpose.Previous, Response.Events events ->
                let events = missingEvents.Between(s, usable events)

                let lacking () =
                    s.Pdu.PrevEvents
                    |> Array.filter (fun id -> missingEvents.IsMissing(id, true))
                    |> Array.length

                let before = lacking ()

                for event in events do
                    if s.Budget.Walked < limits.Walk && event.Pdu.EventId <> s.Id then
                        this.Stage(event, request.Peer, s.Budget, false)

                if lacking () = before then
                    s.PreviousPeer <- s.PreviousPeer + 1
            | Purpose.State, Response.State(ids, chain) ->
                if ids.Length > limits.State || chain.Length > limits.State then
                    s.TooMuch <- true
                    s.StatePeer <- s.StatePeer + 1
                else
                    s.Fetched <- FetchedState(log, request.Peer, Array.distinct ids, chain)
                    s.StateFrom <- request.Peer
            | Purpose.StateEvents, Response.Events events ->
                for event in usable events do
                    if s.Budget.Chain < limits.AuthChain then
                        this.Stage(event, request.Peer, s.Budget, true)
            | Purpose.AuthEvents, Response.Events events ->
                for event in usable events do
                    noteForeign s event

                    if s.Budget.Chain < limits.AuthChain && event.Pdu.EventId <> s.Id then
                        this.Stage(event, request.Peer, s.Budget, true)

                missingEvents.Require(authEventsOf s)

                if authEventsOf s |> Array.exists (fun id -> missingEvents.IsMissing(id, false)) then
                    s.AuthPeer <- s.AuthPeer + 1
            | _ -> missingEvents.Nothing(s, purpose)

            staging.Again s
