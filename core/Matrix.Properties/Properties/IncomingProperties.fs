namespace Matrix.Properties.Properties

open System.Collections.Generic
open FsCheck
open FsCheck.FSharp
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.Room.Incoming
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Reference
open Matrix.Properties.Simulation

/// What holds of the room machine alone, whatever is told to it.
[<RequireQualifiedAccess>]
module IncomingProperties =

    let private peer = "elsewhere"

    /// A machine that knows nothing, and the store that takes its decisions.
    let private fresh (version: RoomVersion) (roomId: string) : Store * RoomMachine =
        let store = Store "here"

        store, RoomMachine.Of("here", roomId, AuthRules version, store, [||], null, 1u, IncomingLimits.Default)

    let internal received (version: RoomVersion) (pdu: Pdu) : Input =
        let sent = {
            Pdu = pdu
            Signatures = [ for server in Composing.signers pdu -> { Server = server; IsGenuine = true } ]
        }

        let event = SentEvent.receive (EventFormat version) (fun _ -> true) sent
        // Identifiers here are no hashes, and have no server either.
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

                d.Event.EventId, (d.Known.IsRejected, tree d.StateBefore, tree d.Known.StateAfter, d.Known.Height)
        ]

    let private tellAll (version: RoomVersion) (parts: Input[] seq) (roomId: string) =
        let store, machine = fresh version roomId
        let decided = List<DecidedEvent>()

        for inputs in parts do
            let step = machine.Tell inputs
            decided.AddRange step.Decided
            ignore store

        decided, machine

    let private room (version: RoomVersion) : Gen<Pdu[]> =
        DagGen.steps |> Gen.map (DagGen.play version)

    let private ids (machine: RoomMachine) =
        machine.Extremities |> Seq.map _.EventId |> Set.ofSeq

    /// Events that wait for each other are decided alike in whatever order they come, one by one.
    let arrivalOrder (version: RoomVersion) =
        Property.forAll
            "room.incoming.arrival-order"
            "The states around each event, and whether it is rejected, do not depend on the order in which events arrive."
            (Gen.zip (room version) (Gen.choose (0, 1_000_000)))
            (fun (events, seed) ->
                let one order =
                    let parts = order |> Array.map (fun pdu -> [| received version pdu |])
                    tellAll version parts events[0].RoomId |> fst |> outcome

                let inOrder = one events
                inOrder.Count = events.Length && inOrder = one (DagGen.shuffled seed events))

    /// Facts told together are all heard before the first decision.
    let batchOrder (version: RoomVersion) =
        Property.forAll
            "room.incoming.batch-order"
            "Of events that arrive together everything is decided alike in whatever order they stand: also soft failure, and the extremities."
            (Gen.zip (room version) (Gen.choose (0, 1_000_000)))
            (fun (events, seed) ->
                let all order =
                    let decided, machine =
                        tellAll version [ order |> Array.map (received version) ] events[0].RoomId

                    let order = [ for d in decided -> d.Event.EventId, d.Known.Status, d.Known.Ordinal ]

                    order, ids machine, machine.CurrentState

                all events = all (DagGen.shuffled seed events))

    /// What was told before is no news.
    let tellingAgain (version: RoomVersion) =
        Property.forAll
            "room.incoming.telling-again"
            "Facts told a second time lead to no question, no decision and no change."
            (room version)
            (fun events ->
                let inputs = events |> Array.map (received version)
                let _, machine = tellAll version [ inputs ] events[0].RoomId
                let before = machine.Extremities, machine.CurrentState
                let step = machine.Tell inputs

                step.Requests = [||]
                && step.Decided.Length = 0
                && step.Dropped = [||]
                && before = (machine.Extremities, machine.CurrentState))

    /// A decision is what the checks say, read literally.
    let literalVerdicts (version: RoomVersion) =
        Property.forAll
            "room.incoming.literal-checks"
            "Every verdict, every state before an event and the extremities are what a literal, recursive reading of the checks on receipt says."
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

    /// An event whose previous event nobody has is decided on the state that a peer tells, and says so; and it is not
    /// looked for without end.
    let trustIsMarked (version: RoomVersion) =
        Property.forAll
            "room.incoming.trust-is-marked"
            "An event whose previous events nobody gives is decided on the state that a peer tells, merged with what is known; it and all that comes after it are marked. For the sake of one event no peer is asked the same twice, except for events of another state that it told."
            (Gen.zip (room version) (Gen.choose (0, 1_000_000)))
            (fun (events, seed) ->
                // Everything but one event, which nobody gives.
                let hidden = events[4 + seed % max 1 (events.Length - 4) |> min (events.Length - 1)]

                let full, _ =
                    tellAll version [ events |> Array.map (received version) ] events[0].RoomId

                let stateBefore = Map [ for d in full -> d.Event.EventId, d.StateBefore ]

                let _, machine = fresh version events[0].RoomId
                let decided = List<DecidedEvent>()
                let byId = Map [ for e in events -> e.EventId, e ]

                let give ids =
                    Response.Events [|
                        for id in ids do
                            if id <> hidden.EventId then
                                match received version byId[id] with
                                | Input.Received(_, event) -> event
                                | _ -> ()
                    |]

                // For whom, and by whom, a state was told: what is asked next is part of it.
                let told = HashSet<string * string>()

                let answer (request: PeerRequest) =
                    match request.Request with
                    | Request.Events ids -> give ids
                    | Request.AuthChain id -> give (events |> Seq.map _.EventId |> Seq.filter (fun e -> e <> id))
                    | Request.Missing _
                    | Request.Keys _ -> Response.Nothing
                    | Request.StateBefore id ->
                        match stateBefore[id] with
                        | null -> Response.Nothing
                        | state ->
                            told.Add((request.For, request.Peer)) |> ignore
                            Response.State([| for e in state.Entries() -> e.EventId |], [||])

                let requests = Queue<PeerRequest>()
                // For the sake of the event that was told last.
                let asked = HashSet<string * string>()
                let mutable repeated = false

                // An event may be asked for with the state around it, and then without, and as one of each state that
                // was told.
                let questions (request: PeerRequest) =
                    let isOfState = told.Remove((request.For, request.Peer))

                    match request.Request with
                    | Request.Events ids -> [
                        for id in ids do
                            if isOfState then
                                $"event {id} of the state before {request.For}"
                            elif asked.Contains(request.Peer, $"event {id}") then
                                $"outlier {id}"
                            else
                                $"event {id}"
                      ]
                    | Request.AuthChain id -> [ $"auth chain {id}" ]
                    | Request.Missing(id, _, _) -> [ $"missing {id}" ]
                    | Request.StateBefore id -> [ $"state {id}" ]
                    | Request.Keys _ -> []

                let take (step: Output) =
                    decided.AddRange step.Decided

                    for request in step.Requests do
                        requests.Enqueue request

                for pdu in events do
                    if pdu.EventId <> hidden.EventId then
                        asked.Clear()
                        take (machine.Tell [| received version pdu |])

                        while requests.Count > 0 do
                            let request = requests.Dequeue()

                            for question in questions request do
                                repeated <- repeated || not (asked.Add(request.Peer, question))

                            take (machine.Tell [| Input.Responded(request.Number, answer request) |])

                let computed = HashSet<string>()

                for d in decided do
                    if d.Known.Provenance.IsComputed then
                        computed.Add d.Event.EventId |> ignore

                machine.Waiting = 0
                && not repeated
                && not (computed.Contains hidden.EventId)
                && decided
                   |> Seq.forall (fun d ->
                       not d.Known.Provenance.IsComputed
                       || d.Event.PrevEvents |> Array.forall computed.Contains))

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
