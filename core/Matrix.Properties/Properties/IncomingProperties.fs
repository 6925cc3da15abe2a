namespace Matrix.Properties.Properties

open System.Collections.Generic
open FsCheck
open FsCheck.FSharp
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Reference
open Matrix.Properties.Simulation

/// Properties of the room machine by itself, for any inputs.
[<RequireQualifiedAccess>]
module IncomingProperties =

    let private peer = "elsewhere"

    /// A machine that knows nothing, and the store that receives its decisions.
    let private fresh (version: RoomVersion) (roomId: string) : Store * RoomMachine =
        let store = Store "here"

        store, RoomMachine.Of("here", AuthRules version, store.Start roomId, IncomingLimits.Default)

    let internal received (version: RoomVersion) (pdu: Pdu) : Input =
        let sent = {
            Pdu = pdu
            Signatures = [ for server in Composing.signers pdu -> { Server = server; IsGenuine = true } ]
        }

        let event = SentEvent.receive (EventFormat version) (fun _ -> true) sent
        // Identifiers here are not hashes, and have no server name.
        let sender = pdu.Sender.Substring(pdu.Sender.IndexOf ':' + 1)

        Input.Received(
            peer,
            {
                event with
                    RequiredSigners = [| sender |]
            }
        )

    /// The status and the state before and after each event, by identifier.
    let private outcome (decided: seq<DecidedEvent>) =
        Map [
            for d in decided ->
                let tree (state: Matrix.Core.State.StateTree | null) =
                    match state with
                    | null -> ""
                    | tree -> System.Convert.ToHexString tree.Root.Span

                d.Event.EventId, (d.Known.IsRejected, tree d.StateBefore, tree d.StateAfter, d.Known.Height)
        ]

    let private tellAll (version: RoomVersion) (parts: Input[] seq) (roomId: string) =
        let store, machine = fresh version roomId
        let decided = List<DecidedEvent>()

        for inputs in parts do
            let step = machine.ReceiveAlone inputs
            decided.AddRange step.Decided
            ignore store

        decided, machine

    let private room (version: RoomVersion) : Gen<Pdu[]> =
        DagGen.steps |> Gen.map (DagGen.play version)

    let private ids (machine: RoomMachine) =
        machine.Extremities |> Seq.map _.EventId |> Set.ofSeq

    /// The order of arrival does not matter, if events arrive one by one.
    let arrivalOrder (version: RoomVersion) =
        Property.forAll
            "room.incoming.arrival-order"
            "The states around each event, and whether it is rejected, do not depend on the order in which events \
             arrive."
            (Gen.zip (room version) (Gen.choose (0, 1_000_000)))
            (fun (events, seed) ->
                let one order =
                    let parts = order |> Array.map (fun pdu -> [| received version pdu |])
                    tellAll version parts events[0].RoomId |> fst |> outcome

                let inOrder = one events
                inOrder.Count = events.Length && inOrder = one (DagGen.shuffled seed events))

    /// All inputs of a call are read before the first decision.
    let batchOrder (version: RoomVersion) =
        Property.forAll
            "room.incoming.batch-order"
            "For events that arrive together, no decision depends on their order: neither soft failure nor the \
             extremities."
            (Gen.zip (room version) (Gen.choose (0, 1_000_000)))
            (fun (events, seed) ->
                let all order =
                    let decided, machine =
                        tellAll version [ order |> Array.map (received version) ] events[0].RoomId

                    let order = [ for d in decided -> d.Event.EventId, d.Known.Status, d.Known.Ordinal ]

                    order, ids machine, machine.CurrentState

                all events = all (DagGen.shuffled seed events))

    /// Repeated inputs change nothing.
    let tellingAgain (version: RoomVersion) =
        Property.forAll
            "room.incoming.telling-again"
            "Inputs given a second time lead to no request, no decision and no change."
            (room version)
            (fun events ->
                let inputs = events |> Array.map (received version)
                let _, machine = tellAll version [ inputs ] events[0].RoomId
                let before = machine.Extremities, machine.CurrentState
                let step = machine.ReceiveAlone inputs

                step.Requests = [||]
                && step.Decided.Length = 0
                && step.Dropped = [||]
                && before = (machine.Extremities, machine.CurrentState))

    /// Verdicts agree with a literal reading of the checks.
    let literalVerdicts (version: RoomVersion) =
        Property.forAll
            "room.incoming.literal-checks"
            "Every verdict, every state before an event and the extremities agree with a literal, recursive reading \
             of the checks on receipt."
            (room version)
            (fun events ->
                let parts = events |> Array.map (fun pdu -> [| received version pdu |])
                let decided, machine = tellAll version parts events[0].RoomId

                let literal = ReceiptReference.read version [ for d in decided -> d.Event ]

                decided
                |> Seq.forall (fun d ->
                    let entries =
                        match d.StateBefore with
                        | null -> Map.empty
                        | tree -> Map [ for e in tree.Entries() -> (e.Type, e.StateKey), e.EventId ]

                    literal.Status[d.Event.EventId] = d.Known.Status
                    && literal.Before[d.Event.EventId] = entries)
                && literal.Extremities = ids machine)

    /// Peers that have every event but one, and return the state before each event.
    type private PeersWithout
        (hidden: Pdu, version: RoomVersion, events: Pdu[], stateBefore: Map<string, Matrix.Core.State.StateTree | null>)
        =
        let byId = Map [ for e in events -> e.EventId, e ]
        // The peers that returned a state for the event that was received last, with each event of the state.
        let returned = List<string * string>()

        let give ids =
            Response.Events [|
                for id in ids do
                    if id <> hidden.EventId then
                        match received version byId[id] with
                        | Input.Received(_, event) -> event
                        | _ -> ()
            |]

        member _.Respond(request: PeerRequest) : Response =
            match request.Request with
            | Request.Events ids -> give ids
            | Request.AuthChain id -> give (events |> Seq.map _.EventId |> Seq.filter (fun e -> e <> id))
            | Request.Missing _
            | Request.Keys _ -> Response.Nothing
            | Request.StateBefore id ->
                match stateBefore[id] with
                | null -> Response.Nothing
                | state ->
                    for entry in state.Entries() do
                        returned.Add((request.Peer, entry.EventId))

                    Response.State([| for e in state.Entries() -> e.EventId |], [||])

        /// How many states with this event the peer returned for the event that was received last.
        member _.StatesWith(peer: string, eventId: string) : int =
            returned.FindAll(fun state -> state = (peer, eventId)).Count

        /// Another event is received.
        member _.Next() : unit = returned.Clear()

    /// What a request asks for, and how often this peer may be asked for it. The same event may be requested as an
    /// event of the timeline, as an outlier, and again for each returned state that contains it.
    let private questions (peers: PeersWithout) (request: PeerRequest) : (string * int) list =
        match request.Request with
        | Request.Events ids -> [ for id in ids -> $"event {id}", 2 + peers.StatesWith(request.Peer, id) ]
        | Request.AuthChain id -> [ $"auth chain {id}", 1 ]
        | Request.Missing(id, _, _) -> [ $"missing {id}", 1 ]
        | Request.StateBefore id -> [ $"state {id}", 1 ]
        | Request.Keys _ -> []

    /// Gives the machine all events but the hidden one and answers its requests. Returns the decisions, and whether a
    /// request was repeated for one event.
    let private withoutOne
        (version: RoomVersion)
        (events: Pdu[])
        (hidden: Pdu)
        (machine: RoomMachine)
        (peers: PeersWithout)
        =
        let decided = List<DecidedEvent>()
        let requests = Queue<PeerRequest>()
        // Requests for the event that was received last.
        let asked = List<string * string>()
        let mutable repeated = false
        // How often a search began for that event: its own, and one for each remembered event that is staged again.
        let mutable searches = 1
        let mutable remembered = Set.empty

        let take (step: Output) =
            decided.AddRange step.Decided

            let still = Set [ for pdu in machine.Remembered -> pdu.EventId ]
            let again = Set [ for struct (id, _) in step.Remembered -> id ]
            searches <- searches + (remembered - (still - again)).Count
            remembered <- still

            for request in step.Requests do
                requests.Enqueue request

        for pdu in events do
            if pdu.EventId <> hidden.EventId then
                asked.Clear()
                peers.Next()
                searches <- 1
                take (machine.ReceiveAlone [| received version pdu |])

                while requests.Count > 0 do
                    let request = requests.Dequeue()

                    for question, most in questions peers request do
                        let key = request.Peer, question
                        asked.Add key
                        repeated <- repeated || asked.FindAll(fun other -> other = key).Count > most * searches

                    take (machine.ReceiveAlone [| Input.Responded(request.Number, peers.Respond request) |])

        decided, repeated

    /// If no peer has an event's previous event, the search for the previous event ends, and the event is decided on a
    /// peer's state and marked.
    let trustIsMarked (version: RoomVersion) =
        Property.forAllIf
            "room.incoming.trust-is-marked"
            "An event whose previous events no peer returns is decided on the state that a peer returns, merged with \
             the known states. It and all events after it are marked. In one search, no peer gets the same request \
             twice, except for events of another state that it returned."
            (Gen.zip (room version) (Gen.choose (0, 1_000_000)))
            (fun _ -> Seq.empty)
            (fun (events, seed) ->
                // All events but one, which no peer returns.
                let hidden = events[4 + seed % max 1 (events.Length - 4) |> min (events.Length - 1)]

                let full, _ =
                    tellAll version [ events |> Array.map (received version) ] events[0].RoomId

                let stateBefore = Map [ for d in full -> d.Event.EventId, d.StateBefore ]
                let _, machine = fresh version events[0].RoomId

                let decided, repeated =
                    withoutOne version events hidden machine (PeersWithout(hidden, version, events, stateBefore))

                let computed = HashSet<string>()

                for d in decided do
                    if d.Known.Provenance.IsComputed then
                        computed.Add d.Event.EventId |> ignore

                let isBuiltUpon =
                    events |> Array.exists (fun e -> Array.contains hidden.EventId e.PrevEvents)

                let holds =
                    machine.Waiting = 0
                    && not repeated
                    && not (computed.Contains hidden.EventId)
                    && decided
                       |> Seq.forall (fun d ->
                           not d.Known.Provenance.IsComputed
                           || d.Event.PrevEvents |> Array.forall computed.Contains)

                // A fault counts, whether or not an event is built on the hidden one.
                if holds && not isBuiltUpon then None else Some holds)

    /// All of them, for one version.
    let all (version: RoomVersion) : Property list =
        [
            arrivalOrder version
            batchOrder version
            tellingAgain version
            literalVerdicts version
            trustIsMarked version
        ]
        |> List.map (fun property -> {
            property with
                Name = $"{property.Name}.{version.Id}"
        })
