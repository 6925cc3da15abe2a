namespace Matrix.Core.Room.Incoming

open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.StateRes

/// Checks 4, 5 and 6 of those on receipt, for an event of which everything is known; and what a decision does to the frontier.
/// Server-Server API, "Checks performed on receipt of a PDU".
[<Sealed>]
type internal Deciding
    (
        rules: AuthRules,
        known: KnownEvents,
        states: ResolvedStates,
        limits: IncomingLimits,
        practices: Practices,
        frontier: Undoable<Frontier>,
        nextNumber: Undoable<int64>
    ) =

    let statesAfter (ids: seq<string>) : List<KnownEvent> =
        let found = List<KnownEvent>()

        for id in ids do
            match known.Find id with
            | null -> ()
            | event ->
                if not event.IsOutlier then
                    found.Add event

        found

    let treesOf (events: seq<KnownEvent>) : seq<StateTree> =
        events
        |> Seq.choose (fun e ->
            match e.StateAfter with
            | null -> None
            | tree -> Some tree)

    let citedBy (s: Staged) : KnownEvent[] =
        s.Pdu.AuthEvents
        |> Array.choose (fun id ->
            match known.Find id with
            | null -> None
            | event -> Some event)

    let factsOf (s: Staged) (cited: KnownEvent[]) : AuthFacts = {
        AuthEvents = [|
            for event in cited do
                {
                    Event = event.Event.Pdu
                    Rejected = event.IsRejected
                }
            for id in s.Pdu.AuthEvents do
                if s.CitesForeign id then
                    match s.Budget.Foreign.TryFind id with
                    | ValueSome foreign -> { Event = foreign; Rejected = false }
                    | ValueNone -> ()
        |]
        Signers = Signing.signers s.Event
        ThirdPartyKeys = s.Event.ThirdPartyKeys
        HasRoomId = s.Event.HasRoomId
    }

    let createOf (s: Staged) =
        if s.Pdu.Type = "m.room.create" then
            ""
        else
            frontier.Value.CreateId

    /// The extremities that make the current state: the latest where there are more than may be.
    let latestOf (extremities: ForwardExtremity[]) : ForwardExtremity[] =
        if extremities.Length > limits.Extremities then
            (Extremities.Choose(extremities, limits.Extremities)).NamedArray
        else
            extremities

    let newestOf (extremities: ForwardExtremity[]) : StateTree =
        if extremities.Length = 0 then
            StateTree.Empty
        else
            (extremities |> Array.maxBy _.Ordinal).StateAfter

    /// The current state of these extremities, and their resolution; the latter is null if it cannot be had.
    let currentOf (extremities: ForwardExtremity[]) : struct (StateTree * (StateTree | null)) =
        if extremities.Length = 1 then
            struct (extremities[0].StateAfter, extremities[0].StateAfter)
        else
            match states.Of(latestOf extremities |> Seq.map _.StateAfter) with
            | Ok tree -> struct (tree, tree)
            // What cannot be resolved cannot be current: the newest branch stands until an event merges them.
            | Error _ -> struct (newestOf extremities, null)

    /// The frontier with its current state.
    let settled () : struct (Frontier * StateTree) =
        let now = frontier.Value

        match now.CurrentState with
        | NonNull current -> struct (now, current)
        | _ ->
            let struct (current, resolved) = currentOf now.Extremities

            let settled =
                Frontier(now.RoomId, now.CreateId, now.Extremities, now.NextOrdinal, current, resolved)

            frontier.Value <- settled
            struct (settled, current)

    /// Moves the frontier on by a decision.
    let move
        (event: KnownEvent)
        (verdict: Verdict)
        (before: StateTree | null)
        (wasOutlier: bool)
        (stateFrom: string | null)
        (s: Staged | null)
        (was: Frontier)
        (current: StateTree)
        (extremities: ForwardExtremity[])
        : DecidedEvent =
        let ordinals = max was.NextOrdinal (event.Ordinal + 1u)

        let decided =
            DecidedEvent(nextNumber.Value, verdict, event, before, wasOutlier, stateFrom, isNull s, extremities, current)

        // A resolution may ask for the event.
        known.Add(decided, was, s)

        let struct (next, resolved) =
            if obj.ReferenceEquals(extremities, was.Extremities) then
                struct (current, was.Resolved)
            else
                currentOf extremities

        decided.CurrentStateAfter <-
            // An event of this server's on one extremity changes the state if it is a state event: there is nothing to compare.
            if isNull s && extremities.Length = 1 then next
            elif StateTree.AreSame(next, current) then current
            else next

        nextNumber.Value <- nextNumber.Value + 1L

        frontier.Value <-
            if was.RoomId <> "" then
                Frontier(was.RoomId, was.CreateId, extremities, ordinals, decided.CurrentStateAfter, resolved)
            else
                // The room's id is known with its create event.
                let roomId = event.Event.Pdu.RoomId
                let createId = Frontier.CreateIdOf(rules.Version.Settings.RoomIds, roomId)
                Frontier(roomId, createId, extremities, ordinals, decided.CurrentStateAfter, resolved)

        decided

    let take (s: Staged) (cited: KnownEvent[]) verdict (before: StateTree | null) provenance stateFrom : DecidedEvent =
        let struct (was, current) = settled ()
        let earlier = known.Find s.Id

        let ordinal =
            match earlier with
            | null -> was.NextOrdinal
            | outlier -> outlier.Ordinal

        let status =
            match verdict with
            | Verdict.Accepted -> EventStatus.Accepted
            | Verdict.SoftFailed _ -> EventStatus.SoftFailed
            | Verdict.Rejected _ -> EventStatus.Rejected

        let after: StateTree | null =
            match before, s.Pdu.StateKey with
            | null, _ -> null
            | before, NonNull key when status <> EventStatus.Rejected -> before.Set(StateEntry.Of(s.Pdu.Type, key, s.Id, ordinal))
            | before, _ -> before

        let height =
            cited |> Array.fold (fun most event -> max most (known.HeightOf event + 1)) 0

        let event = KnownEvent(rules.Read s.Pdu, status, height, ordinal, after, provenance)

        let made =
            match after with
            | NonNull tree when status = EventStatus.Accepted ->
                ValueSome(ForwardExtremity(ordinal, s.Id, s.Pdu.Depth, tree, provenance))
            | _ -> ValueNone

        let extremities =
            ForwardExtremities.after limits.LookedThrough known was.Extremities event made

        move event verdict before (not (isNull earlier)) stateFrom s was current extremities

    let verdictOf (decision: Decision) : Verdict =
        match decision with
        | Decision.Allowed _ -> Verdict.Accepted
        | Decision.Rejected failure -> Verdict.Rejected failure

    let provenanceOf (s: Staged) (cited: KnownEvent[]) (previous: List<KnownEvent>) =
        let computed (event: KnownEvent) = event.Provenance.IsComputed

        if
            (isNull s.Trusted || practices.BelievesStates)
            && Array.forall computed cited
            && previous.TrueForAll computed
        then
            Provenance.Computed
        else
            Provenance.OnTrust

    /// What the next event of this server is built on. `resolve`: whether states may be resolved for it.
    let prepare (resolve: bool) : Prepared =
        let now =
            if resolve then
                let struct (now, _) = settled ()
                now
            else
                frontier.Value

        let all = now.Extremities
        let chosen = Extremities.Choose(all, limits.Previous)

        let stateOf (chosen: PreviousEvents) : StateTree | null =
            match chosen.NamedArray with
            | [| one |] -> one.StateAfter
            | named when named.Length = all.Length && not (isNull now.Resolved) -> now.Resolved
            | named -> states.Find(named |> Seq.map _.StateAfter)

        let mutable previous = chosen
        let mutable before = stateOf chosen

        if isNull before && resolve then
            match states.Of(chosen.NamedArray |> Seq.map _.StateAfter) with
            | Ok tree -> before <- tree
            | Error _ ->
                // The state before an event is never guessed: it names one previous event, the newest.
                previous <- Extremities.Choose(all, 1)
                before <- stateOf previous

        let mutable greatest = 0L

        for e in previous.NamedArray do
            greatest <- max greatest e.Depth

        let depth = Extremities.Depth(greatest, rules.Version.Settings.MaximumDepth)
        Prepared(previous, now.NextOrdinal, greatest, depth, before, now.CurrentState)

    /// The state of the room now.
    member _.Current: StateTree =
        let struct (_, current) = settled ()
        current

    /// What the next event of this server is built on, asked once for each frontier.
    member _.Prepare() : Prepared =
        match frontier.Value.Prepared with
        | NonNull prepared -> prepared
        | _ ->
            let prepared = prepare false
            frontier.Value.Prepared <- prepared
            prepared

    /// The same, with all states resolved.
    member this.Resolve() : Prepared =
        let prepared = this.Prepare()

        if prepared.NeedsResolution then
            let resolved = prepare true
            frontier.Value.Prepared <- resolved
            resolved
        else
            prepared

    /// Decides an event by its auth events alone.
    member _.Outlier(s: Staged) : DecidedEvent =
        let cited = citedBy s
        let state = known.CitedState(s.Pdu, createOf s)
        let verdict = rules.Decide(s.Pdu, state, factsOf s cited) |> verdictOf
        take s cited verdict null Provenance.OnTrust null

    /// Decides an event by its auth events, the state before it and the current state.
    member _.Full(s: Staged) : Result<DecidedEvent, ResolutionError> =
        let cited = citedBy s
        let previous = statesAfter s.Pdu.PrevEvents

        let given =
            match s.Trusted with
            | null -> treesOf previous
            | tree when practices.BelievesStates -> Seq.singleton tree
            | tree -> Seq.append (treesOf previous) [ tree ]

        match states.Of given with
        | Error error -> Error error
        | Ok before ->
            let authState = known.CitedState(s.Pdu, createOf s)
            let beforeState = known.AuthState before
            let struct (now, current) = settled ()

            let currentState =
                // Alone with the create event, or on top of all that is known: they are the same.
                if now.Extremities.Length = 0 || StateTree.AreSame(current, before) then
                    beforeState
                else
                    known.AuthState current

            let verdict =
                match Verdicts.decide rules s.Pdu (factsOf s cited) authState beforeState currentState with
                | Verdict.SoftFailed failure -> practices.NotInCurrentState failure
                | verdict -> verdict

            let provenance = provenanceOf s cited previous
            let stateFrom = if isNull s.Trusted then null else s.StateFrom
            Ok(take s cited verdict before provenance stateFrom)

    /// Takes an event that was decided elsewhere, on what was prepared: all of it is known, but for the resolution of extremities that
    /// it leaves.
    member _.Adopt(prepared: Prepared, state: StateTree, event: AuthEvent, height: int) : DecidedEvent =
        let struct (was, current) = settled ()
        let pdu = event.Pdu
        let ordinal = prepared.Ordinal

        let after =
            match pdu.StateKey with
            | null -> state
            | key -> state.Set(StateEntry.Of(pdu.Type, key, pdu.EventId, ordinal))

        let provenance =
            if prepared.Named |> Array.forall _.Provenance.IsComputed then
                Provenance.Computed
            else
                Provenance.OnTrust

        let made = ForwardExtremity(ordinal, pdu.EventId, pdu.Depth, after, provenance)

        let extremities =
            if prepared.Kept.Length = 0 then
                [| made |]
            else
                Array.append prepared.Kept [| made |]

        let event =
            KnownEvent(event, EventStatus.Accepted, height, ordinal, after, provenance)

        move event Verdict.Accepted state false null null was current extremities
