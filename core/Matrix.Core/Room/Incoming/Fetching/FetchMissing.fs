namespace Matrix.Core.Room.Incoming.Fetching

open System
open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Staging
open Matrix.Core.Room.Incoming.Graph

/// Determines what each staged event still needs. In this order: signatures, content, previous events or the state
/// before the event, auth events. Previous events come first because they usually bring the auth events along, with
/// their history.
[<Sealed>]
type internal FetchMissing
    (
        server: string,
        frontier: Undoable<Frontier>,
        known: KnownEvents,
        staging: Staging,
        missingEvents: MissingEvents,
        limits: IncomingLimits,
        behaviour: Behaviour
    ) =

    let states = FetchState(known, staging, missingEvents, limits)

    let authEventsOf (s: Staged) : string[] =
        let cited =
            if s.Budget.Foreign.Count = 0 then
                s.Pdu.AuthEvents
            else
                s.Pdu.AuthEvents |> Array.filter (s.HasForeignAuthEvent >> not)

        if frontier.Value.CreateId <> "" && s.Pdu.Type <> EventTypes.Create then
            Array.append cited [| frontier.Value.CreateId |]
        else
            cited

    /// Auth events: the last thing that an event needs.
    let authEvents (s: Staged) : unit =
        let struct (missing, waits) = missingEvents.LookFor(s, false, authEventsOf s)

        if missing.Count > 0 then
            if
                s.AuthPeer > s.Peers.Length
                || s.Peers.Length = 0
                || missing.Exists(fun id -> s.Budget.IsHopeless(id, false) || staging.RequestLimits.IsGivenUp id)
            then
                // Every peer was asked.
                if
                    s.AuthPeer > s.Peers.Length
                    && s.Unreached.Count = 0
                    && not s.IsStranger
                    && missingEvents.MaySearch s
                then
                    staging.RequestLimits.GiveUp missing

                staging.End(s, DropReason.AuthEventUnavailable missing[0])
            elif s.Budget.Chain >= limits.AuthChain then
                staging.Drop(s, DropReason.TooMuchMissing limits.AuthChain)
            elif s.AuthPeer = 0 then
                missingEvents.Request(s, s.Peers[0], Purpose.AuthEvents, Request.AuthChain s.Id)
            else
                missingEvents.Request(s, s.Peers[s.AuthPeer - 1], Purpose.AuthEvents, Request.Events(missing.ToArray()))
        elif not waits then
            staging.Waiting.Ready s

    let walk (s: Staged) (missing: List<string>) (earliest: Lazy<string[]>) =
        let left = limits.Walk - s.Budget.Walked
        let believes = behaviour.BelievesStates && s.StatePeer < s.Peers.Length

        let wereAllRequested = s.PreviousPeer >= s.Peers.Length

        // What a stranger does not have, the room's servers may have.
        if
            wereAllRequested
            && s.Unreached.Count = 0
            && not s.IsStranger
            && missingEvents.MaySearch s
        then
            staging.RequestLimits.GiveUp missing

        let isHopeless =
            missing.Exists(fun id -> s.Budget.IsHopeless(id, true) || staging.RequestLimits.IsGivenUp id)
        // Pages of history are not extended: the host asks for the next page.
        let believes = believes || s.IsHistory

        // A peer that was not reached may have the events: the state before the event would leave a gap.
        let isPatient =
            wereAllRequested
            && s.Unreached.Count > 0
            && s.Rounds < limits.Patience
            && left > 0
            && not isHopeless
            && not believes

        if isPatient then
            staging.Postpone s |> ignore
        elif left <= 0 || wereAllRequested || isHopeless || believes then
            states.Request s
        elif not s.PreviousReached then
            missingEvents.Request(
                s,
                s.Peers[s.PreviousPeer],
                Purpose.Previous,
                Request.Missing(s.Id, earliest.Value, min limits.Page left)
            )
        else
            missingEvents.Request(s, s.Peers[s.PreviousPeer], Purpose.Previous, Request.Events(missing.ToArray()))

    /// Previous events, or the state before the event.
    let previousEvents (s: Staged) (earliest: Lazy<string[]>) : unit =
        let struct (missing, waits) = missingEvents.LookFor(s, true, s.Pdu.PrevEvents)

        if missing.Count > 0 && isNull s.Trusted then
            match s.Fetched with
            | null -> walk s missing earliest
            | fetched -> states.Read(s, fetched)
        elif not waits then
            authEvents s

    let signatures (s: Staged) : bool =
        match Signing.state s.Event s.KeysRequested.Contains with
        | SignatureState.Holds -> true
        | SignatureState.Broken by ->
            let isInvalid =
                s.Event.Signatures
                |> Array.exists (fun each -> each.Signature.Entity = by && each.Fate = SignatureFate.Invalid)

            if staging.TakeCopy s then
                staging.Waiting.Again s
            elif s.WithoutKeys.Contains by && not isInvalid then
                staging.End(s, DropReason.NotSigned by)
            else
                staging.Drop(s, DropReason.NotSigned by)

            false
        | SignatureState.NeedsKeys of' ->
            s.KeysRequested.Add of' |> ignore
            let all = s.Event.Signatures |> Array.map _.Signature
            staging.Request(s, of', Purpose.Keys, Request.Keys(of', all))
            false

    /// A copy with a wrong content hash may have been damaged on its way: the sender's server is asked once. If it has
    /// no better one, or is not reached for a while, the event is decided in its redacted form.
    let whole (s: Staged) : bool =
        let sender = UserId.server s.Pdu.Sender

        if
            s.Event.HashHolds
            || s.RequestedWhole
            || sender = s.Peer
            || sender = server
            || sender = ""
            || s.Budget.Requests >= limits.Requests
            || not (missingEvents.MaySearch s)
        then
            true
        elif staging.WaitsForTurn s then
            false
        else
            if
                not (s.Unreached.Contains sender)
                && not (staging.RequestLimits.MayRequest(sender, 1))
            then
                missingEvents.NotRequested(s, sender)

            if not (s.Unreached.Contains sender) then
                s.RequestedWhole <- true
                staging.Request(s, sender, Purpose.Whole, Request.Events [| s.Id |])
                false
            else
                s.Rounds >= limits.Patience || not (staging.Postpone s)

    let beginAgain (s: Staged) : unit =
        // The peers that were reached had not all that it lacks either.
        if s.IsReceived then
            s.Budget.BeginAgain()

        s.BeginAgain(missingEvents.PeersOf(s.AskedFirst, s.Event, s.Budget, s.Rounds + 1))
        staging.Waiting.Again s

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

    /// The auth events that an event waits for, without those of other rooms.
    member _.AuthEventsOf(s: Staged) : string[] = authEventsOf s

    /// The fetched state before an event is doubted: the next peer is asked.
    member _.DoubtState(s: Staged) : unit = states.NextPeer s

    /// Begins postponed searches again that are due.
    member _.Retry() : unit =
        for s in staging.Postponed.TakeDue(staging.RequestLimits.Now) do
            if s.SearchFrom > 0L then
                staging.Waiting.Again s
            else
                beginAgain s

    /// Begins postponed searches again that wait for this peer.
    member _.Reached(peer: string) : unit =
        for s in staging.Postponed.TakeWaitingFor peer do
            beginAgain s

    /// Examines an event: it becomes ready, requests what it lacks, waits, or is dropped. `earliest` are the room's
    /// extremities.
    member _.Examine(s: Staged, earliest: Lazy<string[]>) : unit =
        if staging.Events.Holds s then
            match staging.Requests.PurposeOf s with
            | ValueSome purpose when not (stillLacks s purpose) ->
                staging.Requests.Withdraw s

                if isNull s.Trusted then
                    staging.ReleaseState s
            | _ -> ()

        if
            staging.Events.Holds s
            && s.RequestNumber < 0
            && not s.IsReady
            && signatures s
            && whole s
        then
            if s.IsOutlier then
                authEvents s
            else
                previousEvents s earliest

    /// These events wait for each other, or for a slot for a fetched state. If one is queued for a slot, events that
    /// wait for a postponed event give theirs up first, then events whose fetched state is complete. Otherwise the
    /// fetched states are useless, and the next peer is asked. If there are no fetched states, the events depend on
    /// themselves and are dropped.
    member _.Unblock(stuck: Staged[]) : unit =
        let isQueued = stuck |> Array.exists _.IsQueued
        let ids = stuck |> Seq.map _.Id |> HashSet

        let held, others = staging.Held.All |> Array.partition (fun s -> ids.Contains s.Id)

        // If only strangers' events are queued because of their own part, those of others give nothing up for them.
        let isInTheWay (s: Staged) =
            staging.Held.IsFull false || s.IsStranger

        let others = others |> Array.filter isInTheWay

        let complete =
            held |> Array.filter (fun s -> not (isNull s.Trusted) && isInTheWay s)

        if isQueued && others.Length > 0 then
            others |> Array.iter states.Wait
        elif isQueued && complete.Length > 0 then
            complete |> Array.iter states.Yield
        elif held.Length > 0 then
            held |> Array.iter states.NextPeer
        else
            for s in stuck do
                staging.Drop(s, DropReason.Circular)
