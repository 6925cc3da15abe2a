namespace Matrix.Core.Room.Incoming.Fetching

open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.State
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Staging
open Matrix.Core.Room.Incoming.Graph

/// Fetches the state before an event whose previous events no peer has: from one peer after the other, until all events
/// of the state are known.
[<Sealed>]
type internal FetchState(known: KnownEvents, staging: Staging, missingEvents: MissingEvents, limits: IncomingLimits) =

    /// The staged and the unknown ones of these events. Unknown ones that were not requested yet are added to
    /// `unrequested`; beyond `most` the search ends.
    let undecided
        (s: Staged)
        (fetched: FetchedState)
        (unrequested: List<string>)
        (most: int)
        (ids: seq<string>)
        : List<string> =
        let found = List<string>()

        known.Require(
            ids
            |> Seq.filter (fun id -> isNull (staging.Find id))
            |> Seq.truncate limits.AuthChain
        )

        for id in ids |> Seq.takeWhile (fun _ -> unrequested.Count <= most) do
            match staging.Find id with
            | null -> ()
            | other -> missingEvents.TakeOver(other, s.Budget)

            if not (isNull (staging.Find id)) then
                found.Add id
            elif isNull (known.Find id) then
                found.Add id

                if fetched.Fetched.Add id then
                    unrequested.Add id

        found

    /// The state of these decided events; null if they are no state: a key occurs twice, or the create event is
    /// missing.
    let stateOf (fetched: string[]) : StateTree | null =
        known.Require fetched
        let entries = List<StateEntry>()
        let keys = HashSet<struct (string * string)>()
        let mutable isState = true

        for id in fetched do
            match known.Find id with
            | null -> isState <- false
            | known when known.IsRejected -> ()
            | known ->
                let pdu = known.Event.Pdu

                match pdu.StateKey with
                | null -> isState <- false
                | key ->
                    isState <- isState && keys.Add(struct (pdu.Type, key))
                    entries.Add(StateEntry.Of(pdu.Type, key, id, known.Ordinal))

        if isState && keys.Contains(struct (EventTypes.Create, "")) then
            StateTree.OfEntries(entries, false)
        else
            null

    let soughtOf (s: Staged) (peer: string) =
        match s.Budget.OfStates.TryFind peer with
        | ValueSome count -> count
        | ValueNone -> 0

    /// The fetched state is useless: the next peer is asked.
    member _.NextPeer(s: Staged) : unit =
        staging.ReleaseState s
        s.StateFrom <- null
        s.StatePeer <- s.StatePeer + 1
        staging.Waiting.Again s

    /// The event has a fetched state but waits for something else: it gives the state up to the queued events, and
    /// requests it again after them.
    member _.Yield(s: Staged) : unit =
        match s.StateFrom with
        | null -> ()
        | peer -> missingEvents.ForgetState(s, peer)

        staging.ReleaseState s
        s.StateFrom <- null
        staging.Waiting.Again s

    /// The event has a fetched state but waits for one that is postponed: it gives the state up to the queued events,
    /// and requests it again when an event that it waits for is decided.
    member _.Wait(s: Staged) : unit =
        match s.StateFrom with
        | null -> ()
        | peer -> missingEvents.ForgetState(s, peer)

        let awaited = s.Awaits.ToArray()
        staging.ReleaseState s
        s.StateFrom <- null

        for id in awaited do
            staging.Waiting.Await(s, id)

    /// Requests the missing events of a fetched state. Once all its events are known, the event has the state before
    /// it.
    member this.Read(s: Staged, fetched: FetchedState) : unit =
        let sought = soughtOf s fetched.Peer
        let most = limits.AuthChain - max sought s.Budget.Chain
        let unrequested = List<string>()
        let unknown = undecided s fetched unrequested most fetched.Unknown
        // The auth chain comes in the same response, rather than event by event.
        undecided s fetched unrequested most fetched.Chain |> ignore
        fetched.Unknown <- unknown
        fetched.Chain <- [||]
        let missing = unknown.FindAll(fun id -> isNull (staging.Find id))
        let request = Request.Events(unrequested.ToArray())

        let mayRequest peer =
            staging.RequestLimits.MayRequest(peer, staging.RequestLimits.CountOf(request, true))

        // An event is never in the state before it.
        if
            unknown.Contains s.Id
            || missing.Exists(fun id -> s.Budget.IsHopeless(id, false))
        then
            this.NextPeer s
        elif unrequested.Count > most then
            s.TooMuch <- true
            this.NextPeer s
        elif unrequested.Count > 0 && not (mayRequest fetched.Peer) then
            missingEvents.NotRequested(s, fetched.Peer)
            missingEvents.ForgetState(s, fetched.Peer)
            this.NextPeer s
        elif unrequested.Count > 0 then
            s.Budget.OfStates.Set(fetched.Peer, sought + unrequested.Count)
            missingEvents.Request(s, fetched.Peer, Purpose.StateEvents, request)
        elif missing.Count > 0 then
            this.NextPeer s
        elif unknown.Count > 0 then
            for id in unknown do
                staging.Waiting.Await(s, id)
                fetched.Awaited.Add id |> ignore
        else
            match stateOf fetched.Ids with
            | null -> this.NextPeer s
            | state ->
                // The event still counts as holding a state: the tree is as large as the list was.
                s.Trusted <- state
                staging.ForgetFetched s
                staging.Waiting.Again s

    /// Requests the state from the next peer, once few enough other events hold states; drops the event if all peers
    /// were asked.
    member _.Request(s: Staged) : unit =
        if s.StatePeer < s.Peers.Length then
            if not (staging.WaitsForTurn s) && staging.Held.TryHold s then
                missingEvents.Request(s, s.Peers[s.StatePeer], Purpose.State, Request.StateBefore s.Id)
        else
            staging.End(
                s,
                if s.TooMuch then
                    DropReason.TooMuchMissing limits.AuthChain
                else
                    DropReason.StateUnavailable
            )
