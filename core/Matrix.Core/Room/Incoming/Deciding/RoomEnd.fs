namespace Matrix.Core.Room.Incoming.Deciding

open Matrix.Core.Auth
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Staging
open Matrix.Core.Room.Incoming.Graph

/// The end of the room: current state, numbers, extremities, and the base of this server's next event. Each decision
/// advances it.
[<Sealed>]
type internal RoomEnd
    (
        rules: AuthRules,
        lookUpCache: LookUpCache,
        known: KnownEvents,
        states: ResolvedStates,
        limits: IncomingLimits,
        frontier: Undoable<Frontier>,
        nextNumber: Undoable<int64>
    ) =

    /// The current state of these extremities, and their resolution, which is null if it failed: then the current state
    /// stays, until an event merges the branches.
    let currentOf (extremities: ForwardExtremity[]) (current: StateTree) : struct (StateTree * (StateTree | null)) =
        if extremities.Length = 1 then
            struct (extremities[0].StateAfter, extremities[0].StateAfter)
        else
            match states.Of(extremities |> Seq.map _.StateAfter, true) with
            | Ok tree -> struct (tree, tree)
            | Error _ -> struct (current, null)

    /// Advances the frontier (extremities, next ordinal, current state) by a decision.
    let move
        (event: KnownEvent)
        (verdict: Verdict)
        (before: StateTree | null)
        (after: StateTree | null)
        (outlierOrdinal: uint32)
        (stateFrom: string | null)
        (s: Staged | null)
        (gapsOpened: string[])
        (extremities: ForwardExtremity[])
        : DecidedEvent =
        let was = frontier.Value
        let current = was.CurrentState

        // Nobody names a local event before it is made.
        let closesGap =
            not event.IsOutlier && not (isNull s) && was.Gaps.MayHave event.EventId

        let gaps =
            if closesGap || gapsOpened.Length > 0 then
                was.Gaps.After(limits.Gaps, event.EventId, gapsOpened)
            else
                was.Gaps

        let numbers = was.Numbers.After event.Ordinal

        let isHistory =
            match s with
            | null -> false
            | s -> s.IsHistory

        let decided =
            DecidedEvent(
                nextNumber.Value,
                verdict,
                event,
                before,
                after,
                outlierOrdinal,
                stateFrom,
                isNull s,
                extremities,
                current,
                gapsOpened,
                closesGap,
                isHistory
            )

        // Added first: the resolution below may read the event.
        known.Add(decided, was, s)

        let struct (next, resolved) =
            if obj.ReferenceEquals(extremities, was.Extremities) then
                struct (current, was.Resolved)
            else
                currentOf extremities current

        decided.CurrentStateAfter <-
            // A local event on a single extremity changes the state exactly if it is a state event: nothing has to be
            // compared.
            if isNull s && extremities.Length = 1 then next
            elif StateTree.AreSame(next, current) then current
            else next

        nextNumber.Value <- nextNumber.Value + 1L

        frontier.Value <-
            if was.RoomId <> "" then
                Frontier(was.RoomId, was.CreateId, extremities, numbers, decided.CurrentStateAfter, resolved, gaps)
            else
                // The room's id is known once there is a create event.
                let roomId = event.Event.Pdu.RoomId
                let createId = Frontier.CreateIdOf(rules.Version.Settings.RoomIds, roomId)
                Frontier(roomId, createId, extremities, numbers, decided.CurrentStateAfter, resolved, gaps)

        if not (obj.ReferenceEquals(decided.CurrentStateAfter, current)) then
            lookUpCache.ForgetServers()

        decided

    /// The base of this server's next event. `resolve` says whether states may be resolved for it.
    let prepare (resolve: bool) : Prepared =
        let now = frontier.Value
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
            match states.Of(chosen.NamedArray |> Seq.map _.StateAfter, false) with
            | Ok tree -> before <- tree
            | Error _ ->
                // The state before an event is never guessed: without a resolution, the event names only the newest
                // extremity.
                previous <- Extremities.Choose(all, 1)
                before <- stateOf previous

        let mutable greatest = 0L

        for e in previous.NamedArray do
            greatest <- max greatest e.Depth

        let depth = Extremities.Depth(greatest, rules.Version.Settings.MaximumDepth)
        Prepared(previous, now.Numbers.NextLive, greatest, depth, before, now.CurrentState, LookUps.None)

    /// The base of this server's next event, computed once for each frontier.
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

    /// What `Resolve` returns if it lacks facts.
    member this.Unresolved(lookUps: LookUps) : Prepared = this.Prepare().Lacking lookUps

    /// Advances the frontier by a decision on a received event.
    member _.Move(event, verdict, before, after, outlierOrdinal, stateFrom, s: Staged, gapsOpened, extremities) =
        move event verdict before after outlierOrdinal stateFrom s gapsOpened extremities

    /// Takes an event that the host built on the prepared base and decided. All that may remain is to resolve its
    /// state with those of the other extremities.
    member _.Adopt(prepared: Prepared, state: StateTree, event: AuthEvent, height: int) : DecidedEvent =
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
            KnownEvent(event, EventStatus.Accepted, height, ordinal, false, provenance)

        move event Verdict.Accepted state after 0u null null [||] extremities
