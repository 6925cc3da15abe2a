namespace Matrix.Core.Room.Incoming.Deciding

open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.StateRes
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Staging
open Matrix.Core.Room.Incoming.Graph

/// Why an event whose prerequisites are all known is not decided.
[<RequireQualifiedAccess>]
type internal Undecided =
    /// The states before it, or the current ones, cannot be resolved.
    | Unresolvable of ResolutionError
    /// The state that a peer sent rejects it, and the current state would not.
    | StateDoubted

/// Makes the fourth, fifth and sixth check on receipt, for an event whose prerequisites are all known.
/// v1.19 server-server-api#checks-performed-on-receipt-of-a-pdu
[<Sealed>]
type internal Deciding
    (
        rules: AuthRules,
        frontier: Undoable<Frontier>,
        lookUpCache: LookUpCache,
        known: KnownEvents,
        staging: Staging,
        states: ResolvedStates,
        limits: IncomingLimits,
        behaviour: Behaviour,
        roomEnd: RoomEnd
    ) =

    /// The previous events that the server has the state after: how they are known, and that state.
    let previousOf (s: Staged) : List<struct (Provenance * StateTree)> =
        let found = List<struct (Provenance * StateTree)>()
        let inside = List<KnownEvent>()
        let isInside id = isNull (known.Extremity id)
        let mutable lacksStates = false
        known.Require(s.Pdu.PrevEvents |> Seq.filter isInside)

        for id in s.Pdu.PrevEvents do
            if isInside id then
                match known.Find id with
                | null -> ()
                | event ->
                    if not event.IsOutlier then
                        inside.Add event

                        if known.LacksState id then
                            lookUpCache.LackState id
                            lacksStates <- true

        if lacksStates then
            lookUpCache.Fail()

        for id in s.Pdu.PrevEvents do
            match known.Extremity id with
            | null ->
                for event in inside do
                    if event.EventId = id then
                        match known.StateAfter id with
                        | null -> ()
                        | tree -> found.Add(struct (event.Provenance, tree))
            | e -> found.Add(struct (e.Provenance, e.StateAfter))

        found

    let citedBy (s: Staged) : KnownEvent[] =
        known.Require s.Pdu.AuthEvents

        s.Pdu.AuthEvents
        |> Array.choose (fun id ->
            match known.Find id with
            | null -> None
            | event -> Some event)

    /// The public keys by which a third-party invite is validly signed, of the invitations in all states that the event
    /// is checked against. Each check uses those that its own state has.
    let thirdPartyKeys (s: Staged) (states: IAuthState list) : string[] =
        match ThirdPartyKeys.signedOf s.Pdu with
        | null -> [||]
        | signed ->
            match signed.Text "token" with
            | null -> [||]
            | token ->
                let keys =
                    states
                    |> List.choose (fun state -> Option.ofObj (state.Find(EventTypes.ThirdPartyInvite, token)))
                    |> List.map (fun invitation -> ThirdPartyKeys.all invitation.Pdu)
                    |> Array.concat
                    |> Array.distinct

                if keys.Length = 0 then
                    [||]
                else
                    lookUpCache.Verified(s.Pdu, signed, keys)

    let factsOf (s: Staged) (cited: KnownEvent[]) (states: IAuthState list) : AuthFacts = {
        AuthEvents = [|
            for event in cited do
                {
                    Event = event.Event.Pdu
                    Rejected = event.IsRejected
                }
            for id in s.Pdu.AuthEvents do
                if s.HasForeignAuthEvent id then
                    match s.Budget.Foreign.TryFind id with
                    | ValueSome foreign -> { Event = foreign; Rejected = false }
                    | ValueNone -> ()
        |]
        Signers = Signing.signers s.Event
        ThirdPartyKeys = thirdPartyKeys s states
        HasRoomId = s.Event.HasRoomId
    }

    let createOf (s: Staged) =
        if s.Pdu.Type = EventTypes.Create then
            ""
        else
            frontier.Value.CreateId

    /// Whether an event is decided, and not as an outlier.
    let hasPlace (eventId: string) : bool =
        not (isNull (known.Extremity eventId))
        || (match known.Find eventId with
            | null -> false
            | event -> not event.IsOutlier)

    /// The gaps that an event opens.
    let gapsOpenedBy (s: Staged) : string[] =
        s.Pdu.PrevEvents
        |> Array.filter (fun id -> not (hasPlace id) && not (frontier.Value.Gaps.Has id))
        |> Array.distinct

    /// Whether an event that comes live is known as an outlier and is a part of the current state. Then it is the
    /// ancestor of an extremity, and the events between are missing. As an extremity, it would bring back the rest of
    /// the state after it, which later events have changed.
    let isInCurrentState (s: Staged) (earlier: KnownEvent | null) : bool =
        match earlier, s.Pdu.StateKey with
        | NonNull outlier, NonNull key when outlier.Status = EventStatus.Accepted ->
            match frontier.Value.CurrentState.Find(s.Pdu.Type, key) with
            | null -> false
            | entry -> entry.EventId = s.Id
        | _ -> false

    /// Whether the current state is that of these extremities.
    let isCurrentStateOf (was: Frontier) (extremities: ForwardExtremity[]) : bool =
        let hasStateOf (e: ForwardExtremity) =
            extremities
            |> Array.exists (fun other -> StateTree.AreSame(other.StateAfter, e.StateAfter))

        let resolve (extremities: ForwardExtremity[]) =
            states.Of(extremities |> Seq.map _.StateAfter, false)

        // A machine that was made again from the room's header may not have the resolution of all.
        let whole =
            match was.Resolved with
            | null -> resolve was.Extremities
            | resolved -> Ok resolved

        Array.forall hasStateOf was.Extremities
        || (match whole, resolve extremities with
            | Ok whole, Ok part -> StateTree.AreSame(part, whole)
            | _ -> false)

    /// Whether a state is the same with the states after these extremities.
    let hasStatesOf (state: StateTree | null) (extremities: ForwardExtremity[]) : bool =
        match state with
        | null -> false
        | state ->
            match states.Of(Seq.append [ state ] (extremities |> Seq.map _.StateAfter), true) with
            | Ok both -> StateTree.AreSame(both, state)
            | Error _ -> false

    /// Whether an accepted event descends from this one, which is decided now, through refused ones. For an event of
    /// history also through staged ones, which may be history that is decided next. If none does, nothing here says
    /// that the event is older than the current state, and it is decided as any other event.
    let hasDescendants (s: Staged) : bool =
        let isBuiltUpon id =
            ForwardExtremities.isBuiltUpon limits.LookedThrough known frontier.Value.Gaps id

        let met = HashSet<string>([ s.Id ])
        let pending = Queue<string>(met)
        let mutable found = false

        while not found && pending.Count > 0 do
            let id = pending.Dequeue()
            found <- isBuiltUpon id

            if s.IsHistory && not found then
                for follower in staging.Events.Following id do
                    if met.Count < limits.LookedThrough && met.Add follower.Id then
                        pending.Enqueue follower.Id

        found

    let take
        (s: Staged)
        (cited: KnownEvent[])
        verdict
        (before: StateTree | null)
        provenance
        stateFrom
        hasDescendants
        : DecidedEvent =
        let was = frontier.Value
        let earlier = known.Find s.Id

        let gapsOpened = if isNull before then [||] else gapsOpenedBy s

        let ordinal =
            if isNull before then
                was.Numbers.NextOutlier
            elif s.IsHistory then
                s.HistoryOrdinal
            elif gapsOpened.Length > 0 then
                was.Numbers.NextLiveAfterGap limits.GapNumbers
            else
                was.Numbers.NextLive

        let outlierOrdinal =
            match earlier with
            | null -> 0u
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

        // If a height is not known, state resolution computes it when it needs it.
        let height =
            if cited |> Array.exists (fun event -> event.Height < 0) then
                -1
            else
                cited |> Array.fold (fun most event -> max most (event.Height + 1)) 0

        let event =
            KnownEvent(rules.Read s.Pdu, status, height, ordinal, isNull before, provenance)

        let made =
            match after with
            | NonNull tree when status = EventStatus.Accepted ->
                ValueSome(ForwardExtremity(ordinal, s.Id, s.Pdu.Depth, tree, provenance))
            | _ -> ValueNone

        let isOld = s.IsHistory || isInCurrentState s earlier

        let extremities =
            ForwardExtremities.after
                limits.LookedThrough
                known
                was.Extremities
                event
                made
                (not (isNull stateFrom))
                hasDescendants
                isOld
                (hasStatesOf before)
                (isCurrentStateOf was)

        roomEnd.Move(event, verdict, before, after, outlierOrdinal, stateFrom, s, gapsOpened, extremities)

    /// The state before an event that a peer sent; null if none is needed: the previous events that were missing may
    /// have come since.
    let fetchedStateOf (s: Staged) : StateTree | null =
        match s.Trusted with
        | null -> null
        | tree ->
            known.Require(s.Pdu.PrevEvents |> Seq.filter (fun id -> isNull (known.Extremity id)))

            if Array.forall hasPlace s.Pdu.PrevEvents && not behaviour.BelievesStates then
                null
            else
                tree

    let verdictOf (decision: Decision) : Verdict =
        match decision with
        | Decision.Allowed _ -> Verdict.Accepted
        | Decision.Rejected failure -> Verdict.Rejected failure

    let provenanceOf (isFetched: bool) (cited: KnownEvent[]) (previous: List<struct (Provenance * StateTree)>) =
        let computed (event: KnownEvent) = event.Provenance.IsComputed

        if
            (not isFetched || behaviour.BelievesStates)
            && Array.forall computed cited
            && previous.TrueForAll(fun (struct (provenance, _)) -> provenance.IsComputed)
        then
            Provenance.Computed
        else
            Provenance.OnTrust

    /// Decides an event by its auth events alone.
    member _.Outlier(s: Staged) : DecidedEvent =
        let cited = citedBy s
        let state = known.AuthEventsState(s.Pdu, createOf s)
        let verdict = rules.Decide(s.Pdu, state, factsOf s cited [ state ]) |> verdictOf
        take s cited verdict null Provenance.OnTrust null false

    /// Decides an event by its auth events, the state before it and the current state.
    member _.Full(s: Staged) : Result<DecidedEvent, Undecided> =
        let cited = citedBy s
        let fetched = fetchedStateOf s

        // The state that a peer sent has those of all previous events. Resolved with some of them again it could become
        // another one than on the servers that have them all.
        let previous =
            if isNull fetched || behaviour.JoinsStates || behaviour.BelievesStates then
                previousOf s
            else
                List()

        let given = [
            if isNull fetched || behaviour.JoinsStates then
                for struct (_, tree) in previous do
                    tree
            match fetched with
            | null -> ()
            | tree -> tree
        ]

        match states.Of(given, true) with
        | Error error -> Error(Undecided.Unresolvable error)
        | Ok before ->
            let authState = known.AuthEventsState(s.Pdu, createOf s)
            let now = frontier.Value
            let current = now.CurrentState
            let pdu = s.Pdu
            let keys = rules.SelectionOf(pdu.Type, pdu.Sender, pdu.StateKey, pdu.Content)
            known.RequireOf(before, keys)
            known.RequireOf(current, keys)
            let beforeState = known.AuthState before
            let hasDescendants = hasDescendants s

            let currentState =
                // With no extremity yet, or on top of all that is known, the two states are the same.
                // What accepted events descend from is older than the current state.
                if
                    now.Extremities.Length = 0
                    || StateTree.AreSame(current, before)
                    || (s.IsHistory && hasDescendants)
                then
                    beforeState
                else
                    known.AuthState current

            let verdictIn state =
                let facts = factsOf s cited [ authState; state; currentState ]
                Verdicts.decide rules s.Pdu facts authState state currentState

            match verdictIn beforeState with
            // A rejection is final, and the peer may have left something out.
            | Verdict.Rejected _ when not (isNull fetched) && not (verdictIn currentState).IsRejected ->
                Error Undecided.StateDoubted
            | verdict ->
                let verdict =
                    match verdict with
                    | Verdict.SoftFailed failure -> behaviour.NotInCurrentState failure
                    | verdict -> verdict

                let provenance = provenanceOf (not (isNull fetched)) cited previous
                let stateFrom = if isNull fetched then null else s.StateFrom
                Ok(take s cited verdict before provenance stateFrom hasDescendants)
