namespace Matrix.Core.Room.Incoming.Arriving

open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Staging
open Matrix.Core.Room.Incoming.Graph
open Matrix.Core.Room.Incoming.Fetching

/// Takes the responses to requests.
[<Sealed>]
type internal Responding
    (
        log: UndoLog,
        frontier: Undoable<Frontier>,
        lookUpCache: LookUpCache,
        known: KnownEvents,
        staging: Staging,
        missingEvents: MissingEvents,
        arriving: Arriving,
        fetchMissing: FetchMissing,
        outliers: FetchedOutliers,
        limits: IncomingLimits
    ) =

    let none = List<DecidedEvent>()

    /// Notes an auth event of another room, for which the rules reject the staged event. Its server signed its room id.
    /// Auth events of a create event do not matter.
    let noteForeign (s: Staged) (event: ReceivedEvent) : unit =
        if
            event.Pdu.RoomId <> frontier.Value.RoomId
            && Array.contains event.Pdu.EventId s.Pdu.AuthEvents
            && Signing.state event (fun _ -> true) = SignatureState.Holds
        then
            s.Budget.Foreign.Set(event.Pdu.EventId, event.Pdu)

    /// The events that are staged from a response to a request with this purpose.
    let usable (purpose: Purpose) (request: PeerRequest) (events: ReceivedEvent[]) : ReceivedEvent[] =
        // For a request by event ids, only the requested events; for an auth chain, only its events; for any other, no
        // more than the limit.
        let wanted =
            match request.Request with
            | Request.Events ids ->
                let requested = HashSet<string>(ids)
                events |> Array.filter (fun e -> requested.Contains e.Pdu.EventId)
            | Request.AuthChain _ ->
                match staging.Find request.For with
                | null -> [||]
                | s ->
                    let cited = Seq.append s.Pdu.AuthEvents (fetchMissing.AuthEventsOf s)
                    missingEvents.AuthChain(cited, events)
            | _ -> events

        if purpose = Purpose.Previous then
            Array.truncate limits.Page wanted
        else
            wanted

    /// Notes the facts that a response certainly needs and that are lacking, so that they are looked up together.
    member _.Scan(number: int, response: Response) : unit =
        match staging.Requests.Find number, response with
        | ValueSome(struct (request, purpose)), Response.Events events
        | ValueSome(struct (request, purpose)), Response.NotNow(events, _) ->
            for event in usable purpose request events do
                arriving.Scan(event, purpose <> Purpose.Previous)
        | ValueSome _, Response.State(ids, chain) when ids.Length <= limits.State && chain.Length <= limits.State ->
            for id in Seq.append ids chain |> Seq.truncate limits.AuthChain do
                if isNull (staging.Find id) && known.IsUnknown id then
                    lookUpCache.LackEvent id
        | _ -> ()

    /// Takes a response, and returns the events in it that are decided at once.
    member _.Respond(number: int, response: Response) : List<DecidedEvent> =
        match staging.Requests.Responded number with
        | ValueNone -> none
        | ValueSome(struct (request, purpose, s)) ->
            let usable events = usable purpose request events

            // Requested again when the search begins again.
            if purpose = Purpose.Whole && response.IsNotNow then
                s.RequestedWhole <- false

            // What a peer sent before it was no longer reached counts as any response.
            let response =
                match response with
                | Response.NotNow(events, retryAt) ->
                    missingEvents.NotReached(s, request, retryAt)

                    if events.Length > 0 then
                        Response.Events events
                    else
                        Response.Nothing
                | response ->
                    if purpose = Purpose.Previous then
                        s.PreviousReached <- true

                    response

            let mutable decided = none

            match purpose, response with
            | Purpose.Keys, Response.Signatures signatures -> s.Recheck signatures
            | Purpose.Whole, Response.Events events ->
                match events |> Array.tryFind (fun copy -> Arriving.IsWhole(s, copy)) with
                | Some copy -> staging.TakeWhole(s, copy)
                | None -> ()
            | Purpose.Previous, Response.Events events ->
                let events = missingEvents.Between(s, usable events)

                let lacking () =
                    s.Pdu.PrevEvents
                    |> Array.filter (fun id -> missingEvents.IsMissing(id, true))
                    |> Array.length

                let before = lacking ()

                for event in events do
                    if s.Budget.Walked < limits.Walk && event.Pdu.EventId <> s.Id then
                        arriving.Stage(event, request.Peer, s.Budget, Arrival.Fetched)

                if lacking () = before then
                    s.PreviousPeer <- s.PreviousPeer + 1
            | Purpose.State, Response.State(ids, chain) ->
                if ids.Length > limits.State || chain.Length > limits.State then
                    s.TooMuch <- true
                    s.StatePeer <- s.StatePeer + 1
                else
                    let stored = Array.filter (staging.RequestLimits.IsNotStored >> not)
                    s.Fetched <- FetchedState(log, request.Peer, stored (Array.distinct ids), stored chain)
                    s.StateFrom <- request.Peer
            | Purpose.StateEvents, Response.Events events ->
                decided <- outliers.Take(usable events, request.Peer, s.Budget)
            | Purpose.AuthEvents, Response.Events events ->
                let events = usable events |> Array.filter (fun event -> event.Pdu.EventId <> s.Id)

                for event in events do
                    noteForeign s event

                decided <- outliers.Take(events, request.Peer, s.Budget)

                missingEvents.Require(fetchMissing.AuthEventsOf s)

                if
                    fetchMissing.AuthEventsOf s
                    |> Array.exists (fun id -> missingEvents.IsMissing(id, false))
                then
                    s.AuthPeer <- s.AuthPeer + 1
            | _ -> missingEvents.Nothing(s, purpose)

            staging.Waiting.Again s
            decided
