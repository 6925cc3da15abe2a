namespace Matrix.Properties.Simulation

open System
open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Room
open Matrix.Core.Room.Incoming
open Matrix.Core.State
open Matrix.Core.StateRes

/// Checks honest servers' decisions as they are made.
[<Sealed>]
type Checker(stage: Stage, resolver: StateResolver, isHonest: int -> bool) =

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
    let mutable failedFlushes = 0
    let mutable evictions = 0

    let fail what =
        if violation.IsNone then
            violation <- Some what

    /// The current state, resolved anew by the room version's algorithm, whatever the server's practices.
    let current (view: Store) : StateTree =
        let trees = List<StateTree>()

        for e in view.Extremities do
            match view.StateAfter e.EventId with
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
                    StateBefore.resolve resolver view.Source (fun _ -> 0u) ResolutionLimits.usual (trees.ToArray())
                with
                | Ok merged ->
                    currents[key] <- merged
                    merged
                // An unresolvable state stays.
                | Error _ -> view.CurrentState

    let allowedNow (view: Store) (event: DecidedEvent) : bool =
        let pdu = event.Event

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

        view.Extremities.Length = 0
        || stage.Rules.Decide(pdu, view.AuthState(current view), facts).IsOk

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
                fail (Violation.StatesBeforeDiffer(id, stage.Servers[server], stage.Servers[other]))
            elif (was = "") <> (clause = "") then
                fail (Violation.VerdictsDiffer(id, stage.Servers[server], stage.Servers[other], was + clause))
        | _ -> computed[id] <- struct (before, clause, server)

    /// Checks the current state before a decision, its number, and the extremities after it.
    let checkFrontier server (view: Store) (event: DecidedEvent) =
        let id = event.Event.EventId

        if not (StateTree.AreSame(event.CurrentStateBefore, current view)) then
            fail (Violation.CurrentState(id, stage.Servers[server]))

        let next, outlierOrdinal =
            (if isNull event.StateBefore then
                 view.Numbers.NextOutlier
             elif event.GapsOpened.Length > 0 then
                 view.Numbers.NextLiveAfterGap IncomingLimits.Default.GapNumbers
             else
                 view.Numbers.NextLive),
            (match view.Find id with
             | null -> 0u
             | outlier -> outlier.Ordinal)

        if event.Ordinal <> next || event.OutlierOrdinal <> outlierOrdinal then
            fail (Violation.Numbers(id, stage.Servers[server]))

        let isKnown (e: ForwardExtremity) =
            e.EventId = id || not (isNull (view.Find e.EventId))

        // An event that comes after its descendants must not take a state out of the current state: theirs may be one
        // that a peer sent.
        let isHeld (e: ForwardExtremity) =
            event.Extremities
            |> Array.exists (fun kept -> kept.EventId = id || StateTree.AreSame(kept.StateAfter, e.StateAfter))

        let keepsState =
            Array.forall isHeld view.Extremities
            || StateTree.AreSame(event.CurrentStateBefore, event.CurrentStateAfter)

        if not (Array.forall isKnown event.Extremities && keepsState) then
            fail (Violation.Extremities stage.Servers[server])

    let checkDurable server (view: Store) (machine: RoomMachine) =
        if
            machine.Extremities <> view.Extremities
            || machine.Numbers.NextLive <> view.Numbers.NextLive
            || machine.Numbers.NextOutlier <> view.Numbers.NextOutlier
            || machine.NotDurable <> 0
            || not (StateTree.AreSame(machine.CurrentState, current view))
        then
            fail (Violation.NotAsDurable stage.Servers[server])

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

                if not event.Known.IsRejected && event.Verdict.IsAccepted <> allowedNow view event then
                    fail (Violation.SoftFailure(event.Event.EventId, stage.Servers[server]))

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

    /// Reports a refused adoption.
    member _.Refused(server: int, refusal: AdoptionRefusal) : unit =
        if isHonest server then
            fail (Violation.Refused(stage.Servers[server], refusal))

    /// Counts a drop.
    member _.Dropping(server: int, reason: DropReason) : unit =
        if isHonest server then
            dropped <- dropped + 1

            match reason with
            | DropReason.NotSigned _ -> unsigned <- unsigned + 1
            | DropReason.AuthEventUnavailable _ -> withoutAuthEvents <- withoutAuthEvents + 1
            | _ -> ()

    /// The servers that decided an event on trust, where the state before it or its rejection differs from what another
    /// server computed. If no server computed it, the first decision on trust is compared instead.
    member _.Misled: Set<int> =
        let first = Dictionary<string, struct (StateTree * bool)>()

        set [
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
                    server
        ]

    /// Checks that a server's extremities are the accepted events without accepted descendants.
    member _.CheckExtremities(server: int, view: Store) : unit =
        let builtUpon = Dictionary<string, bool>()

        let rec isBuiltUpon (id: string) : bool =
            match builtUpon.TryGetValue id with
            | true, known -> known
            | _ ->
                let answer =
                    view.Following id
                    |> Seq.exists (fun next ->
                        match view.Find next with
                        | null -> false
                        | known -> known.Status = EventStatus.Accepted || isBuiltUpon next)

                builtUpon[id] <- answer
                answer

        // Newest first, so that the recursion stays shallow.
        for i in view.Ids.Count - 1 .. -1 .. 0 do
            isBuiltUpon view.Ids[i] |> ignore

        let ends =
            view.Ids
            |> Seq.filter (fun id ->
                match view.Find id with
                | null -> false
                | known ->
                    known.Status = EventStatus.Accepted
                    && not known.IsOutlier
                    && not (isBuiltUpon id))
            |> Set.ofSeq

        let held = view.Extremities |> Seq.map _.EventId |> Set.ofSeq

        if ends <> held then
            fail (Violation.Extremities stage.Servers[server])

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
        Misled = this.Misled.Count
        Settled = settled
        Apart = apart
        Dropped = dropped
        Unsigned = unsigned
        WithoutAuthEvents = withoutAuthEvents
        Lies = 0
        Withheld = 0
        FalseStates = 0
        Lost = lost
        Crashes = crashes
        FailedFlushes = failedFlushes
        Evictions = evictions
    }
