namespace Matrix.Properties.Simulation

open System
open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Staging
open Matrix.Core.Room.Incoming.Graph
open Matrix.Core.Room.Incoming.Deciding
open Matrix.Core.State
open Matrix.Core.StateRes

/// Checks honest servers' decisions as they are made.
[<Sealed>]
type Checker(room: SimulatedRoom, resolver: StateResolver, limits: IncomingLimits, isHonest: int -> bool) =

    let computed = Dictionary<string, struct (StateTree * string * int)>()
    let onTrust = List<struct (int * string * StateTree * bool)>()
    let decided = HashSet<string>()
    let currents = Dictionary<string, StateTree>()
    let mutable violation: Violation option = None
    let mutable decisions = 0
    let mutable compared = 0
    let mutable merges = 0
    let mutable rejected = 0
    let mutable softFailed = 0
    let mutable outliers = 0
    let mutable trusts = 0
    let mutable fetched = 0
    let mutable dropped = 0
    let mutable unsigned = 0
    let mutable withoutAuthEvents = 0
    let mutable remembered = 0
    let mutable failedFlushes = 0
    let mutable evictions = 0
    let mutable history = 0
    let mutable branches = 0
    let mutable old = 0
    let mutable inserted = 0
    // For each server: events decided as older than the extremities, those that stay extremities though accepted events
    // descend from them, and the followers of an event in the page of history that it was told last.
    let olds = Dictionary<int, HashSet<string>>()
    let kept = Dictionary<int, HashSet<string>>()
    let told = Dictionary<int, List<Pdu>>()

    let isSmall = limits.SmallResolution = IncomingLimits.Default.SmallResolution

    let setOf (sets: Dictionary<int, HashSet<string>>) (server: int) =
        match sets.TryGetValue server with
        | true, found -> found
        | _ ->
            let made = HashSet<string>()
            sets[server] <- made
            made

    let fail what =
        if violation.IsNone then
            violation <- Some what

    /// The state of some extremities, together with another state or null, resolved anew by the room version's
    /// algorithm, whatever the server's behaviour; null if they cannot be resolved.
    let stateWith (view: Store) (state: StateTree | null) (extremities: ForwardExtremity[]) : StateTree | null =
        let trees = List<StateTree>()

        for tree in Seq.append [ state ] (extremities |> Seq.map (fun e -> view.StateAfter e.EventId)) do
            match tree with
            | null -> ()
            | tree ->
                if not (trees.Exists(fun other -> StateTree.AreSame(other, tree))) then
                    trees.Add tree

        if trees.Count = 0 then
            StateTree.Empty
        elif trees.Count = 1 then
            trees[0]
        else
            let names = [| for tree in trees -> Convert.ToHexString tree.Root.Span |]

            Array.Sort(names, StringComparer.Ordinal)
            let key = String.Concat names

            match currents.TryGetValue key with
            | true, known -> known
            | _ ->
                match
                    StateBefore.resolve resolver view.Source (fun _ -> 0u) ResolutionLimits.Usual (trees.ToArray())
                with
                | Ok merged ->
                    currents[key] <- merged
                    merged
                | Error _ -> null

    /// The current state. One that cannot be resolved stays.
    let current (view: Store) : StateTree =
        match stateWith view null view.Extremities with
        | null -> view.CurrentState
        | state -> state

    /// Whether a state, together with the event's auth events, allows an event.
    let isAllowedBy (view: Store) (pdu: Pdu) (state: Matrix.Core.Auth.IAuthState) : bool =
        let cited =
            pdu.AuthEvents
            |> Array.choose (fun id -> view.Find id |> Option.ofObj)
            |> Array.map (fun known -> {
                Event = known.Event.Pdu
                Rejected = known.IsRejected
            })

        let facts = {
            AuthEvents = cited
            Signers = Array.ofList (Composing.signers pdu)
            ThirdPartyKeys = [||]
            HasRoomId = false
        }

        room.Rules.Decide(pdu, state, facts).IsOk

    let allowedNow (view: Store) (event: DecidedEvent) : bool =
        view.Extremities.Length = 0
        || isAllowedBy view event.Event (view.AuthState(current view))

    /// Checks what enters the current state: accepted or soft-failed events that their auth events allow.
    let checkEntries server (view: Store) (event: DecidedEvent) =
        let find (id: string) : KnownEvent | null =
            if id = event.Event.EventId then
                event.Known
            else
                view.Find id

        // Since room version 12, events do not name the create event.
        let createId =
            match event.CurrentStateAfter.Find("m.room.create", "") with
            | null -> ""
            | entry -> entry.EventId

        let citedState (pdu: Pdu) =
            let entries = [|
                for id in Array.append pdu.AuthEvents [| createId |] do
                    match view.Find id with
                    | NonNull known when not known.IsRejected && known.Event.Pdu.IsState ->
                        StateEntry.Of(known.Event.Pdu.Type, string known.Event.Pdu.StateKey, id, 0u)
                    | _ -> ()
            |]

            view.AuthState(StateTree.OfEntries(entries, false))

        if not (obj.ReferenceEquals(event.CurrentStateBefore, event.CurrentStateAfter)) then
            for change in StateTree.Diff(event.CurrentStateBefore, event.CurrentStateAfter).Changes do
                match change.After with
                | null -> ()
                | entry ->
                    let isAllowed (known: KnownEvent) =
                        not known.IsRejected
                        && isAllowedBy view known.Event.Pdu (citedState known.Event.Pdu)

                    match find entry.EventId with
                    | NonNull known when isAllowed known ->
                        if known.IsOutlier then
                            inserted <- inserted + 1
                    | _ -> fail (Violation.NotAllowed(entry.EventId, room.Servers[server]))

    /// Whether a decision rests on what a peer returned: a state, an event without its position, or another such
    /// decision.
    let restsOnTrust (view: Store) (event: DecidedEvent) : bool =
        let isComputed (id: string) =
            match view.Find id with
            | null -> false
            | known -> known.Provenance.IsComputed

        not (isNull event.StateFrom)
        || not (Array.forall isComputed event.Event.PrevEvents)
        || not (Array.forall isComputed event.Event.AuthEvents)

    /// Whether an accepted event descends from an event, through refused ones, or through history that waits.
    let isBuiltUpon server (view: Store) (event: DecidedEvent) : bool =
        let staged (id: string) =
            match told.TryGetValue server with
            | true, page when event.IsHistory ->
                page
                |> Seq.filter (fun pdu -> Array.contains id pdu.PrevEvents)
                |> Seq.map _.EventId
            | _ -> Seq.empty

        ExpectedExtremities.isBuiltUpon view staged event.Event.EventId

    /// Checks an event of history: it is soft-failed only if no accepted event descends from it.
    let checkHistory server (view: Store) (event: DecidedEvent) =
        let id = event.Event.EventId
        history <- history + 1

        let isMerged = isBuiltUpon server view event

        if not isMerged then
            branches <- branches + 1

        if not event.Known.IsRejected then
            let isRight =
                if event.Verdict.IsAccepted then
                    isMerged || allowedNow view event
                else
                    not (ExpectedExtremities.isBuiltUpon view (fun _ -> Seq.empty) id)
                    && not (allowedNow view event)

            if not isRight then
                fail (Violation.History(id, room.Servers[server]))

    let compareComputed server (event: DecidedEvent) (before: StateTree) =
        let id = event.Event.EventId

        // "" for events that were not rejected.
        let clause =
            match event.Verdict with
            | Verdict.Rejected failure -> failure.Clause
            | _ -> ""

        match computed.TryGetValue id with
        | true, struct (state, was, other) ->
            compared <- compared + 1

            if not (StateTree.AreSame(state, before)) then
                fail (Violation.StatesBeforeDiffer(id, room.Servers[server], room.Servers[other]))
            elif (was = "") <> (clause = "") then
                fail (Violation.VerdictsDiffer(id, room.Servers[server], room.Servers[other], was + clause))
        | _ -> computed[id] <- struct (before, clause, server)

    /// Checks the current state before a decision, its number, and the extremities after it.
    let checkFrontier server (view: Store) (event: DecidedEvent) =
        let id = event.Event.EventId
        let olds = setOf olds server
        let kept = setOf kept server

        if not (StateTree.AreSame(event.CurrentStateBefore, current view)) then
            fail (Violation.CurrentState(id, room.Servers[server]))

        let outlierOrdinal =
            match view.Find id with
            | null -> 0u
            | outlier -> outlier.Ordinal

        let isNumbered =
            if event.IsHistory then
                // A place between the events that were there.
                event.Ordinal < view.Numbers.NextLive && not (view.HasNumber event.Ordinal)
            elif isNull event.StateBefore then
                event.Ordinal = view.Numbers.NextOutlier
            elif event.GapsOpened.Length > 0 then
                event.Ordinal = view.Numbers.NextLiveAfterGap limits.GapNumbers
            else
                event.Ordinal = view.Numbers.NextLive

        if not isNumbered || event.OutlierOrdinal <> outlierOrdinal then
            fail (Violation.Numbers(id, room.Servers[server]))

        let hasDescendants = isBuiltUpon server view event

        if not (ExpectedExtremities.holds view event hasDescendants (stateWith view) isSmall) then
            fail (Violation.ExtremitiesAfter(id, room.Servers[server]))

        // A decision that was taken back is made again, and may come out otherwise.
        olds.Remove id |> ignore

        if not (isNull event.StateBefore) then
            let isOld = ExpectedExtremities.isOld view event

            // What an old event names stays until an event names it, though one may name the old event before. So does
            // what a state that a peer sent does not have.
            if hasDescendants || isOld || event.Verdict.IsAccepted then
                let named = ExpectedExtremities.below view event.Event.PrevEvents

                for e in view.Extremities |> Array.filter (fun e -> named.Contains e.EventId) do
                    if event.Extremities |> Array.exists (fun other -> other.EventId = e.EventId) then
                        kept.Add e.EventId |> ignore
                    elif event.IsHistory then
                        // What waits may be dropped.
                        olds.Add e.EventId |> ignore

            if isOld then
                olds.Add id |> ignore

                if not event.IsHistory then
                    old <- old + 1

    let checkDurable server (view: Store) (machine: RoomMachine) =
        if
            machine.Extremities <> view.Extremities
            || machine.Numbers.NextLive <> view.Numbers.NextLive
            || machine.Numbers.NextOutlier <> view.Numbers.NextOutlier
            || machine.NotDurable <> 0
            || not (StateTree.AreSame(machine.CurrentState, current view))
        then
            fail (Violation.NotAsDurable room.Servers[server])

    /// The first thing that went wrong.
    member _.Violation = violation

    /// Reports a violation.
    member _.Fail(what: Violation) = fail what

    /// Checks a decision; `view` is what the server knew before.
    member _.Deciding(server: int, view: Store, event: DecidedEvent) : unit =
        if isHonest server then
            decided.Add event.Event.EventId |> ignore
            decisions <- decisions + 1
            checkFrontier server view event
            checkEntries server view event

            match event.StateBefore with
            | null -> outliers <- outliers + 1
            | before ->
                match event.Verdict with
                | Verdict.Rejected _ -> rejected <- rejected + 1
                | Verdict.SoftFailed _ -> softFailed <- softFailed + 1
                | Verdict.Accepted -> ()

                if event.Event.PrevEvents.Length > 1 then
                    merges <- merges + 1

                if not (isNull event.StateFrom) then
                    fetched <- fetched + 1

                if event.Known.Provenance.IsComputed then
                    compareComputed server event before
                else
                    trusts <- trusts + 1
                    onTrust.Add(struct (server, event.Event.EventId, before, event.Known.IsRejected))

                if not event.IsLocal && event.Known.Provenance.IsOnTrust <> restsOnTrust view event then
                    fail (Violation.Trust(event.Event.EventId, room.Servers[server]))

                if event.IsHistory then
                    checkHistory server view event
                elif not event.Known.IsRejected && event.Verdict.IsAccepted <> allowedNow view event then
                    fail (Violation.SoftFailure(event.Event.EventId, room.Servers[server]))

    /// Checks a machine after a failed flush.
    member _.TakenBack(server: int, view: Store, machine: RoomMachine) : unit =
        if isHonest server then
            failedFlushes <- failedFlushes + 1
            checkDurable server view machine

    /// Checks a machine after an eviction.
    member _.Evicted(server: int, view: Store, machine: RoomMachine) : unit =
        if isHonest server then
            evictions <- evictions + 1
            checkDurable server view machine

    /// A server could not write an event of its own user.
    member _.Unwritable(server: int, fault: PduFault) : unit =
        if isHonest server then
            fail (Violation.Unwritable(room.Servers[server], string fault))

    /// Reports a refused adoption.
    member _.Refused(server: int, refusal: AdoptionRefusal) : unit =
        if isHonest server then
            fail (Violation.Refused(room.Servers[server], refusal))

    /// A server tells its machine a page of history. What it waited for before is decided or dropped.
    member _.TellingHistory(server: int, page: Pdu list) : unit = told[server] <- List page

    /// Counts a remembered event.
    member _.Remembering(server: int, reason: DropReason) : unit =
        if isHonest server then
            remembered <- remembered + 1

            match reason with
            | DropReason.AuthEventUnavailable _ -> withoutAuthEvents <- withoutAuthEvents + 1
            | _ -> ()

    /// Checks that an event which is given up since no peer had what it lacked still lacks something.
    member _.GivingUp(server: int, view: Store, event: Pdu, reason: DropReason) : unit =
        let has isPrevious (id: string) =
            match view.Find id with
            | null -> false
            | known -> not (isPrevious && known.IsOutlier)

        match reason with
        | DropReason.AuthEventUnavailable _
        | DropReason.StateUnavailable when
            isHonest server
            && Array.forall (has true) event.PrevEvents
            && Array.forall (has false) event.AuthEvents
            ->
            fail (Violation.GivenUp(event.EventId, room.Servers[server]))
        | _ -> ()

    /// Counts a drop.
    member _.Dropping(server: int, eventId: string, reason: DropReason) : unit =
        if isHonest server then
            match told.TryGetValue server with
            | true, page -> page.RemoveAll(fun pdu -> pdu.EventId = eventId) |> ignore
            | _ -> ()

            dropped <- dropped + 1

            match reason with
            | DropReason.NotSigned _ -> unsigned <- unsigned + 1
            | DropReason.AuthEventUnavailable _ -> withoutAuthEvents <- withoutAuthEvents + 1
            | _ -> ()

    /// The events that servers decided on trust, where the state before them or their rejection differs from what
    /// another server computed. If no server computed it, the first decision on trust is compared instead.
    member _.Misled: (int * string) list =
        let first = Dictionary<string, struct (StateTree * bool)>()

        [
            for struct (server, id, before, isRejected) in onTrust do
                let struct (state, wasRejected) =
                    match computed.TryGetValue id with
                    | true, struct (state, clause, _) -> struct (state, clause <> "")
                    | _ ->
                        match first.TryGetValue id with
                        | true, known -> known
                        | _ ->
                            first[id] <- struct (before, isRejected)
                            struct (before, isRejected)

                if not (StateTree.AreSame(state, before)) || wasRejected <> isRejected then
                    server, id
        ]

    /// Checks that no server was misled, where no peer lied.
    member this.CheckTrust() : unit =
        match this.Misled with
        | (server, id) :: _ -> fail (Violation.Misled(id, room.Servers[server]))
        | [] -> ()

    /// Checks that a server's extremities are the accepted events without accepted descendants, but for those that came
    /// late.
    member _.CheckExtremities(server: int, view: Store) : unit =
        let isEnd (id: string) =
            match view.Find id with
            | null -> false
            | known ->
                known.Status = EventStatus.Accepted
                && not known.IsOutlier
                && not (ExpectedExtremities.isBuiltUpon view (fun _ -> Seq.empty) id)

        let ends = view.Ids |> Seq.filter isEnd |> Set.ofSeq
        let held = view.Extremities |> Seq.map _.EventId |> Set.ofSeq

        if
            not (Set.isEmpty (Set.difference ends held - Set.ofSeq (setOf olds server)))
            || not (Set.isEmpty (Set.difference held ends - Set.ofSeq (setOf kept server)))
        then
            fail (Violation.Extremities room.Servers[server])

    /// The counts, without those of the Byzantine server.
    member this.Seen((settled: int, apart: int), lost: int, crashes: int) : Seen = {
        Events = decided.Count
        Decisions = decisions
        Compared = compared
        Merges = merges
        Rejected = rejected
        SoftFailed = softFailed
        Outliers = outliers
        OnTrust = trusts
        StatesFetched = fetched
        History = history
        Branches = branches
        Old = old
        Inserted = inserted
        Misled = this.Misled |> List.map fst |> List.distinct |> List.length
        Settled = settled
        Apart = apart
        Dropped = dropped
        Remembered = remembered
        Unsigned = unsigned
        WithoutAuthEvents = withoutAuthEvents
        Lies = 0
        Extremes = 0
        Withheld = 0
        FalseStates = 0
        Lost = lost
        Crashes = crashes
        FailedFlushes = failedFlushes
        Evictions = evictions
    }
