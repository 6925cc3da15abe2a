namespace Matrix.Core.Room.Incoming

open System
open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.StateRes

/// Where a room stands.
[<Sealed>]
type internal Head(extremities: ForwardExtremity[], nextOrdinal: uint32) =

    /// The forward extremities.
    member val Extremities = extremities with get, set

    /// The number of the next event.
    member val NextOrdinal = nextOrdinal with get, set

/// Checks 4, 5 and 6 of those on receipt, for an event of which everything is known.
/// Server-Server API, "Checks performed on receipt of a PDU".
[<Sealed>]
type internal Deciding
    (rules: AuthRules, createId: string, ledger: Ledger, merges: Merges, limits: IncomingLimits, practices: Practices, head: Head)
    =

    let statesAfter (ids: seq<string>) : List<KnownEvent> =
        let known = List<KnownEvent>()

        for id in ids do
            match ledger.Find id with
            | null -> ()
            | event ->
                if not event.IsOutlier then
                    known.Add event

        known

    let treesOf (events: seq<KnownEvent>) : seq<StateTree> =
        events
        |> Seq.choose (fun e ->
            match e.StateAfter with
            | null -> None
            | tree -> Some tree)

    let cited (s: Staged) : KnownEvent[] =
        s.Pdu.AuthEvents
        |> Array.choose (fun id ->
            match ledger.Find id with
            | null -> None
            | known -> Some known)

    let factsOf (s: Staged) (cited: KnownEvent[]) : AuthFacts = {
        AuthEvents = [|
            for known in cited do
                {
                    Event = known.Event.Pdu
                    Rejected = known.IsRejected
                }
            for id in s.Pdu.AuthEvents do
                if s.CitesForeign id then
                    {
                        Event = s.Effort.Foreign[id]
                        Rejected = false
                    }
        |]
        Signers = Signing.signers s.Event
        ThirdPartyKeys = s.Event.ThirdPartyKeys
        HasRoomId = s.Event.HasRoomId
    }

    let createOf (s: Staged) =
        if s.Pdu.Type = "m.room.create" then "" else createId

    /// The state that is current: of all extremities, or the latest where there are more than may be.
    let current () : StateTree =
        let latest =
            if head.Extremities.Length > limits.Extremities then
                (Extremities.Choose(head.Extremities, limits.Extremities)).Ids
            else
                head.Extremities |> Array.map _.EventId

        let events = statesAfter latest

        match merges.Of(treesOf events) with
        | Ok tree -> tree
        // What cannot be resolved cannot be current: the newest branch stands until an event merges them.
        | Error _ ->
            events
            |> Seq.sortBy _.Ordinal
            |> treesOf
            |> Seq.tryLast
            |> Option.defaultValue StateTree.Empty

    let take (s: Staged) (cited: KnownEvent[]) verdict (before: StateTree | null) provenance toldBy : Decided =
        let was = ledger.Find s.Id

        let ordinal =
            match was with
            | null ->
                head.NextOrdinal <- head.NextOrdinal + 1u
                head.NextOrdinal - 1u
            | outlier -> outlier.Ordinal

        let standing =
            match verdict with
            | Verdict.Accepted -> Standing.Accepted
            | Verdict.SoftFailed _ -> Standing.SoftFailed
            | Verdict.Rejected _ -> Standing.Rejected

        let after: StateTree | null =
            match before, s.Pdu.StateKey with
            | null, _ -> null
            | before, NonNull key when standing <> Standing.Rejected -> before.Set(StateEntry.Of(s.Pdu.Type, key, s.Id, ordinal))
            | before, _ -> before

        let height = cited |> Array.fold (fun most known -> max most (known.Height + 1)) 0

        let known =
            KnownEvent(rules.Read s.Pdu, standing, height, ordinal, after, provenance)

        ledger.Add known
        head.Extremities <- Forward.after limits.LookedThrough ledger head.Extremities known

        {
            Event = s.Pdu
            Verdict = verdict
            Known = known
            StateBefore = before
            WasOutlier = not (isNull was)
            ToldBy = toldBy
            Extremities = head.Extremities
        }

    let verdictOf (decision: Decision) : Verdict =
        match decision with
        | Decision.Allowed _ -> Verdict.Accepted
        | Decision.Rejected failure -> Verdict.Rejected failure

    let provenanceOf (s: Staged) (cited: KnownEvent[]) (previous: List<KnownEvent>) =
        let computed (known: KnownEvent) = known.Provenance.IsComputed

        if
            (isNull s.Trusted || practices.BelievesStates)
            && Array.forall computed cited
            && previous.TrueForAll computed
        then
            Provenance.Computed
        else
            Provenance.OnTrust

    /// The state of the room now.
    member _.Current: StateTree = current ()

    /// Decides an event by its auth events alone.
    member _.Outlier(s: Staged) : Decided =
        let cited = cited s
        let state = ledger.CitedState(s.Pdu, createOf s)
        let verdict = rules.Decide(s.Pdu, state, factsOf s cited) |> verdictOf
        take s cited verdict null Provenance.OnTrust null

    /// Decides an event by its auth events, the state before it and the current state.
    member _.Full(s: Staged) : Result<Decided, ResolutionError> =
        let cited = cited s
        let previous = statesAfter s.Pdu.PrevEvents

        let states =
            match s.Trusted with
            | null -> treesOf previous
            | told when practices.BelievesStates -> Seq.singleton told
            | told -> Seq.append (treesOf previous) [ told ]

        match merges.Of states with
        | Error error -> Error error
        | Ok before ->
            let authState = ledger.CitedState(s.Pdu, createOf s)
            let beforeState = ledger.AuthState before
            let now = current ()

            let nowState =
                // Alone with the create event, or on top of all that is known: they are the same.
                if head.Extremities.Length = 0 || StateTree.AreSame(now, before) then
                    beforeState
                else
                    ledger.AuthState now

            let verdict =
                match Verdicts.decide rules s.Pdu (factsOf s cited) authState beforeState nowState with
                | Verdict.SoftFailed failure -> practices.NotInCurrentState failure
                | verdict -> verdict

            let provenance = provenanceOf s cited previous
            let toldBy = if isNull s.Trusted then null else s.ToldBy
            Ok(take s cited verdict before provenance toldBy)
