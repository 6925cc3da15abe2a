namespace Matrix.Core.Room.Incoming

open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.StateRes

/// Makes the fourth, fifth and sixth check on receipt, for an event whose prerequisites are all known.
/// Server-Server API, "Checks performed on receipt of a PDU".
[<Sealed>]
type internal Deciding
    (
        rules: AuthRules,
        known: KnownEvents,
        states: ResolvedStates,
        limits: IncomingLimits,
        practices: Practices,
        roomEnd: RoomEnd
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
            let struct (now, _) = roomEnd.Settled
            now.CreateId

    let take (s: Staged) (cited: KnownEvent[]) verdict (before: StateTree | null) provenance stateFrom : DecidedEvent =
        let struct (was, current) = roomEnd.Settled
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
            | before, NonNull key when status <> EventStatus.Rejected ->
                before.Set(StateEntry.Of(s.Pdu.Type, key, s.Id, ordinal))
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

        roomEnd.Move(event, verdict, before, not (isNull earlier), stateFrom, s, was, current, extremities)

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
            let struct (now, current) = roomEnd.Settled

            let currentState =
                // With no extremity yet, or on top of all that is known, the two states are the same.
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
