namespace Matrix.Core.Room.Incoming.Fetching

open System
open System.Collections.Generic
open System.Threading
open Matrix.Core.Ident
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Staging
open Matrix.Core.Room.Incoming.Graph

/// Finds missing events and states, and requests them from peers.
[<Sealed>]
type internal MissingEvents(server: string, known: KnownEvents, staging: Staging, limits: IncomingLimits) =

    /// Where the search among the room's servers begins. Its first ones, which have the most members, take turns by
    /// event, so that not one of them gets all requests.
    let turnOf (eventId: string) : int =
        let hash = eventId |> Seq.fold (fun hash c -> (hash * 31 + int c) &&& 0xFFFFFF) 0
        hash % (2 * limits.Peers)

    let peersOf (peer: string) (event: ReceivedEvent) (isStranger: bool) (round: int) : Lazy<string[]> =
        let servers () =
            let ofRoom = Seq.toArray known.Servers

            let others =
                if ofRoom.Length = 0 then
                    ofRoom
                else
                    let turn = turnOf event.Pdu.EventId + round * max 1 (limits.Peers - 2)
                    let skipped = turn % ofRoom.Length
                    Array.append ofRoom[skipped..] ofRoom[.. skipped - 1]

            Seq.append [ peer; UserId.server event.Pdu.Sender ] others
            |> Seq.filter (fun other -> other <> "" && other <> server)
            |> Seq.distinct
            |> Seq.truncate limits.Peers
            |> Seq.toArray

        // A step that lacks the servers is repeated.
        Lazy<string[]>((fun () -> if isStranger then [| peer |] else servers ()), LazyThreadSafetyMode.PublicationOnly)

    /// The servers to ask about an event: the one that sent it, its sender's, and then those of the room, by turns. If
    /// the search begins again, others of them come first. About a stranger's event, only the stranger is asked.
    member _.PeersOf(peer: string, event: ReceivedEvent, budget: FetchBudget, round: int) : Lazy<string[]> =
        peersOf peer event budget.IsStranger round

    /// An event that is none of a stranger's needs this one, or is this one: if it is a stranger's, its search goes on
    /// with the room's servers, and it no longer counts as a stranger's.
    member _.TakeOver(s: Staged, by: FetchBudget) : unit =
        if s.IsStranger && not by.IsStranger then
            staging.TakeOver(s, by, peersOf by.Peer s.Event false 0)

    /// Whether an event is neither known nor staged. With `withState`, an outlier counts as missing.
    member _.IsMissing(eventId: string, withState: bool) : bool =
        isNull (staging.Find eventId)
        && isNull (known.Extremity eventId)
        && (match known.Find eventId with
            | null -> true
            | known -> withState && known.IsOutlier)

    /// Ends the step unless it is known which of these events are missing: they are looked up together.
    member _.Require(ids: seq<string>) : unit =
        known.Require(
            ids
            |> Seq.filter (fun id -> isNull (staging.Find id) && isNull (known.Extremity id))
        )

    /// Those of a peer's events that lie between a staged event and the known ones: its previous events, theirs, and so
    /// on, up to events that are here. A peer that does not know this room's extremities also sends events from before
    /// the known ones. These are history: decided as new events, they would become extremities.
    member this.Between(s: Staged, events: ReceivedEvent[]) : ReceivedEvent[] =
        let prevOf = Seq.append [ s.Pdu ] (events |> Seq.map _.Pdu) |> Seq.map _.PrevEvents

        this.Require(prevOf |> Seq.concat |> Seq.distinct)
        let sent = Dictionary<string, ReceivedEvent>()

        for event in events do
            sent.TryAdd(event.Pdu.EventId, event) |> ignore

        let between = HashSet<string>()
        let pending = Stack<string>(s.Pdu.PrevEvents)

        while pending.Count > 0 do
            let id = pending.Pop()

            match sent.TryGetValue id with
            | true, event when this.IsMissing(id, true) && between.Add id ->
                for previous in event.Pdu.PrevEvents do
                    pending.Push previous
            | _ -> ()

        events |> Array.filter (fun event -> between.Contains event.Pdu.EventId)

    /// Those of a peer's events that are among these auth events, theirs, and so on. A peer may return any others with
    /// them, which nobody asked for.
    member _.AuthChain(authEvents: seq<string>, events: ReceivedEvent[]) : ReceivedEvent[] =
        let sent = Dictionary<string, ReceivedEvent>()

        for event in events do
            sent.TryAdd(event.Pdu.EventId, event) |> ignore

        let chain = HashSet<string>()
        let pending = Stack<string>(authEvents)

        while pending.Count > 0 do
            let id = pending.Pop()

            match sent.TryGetValue id with
            | true, event when chain.Add id ->
                for cited in event.Pdu.AuthEvents do
                    pending.Push cited
            | _ -> ()

        events |> Array.filter (fun event -> chain.Contains event.Pdu.EventId)

    /// An event came that needs this one, or this one again: its search does not wait for its time any more.
    member _.SearchNow(s: Staged) : unit = staging.SearchNow s

    /// Returns which of these events are missing, and whether any is staged. `s` waits for all of them. With
    /// `withState`, a staged outlier is now decided with the state before it, unless `s` has fetched the state before
    /// itself: then the outlier is a part of that state, or of its auth chain, and counts as missing.
    member this.LookFor(s: Staged, withState: bool, ids: seq<string>) : struct (List<string> * bool) =
        this.Require ids
        let missing = List<string>()
        let mutable waits = false

        for id in ids do
            match staging.Find id with
            | null -> ()
            | other ->
                this.TakeOver(other, s.Budget)

                if s.SearchFrom = 0L then
                    this.SearchNow other

            match staging.Find id with
            | null ->
                if this.IsMissing(id, withState) then
                    missing.Add id
                    // It may arrive by itself.
                    staging.Waiting.Await(s, id)
            | other when withState && other.IsOutlier && not (isNull s.Fetched) ->
                missing.Add id
                staging.Waiting.Await(s, id)
            | other ->
                if withState && other.IsOutlier && not (other.Budget.IsHopeless(id, true)) then
                    other.IsOutlier <- false
                    staging.Waiting.NotReady other
                    staging.Waiting.Again other

                staging.Waiting.Await(s, id)
                waits <- true

        struct (missing, waits)

    /// Lets the state before an event be requested from this peer again, because the first response was not kept.
    member _.ForgetState(s: Staged, peer: string) : unit =
        s.Budget.Requested.Remove(struct (peer, "state " + s.Id)) |> ignore

    /// A peer was not reached: it may be asked for the same again.
    member _.NotReached(s: Staged, made: PeerRequest, retryAt: int64) : unit =
        let forget (key: string) =
            s.Budget.Requested.Remove(struct (made.Peer, key)) |> ignore

        match made.Request with
        | Request.Keys(server, _) -> s.WithoutKeys.Add server |> ignore
        | Request.Events ids when made.IsOfState ->
            match s.Budget.OfStates.TryFind made.Peer with
            | ValueSome count -> s.Budget.OfStates.Set(made.Peer, max 0 (count - ids.Length))
            | ValueNone -> ()
        | Request.Events ids ->
            for id in ids do
                forget ("event " + id)
                forget ("outlier " + id)
        | Request.AuthChain id -> forget ("auth chain " + id)
        | Request.Missing(latest, _, _) -> forget ("missing " + latest)
        | Request.StateBefore id -> forget ("state " + id)

        s.Unreached.Add made.Peer |> ignore
        s.Budget.RetryAt <- min s.Budget.RetryAt retryAt

    /// A peer cannot be asked in this minute: it may be asked in the next.
    member _.NotRequested(s: Staged, peer: string) : unit =
        s.Unreached.Add peer |> ignore
        s.Budget.RetryAt <- min s.Budget.RetryAt staging.RequestLimits.NextMinute

    /// A peer returned nothing: the next one is asked.
    member _.Nothing(s: Staged, purpose: Purpose) : unit =
        match purpose with
        | Purpose.Previous -> s.PreviousPeer <- s.PreviousPeer + 1
        | Purpose.State -> s.StatePeer <- s.StatePeer + 1
        | Purpose.AuthEvents -> s.AuthPeer <- s.AuthPeer + 1
        | Purpose.Keys
        | Purpose.Whole
        | Purpose.StateEvents -> ()

    /// Whether an event may still be searched for. One that was remembered too often is only looked at: whether it can
    /// be decided with what came meanwhile.
    member _.MaySearch(s: Staged) : bool = s.Budget.Searches <= limits.Searches

    /// Makes a request, unless the same one was made for the same received event. An event may be requested twice: for
    /// its position in the graph and, if that failed, as an outlier. Events of a fetched state are requested once for
    /// each such state, since they may be too many to remember.
    member this.Request(s: Staged, peer: string, purpose: Purpose, request: Request) : unit =
        let isNew key =
            not (s.Budget.Requested.Contains(struct (peer, key)))

        // What is left of the request, and under which keys it is noted.
        let struct (left, keys) =
            match request with
            | Request.Events _ when purpose = Purpose.StateEvents -> struct (ValueSome request, [||])
            | Request.Events ids ->
                let place = if purpose = Purpose.Previous then "event " else "outlier "

                match ids |> Array.filter (fun id -> isNew (place + id)) with
                | [||] -> struct (ValueNone, [||])
                | ids -> struct (ValueSome(Request.Events ids), ids |> Array.map (fun id -> place + id))
            | request ->
                let key =
                    match request with
                    | Request.AuthChain id -> "auth chain " + id
                    | Request.Missing(latest, _, _) -> "missing " + latest
                    | Request.StateBefore id -> "state " + id
                    | Request.Events _
                    | Request.Keys _ -> ""

                struct ((if isNew key then ValueSome request else ValueNone), [| key |])

        let mayRequest request =
            staging.RequestLimits.MayRequest(
                peer,
                staging.RequestLimits.CountOf(request, (purpose = Purpose.StateEvents))
            )

        match left with
        | _ when staging.WaitsForTurn s -> ()
        | ValueSome request when this.MaySearch s && mayRequest request ->
            for key in keys do
                s.Budget.Requested.Add(struct (peer, key)) |> ignore

            staging.Request(s, peer, purpose, request)
        | left ->
            if left.IsSome && this.MaySearch s then
                this.NotRequested(s, peer)

            this.Nothing(s, purpose)
            staging.Waiting.Again s
