/// States that peers return to the room machine: which it takes, and what they may cost.
module Matrix.Core.Tests.IncomingStatesTests

open System
open Expecto
open Matrix.Testing
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.State
open Matrix.Properties.Generators
open Matrix.Properties.Simulation
open Matrix.Core.Tests.IncomingRoom

/// Peers that return the state after the room's first events, and have nothing else.
let private begunWith (request: PeerRequest) =
    match request.Request with
    | Request.StateBefore _ -> Response.State([| "$create"; "$join" |], [||])
    | _ -> Response.Nothing

/// Gives inputs to the machine, and answers its requests as long as there is an answer.
let rec private answered (machine: RoomMachine) (answer: PeerRequest -> Response option) (inputs: Input list) : unit =
    if not inputs.IsEmpty then
        [
            for request in (machine.ReceiveAlone(Array.ofList inputs)).Requests do
                match answer request with
                | Some answer -> Input.Responded(request.Number, answer)
                | None -> ()
        ]
        |> answered machine answer

let private bob = "@bob:two"

/// A membership of bob.
let private ofBob id sender membership prev auth =
    event id sender "m.room.member" (Some bob) [ "membership", text membership ] prev auth

/// A room in which bob joined and was banned, and the ids of its state before the ban.
let private bobsRoom () : RoomMachine * string[] =
    let machine = begun IncomingLimits.Default

    let rules =
        event "$rules" creator "m.room.join_rules" (Some "") [ "join_rule", text "public" ] [ "$join" ] [
            "$create"
            "$join"
        ]

    let joins = ofBob "$bob" bob "join" [ "$rules" ] [ "$create"; "$rules" ]

    for pdu in
        [
            rules
            joins
            ofBob "$ban" creator "ban" [ "$bob" ] [ "$create"; "$join"; "$bob" ]
        ] do
        machine.ReceiveAlone [| arrives pdu |] |> ignore

    machine, [| "$create"; "$join"; "$rules"; "$bob" |]

/// Peers that return a state, and have nothing else.
let private returning (state: string[]) (request: PeerRequest) =
    match request.Request with
    | Request.StateBefore _ -> Response.State(state, [||])
    | _ -> Response.Nothing

let private bobIn (tree: StateTree | null) : string =
    match tree with
    | null -> "no state"
    | tree ->
        match tree.Find("m.room.member", bob) with
        | null -> ""
        | entry -> entry.EventId

let private extremities (machine: RoomMachine) : string list = [ for e in machine.Extremities -> e.EventId ]

let tests =
    testList "IncomingStatesTests" [
        test "A state from a peer is used and marked, and events after it are marked too" {
            let machine = begun IncomingLimits.Default
            let output = receives machine [ arrives (message "$m" [ "$gone" ]) ] begunWith
            let after = machine.ReceiveAlone [| arrives (message "$n" [ "$m" ]) |]

            same output.Decided[0].StateFrom "two"
            same output.Decided[0].Known.Provenance Provenance.OnTrust
            same after.Decided[0].Known.Provenance Provenance.OnTrust
            Expect.isNull after.Decided[0].StateFrom "state from"
        }

        test "A state without a create event, or with a key twice, is not taken" {
            for state in [ [| "$join" |]; [| "$create"; "$join"; "$again" |] ] do
                let machine = begun IncomingLimits.Default

                let again =
                    event "$again" creator "m.room.member" (Some creator) [ "membership", text "join" ] [ "$join" ] [
                        "$create"
                        "$join"
                    ]

                machine.ReceiveAlone [| arrives again |] |> ignore

                let outcome =
                    receives machine [ arrives (message "$m" [ "$gone" ]) ] (fun request ->
                        match request.Request with
                        | Request.StateBefore _ -> Response.State(state, [||])
                        | _ -> Response.Nothing)

                same outcome.Reasons [ DropReason.StateUnavailable ]
        }

        test "A state from a peer lifts no ban when the event before it arrives" {
            let machine = begun IncomingLimits.Default

            let banned =
                event "$ban" creator "m.room.member" (Some "@bob:two") [ "membership", text "ban" ] [ "$join" ] [
                    "$create"
                    "$join"
                ]

            machine.ReceiveAlone [| arrives banned |] |> ignore
            receives machine [ arrives (message "$m" [ "$gone" ]) ] begunWith |> ignore
            let gone = receives machine [ arrives (message "$gone" [ "$ban" ]) ] begunWith

            same gone.Ids [ "$gone" ]
            Expect.isNotNull (machine.CurrentState.Find("m.room.member", "@bob:two")) "find"
            same [ for e in machine.Extremities -> e.EventId ] [ "$ban"; "$m" ]

            // The next event that names both takes their place.
            machine.ReceiveAlone [| arrives (message "$n" [ "$m"; "$ban" ]) |] |> ignore
            same [ for e in machine.Extremities -> e.EventId ] [ "$n" ]
            Expect.isNotNull (machine.CurrentState.Find("m.room.member", "@bob:two")) "find"
        }

        test "A state from a peer is taken as it is, and what its event names stays while the state does not have it" {
            let machine, unbanned = bobsRoom ()

            let outcome =
                receives machine [ arrives (message "$m" [ "$ban"; "$gone" ]) ] (returning unbanned)

            // Other servers compute the same state, if the peer told the truth.
            same (bobIn outcome.Decided[0].StateBefore) "$bob"
            // If it did not, it lifts no ban.
            same (bobIn machine.CurrentState) "$ban"
            same (extremities machine) [ "$ban"; "$m" ]

            machine.ReceiveAlone [| arrives (message "$n" [ "$m"; "$ban" ]) |] |> ignore
            same (extremities machine) [ "$n" ]
            same (bobIn machine.CurrentState) "$ban"
        }

        test "What an event names goes if the state before it that a peer sent has it" {
            let machine, unbanned = bobsRoom ()
            let state = unbanned |> Array.map (fun id -> if id = "$bob" then "$ban" else id)

            receives machine [ arrives (message "$m" [ "$ban"; "$gone" ]) ] (returning state)
            |> ignore

            same (extremities machine) [ "$m" ]
            same (bobIn machine.CurrentState) "$ban"
        }

        test "An event on a refused one whose state a peer sent lifts no ban" {
            let machine, unbanned = bobsRoom ()

            let ofBanned =
                event "$says" bob "m.room.message" None [] [ "$ban"; "$gone" ] [ "$create"; "$bob" ]

            let outcome = receives machine [ arrives ofBanned ] (returning unbanned)
            Expect.isTrue outcome.Decided[0].Verdict.IsSoftFailed "is soft failed"

            let above = receives machine [ arrives (message "$m" [ "$says" ]) ] silent
            same (bobIn above.Decided[0].StateBefore) "$bob"
            same (extremities machine) [ "$ban"; "$m" ]
            same (bobIn machine.CurrentState) "$ban"
        }

        test "Below a refused event whose state a peer sent, what the state has goes" {
            let machine, unbanned = bobsRoom ()
            machine.ReceiveAlone [| arrives (message "$said" [ "$bob" ]) |] |> ignore
            same (extremities machine) [ "$ban"; "$said" ]

            let ofBanned =
                event "$says" bob "m.room.message" None [] [ "$said"; "$gone" ] [ "$create"; "$bob" ]

            receives machine [ arrives ofBanned ] (returning unbanned) |> ignore
            receives machine [ arrives (message "$m" [ "$says" ]) ] silent |> ignore
            same (extremities machine) [ "$ban"; "$m" ]
        }

        test "Of several extremities that an event names, those go that the state from a peer has" {
            let machine, unbanned = bobsRoom ()
            machine.ReceiveAlone [| arrives (message "$said" [ "$bob" ]) |] |> ignore

            receives machine [ arrives (message "$m" [ "$ban"; "$said"; "$gone" ]) ] (returning unbanned)
            |> ignore

            same (extremities machine) [ "$ban"; "$m" ]
        }

        test "If the previous events come while an event with a fetched state waits, the state is computed" {
            let machine, unbanned = bobsRoom ()
            let late = levels "$late" [ "$ban" ] [ "$create"; "$join" ]

            let above =
                event "$m" creator "m.room.message" None [] [ "$ban"; "$gone" ] [ "$create"; "$join"; "$late" ]

            answered
                machine
                (fun request ->
                    match request.Request with
                    | Request.AuthChain _ -> None
                    | _ -> Some(returning unbanned request))
                [ arrives above ]

            same [ for request in machine.Outstanding -> request.Request ] [ Request.AuthChain "$m" ]

            let outcome =
                receives
                    machine
                    [
                        arrives late
                        arrives (message "$gone" [ "$late" ])
                        Input.Responded(machine.Outstanding[0].Number, Response.Events [| good late |])
                    ]
                    silent

            let decided = outcome.Decided |> List.find (fun d -> d.Event.EventId = "$m")
            Expect.isNull decided.StateFrom "state from"
            same decided.Known.Provenance Provenance.Computed
            same (bobIn decided.StateBefore) "$ban"
            same (extremities machine) [ "$m" ]
        }

        test "A state that rejects an event which the current state allows is doubted, and the next peer is asked" {
            let machine, unbanned = bobsRoom ()

            let outcome =
                receives machine [ arrives (message "$m" [ "$ban"; "$gone" ]) ] (fun request ->
                    match request.Request, request.Peer with
                    // The peer leaves out that the sender joined.
                    | Request.StateBefore _, "two" -> Response.State([| "$create"; "$rules" |], [||])
                    | _ -> returning unbanned request)

            same outcome.Ids [ "$m" ]
            Expect.isTrue outcome.Decided[0].Verdict.IsAccepted "is accepted"
            same outcome.Decided[0].StateFrom "one"
        }

        test "An event that only states of peers reject is dropped, and not rejected for ever" {
            let machine, unbanned = bobsRoom ()
            let said = message "$m" [ "$ban"; "$gone" ]
            let without = returning [| "$create"; "$rules" |]
            same (receives machine [ arrives said ] without).Dropped [ "$m", DropReason.StateUnavailable ]
            same (receives machine [ arrives said ] (returning unbanned)).Ids [ "$m" ]
        }

        test "An event that the state from a peer and the current state reject is rejected" {
            let machine, unbanned = bobsRoom ()
            let state = unbanned |> Array.map (fun id -> if id = "$bob" then "$ban" else id)

            let ofBanned =
                event "$says" bob "m.room.message" None [] [ "$ban"; "$gone" ] [ "$create"; "$bob" ]

            let outcome = receives machine [ arrives ofBanned ] (returning state)
            same [ for d in outcome.Decided -> d.Event.EventId, d.Known.Status ] [ "$says", EventStatus.Rejected ]
        }

        test "A late event before a fetched state takes an extremity with the same state away" {
            let machine = begun IncomingLimits.Default
            machine.ReceiveAlone [| arrives (message "$old" [ "$join" ]) |] |> ignore
            receives machine [ arrives (message "$m" [ "$gone" ]) ] begunWith |> ignore
            receives machine [ arrives (message "$gone" [ "$old" ]) ] begunWith |> ignore
            same [ for e in machine.Extremities -> e.EventId ] [ "$m" ]
        }

        test "An outlier that becomes durable late does not undo the decision that followed" {
            let machine = begun IncomingLimits.Default

            let topic =
                event "$topic" creator "m.room.topic" (Some "") [] [ "$join" ] [ "$create"; "$join" ]

            let outcome =
                receives machine [ arrives (message "$m" [ "$gone" ]) ] (fun request ->
                    match request.Request with
                    | Request.StateBefore _ -> Response.State([| "$create"; "$join"; "$topic" |], [||])
                    | Request.Events [| "$topic" |] -> Response.Events [| good topic |]
                    | _ -> Response.Nothing)

            let outlier = outcome.Decided |> List.find (fun d -> d.Event.EventId = "$topic")

            Expect.isTrue outlier.Known.IsOutlier "is outlier"
            machine.ReceiveAlone [| arrives topic |] |> ignore
            machine.Durable outlier.Number

            match machine.Known "$topic" with
            | null -> failtest "It is forgotten."
            | known -> Expect.isFalse known.IsOutlier "is outlier"
        }

        testCase "Only a few fetched states are held at a time"
        <| fun () ->
            let machine =
                begun {
                    IncomingLimits.Default with
                        States = 2
                }

            let mutable most = 0

            let inputs = [ for n in 1..7 -> arrives (message $"$m{n}" [ $"$gone{n}" ]) ]

            let outcome =
                receives machine inputs (fun request ->
                    most <-
                        machine.Outstanding
                        |> Seq.filter (fun a -> a.Request.IsStateBefore)
                        |> Seq.length
                        |> max most

                    match request.Request with
                    | Request.StateBefore "$m3" -> Response.Nothing
                    | _ -> begunWith request)

            same most 2
            Expect.sameElements outcome.Ids [ for n in [ 1; 2; 4; 5; 6; 7 ] -> $"$m{n}" ] "ids"
            same outcome.Dropped [ "$m3", DropReason.StateUnavailable ]

        testTheory "A peer that returns a state with the event in it does not prevent others from returning theirs" [
            "itself"
            "what rests on it"
        ]
        <| fun lie ->
            let machine = begun IncomingLimits.Default

            let above =
                event "$above" creator "m.room.topic" (Some "") [] [ "$m" ] [ "$create"; "$join"; "$m" ]

            let after = message "$m" [ "$gone" ]

            let outcome =
                receives machine [ arrives after ] (fun request ->
                    match request.Request, request.Peer with
                    | Request.StateBefore _, "two" when lie = "itself" ->
                        Response.State([| "$create"; "$join"; "$m" |], [||])
                    | Request.StateBefore _, "two" -> Response.State([| "$create"; "$join"; "$above" |], [||])
                    | Request.Events [| "$above" |], _ -> Response.Events [| good above |]
                    | _ -> begunWith request)

            let decided = outcome.Decided |> List.find (fun d -> d.Event.EventId = "$m")

            same (decided.StateFrom) ("one")
            Expect.isTrue decided.Verdict.IsAccepted "is accepted"

        test "Every queued event may request its state, even if another turns out not to need one" {
            let machine =
                begun {
                    IncomingLimits.Default with
                        States = 1
                }

            let noStates (request: PeerRequest) =
                if request.Request.IsStateBefore then
                    None
                else
                    Some Response.Nothing

            answered machine noStates [ arrives (message "$holds" [ "$gone1" ]) ]
            answered machine noStates [ arrives (message "$a" [ "$below" ]) ]
            answered machine noStates [ arrives (message "$b" [ "$gone2" ]) ]
            // The second in the queue waits for these, and does not have to request them.
            answered machine noStates [ arrives (message "$below" [ "$gone3" ]) ]

            let outcome =
                receives
                    machine
                    [
                        for request in machine.Outstanding -> Input.Responded(request.Number, begunWith request)
                    ]
                    begunWith

            same outcome.Dropped []
            Expect.sameElements outcome.Ids [ "$holds"; "$a"; "$b"; "$below" ] "ids"
        }

        test "An event that waits while holding a fetched state keeps the others in the queue" {
            let machine =
                begun {
                    IncomingLimits.Default with
                        States = 1
                }

            let first =
                event "$m" creator "m.room.message" None [] [ "$gone1" ] [ "$create"; "$join"; "$late" ]

            answered
                machine
                (fun request ->
                    match request.Request with
                    | Request.AuthChain _ -> None
                    | _ -> Some(begunWith request))
                [ arrives first; arrives (message "$n" [ "$gone2" ]) ]

            same [ for request in machine.Outstanding -> request.Request ] [ Request.AuthChain "$m" ]

            let late = levels "$late" [ "$join" ] [ "$create"; "$join" ]
            let chain = Response.Events [| good late |]

            same (receives machine [ Input.Responded(machine.Outstanding[0].Number, chain) ] begunWith).Ids [
                "$late"
                "$m"
                "$n"
            ]
        }

        test "An event that holds a state and waits for an event without one gives way to it" {
            let machine =
                begun {
                    IncomingLimits.Default with
                        States = 1
                }

            let above =
                event "$m" creator "m.room.message" None [] [ "$gone1" ] [ "$create"; "$join"; "$levels" ]

            let below = levels "$levels" [ "$gone2" ] [ "$create"; "$join" ]
            let outcome = receives machine [ arrives above; arrives below ] begunWith
            same outcome.Ids [ "$levels"; "$m" ]
        }

        // The newest event comes first and gets its state. It waits for the event below, which also needs a state: one
        // peer, and a whole chain.
        testTheory "A chain of events that each need a state, received from its end, is decided from its beginning" [
            1, 3
            4, 12
        ]
        <| fun (places, length) ->
            let machine =
                begun {
                    IncomingLimits.Default with
                        States = places
                }

            let line = [
                for n in length .. -1 .. 1 ->
                    message $"$m{n}" [
                        $"$gone{n}"
                        if n > 1 then
                            $"$m{n - 1}"
                    ]
            ]

            let outcome = receives machine (List.map arrives line) begunWith
            same outcome.Dropped []
            same outcome.Ids [ for n in 1..length -> $"$m{n}" ]

        // More events than are fetched, and fewer.
        testTheory "A fetched state is dropped before the next peer is asked" [ 30_000; 15_000 ]
        <| fun size ->
            let machine = begun IncomingLimits.Default
            let before = GC.GetTotalMemory true

            // "two" returns ids of events that do not exist. "one" does not respond, and is waited for.
            answered
                machine
                (fun request ->
                    match request.Request, request.Peer with
                    | Request.StateBefore _, "one" -> None
                    | Request.StateBefore id, _ ->
                        Some(Response.State([| for n in 1..size -> $"$made-up-{n}-before-{id}" |], [||]))
                    | _ -> Some Response.Nothing)
                [ for n in 1..20 -> arrives (message $"$m{n}" [ $"$gone{n}" ]) ]

            let bytes = GC.GetTotalMemory true - before
            same machine.Waiting 20
            Expect.isLessThan bytes 4_000_000L "bytes"
            GC.KeepAlive machine

        test "For one received event, a peer that invents states is asked for a bounded number of their events" {
            let machine =
                begun {
                    IncomingLimits.Default with
                        AuthChain = 100
                }

            let outcome =
                receives machine [ arrives (message "$m" [ for n in 1..10 -> $"$w{n}" ]) ] (fun request ->
                    match request.Request, request.Peer with
                    | Request.Missing("$m", _, _), _ ->
                        Response.Events [| for n in 1..10 -> good (message $"$w{n}" [ $"$gone{n}" ]) |]
                    | Request.StateBefore id, "two" ->
                        Response.State([| for n in 1..15 -> $"$made-up-{n}-before-{id}" |], [||])
                    | _ -> begunWith request)

            let asked =
                outcome.Requests
                |> Seq.sumBy (fun request ->
                    match request.Request with
                    | Request.Events ids -> ids |> Seq.filter _.StartsWith("$made-up") |> Seq.length
                    | _ -> 0)

            Expect.isBetween asked (1, 100) "asked"
            same outcome.Ids.Length 11
        }

        testCase "The events of a fetched state are looked up together, once"
        <| fun () ->
            let machine = begun IncomingLimits.Default

            let entries =
                Map [
                    for n in 1..200 ->
                        $"$s{n}",
                        event $"$s{n}" creator "org.example.entry" (Some $"{n}") [] [ "$join" ] [ "$create"; "$join" ]
                ]

            let state = [| "$create"; "$join"; yield! entries.Keys |]
            let chain = [| for n in 1..5_000 -> $"$made-up-{n}" |]
            let mutable lookedUp = 0
            let mutable reads = 0
            let mutable decided = 0
            let mutable next = [| arrives (message "$m" [ "$gone" ]) |]

            while next.Length > 0 do
                let step =
                    machine.ReceiveOver(
                        (fun lookUps ->
                            reads <- reads + 1
                            lookedUp <- lookedUp + lookUps.Events.Length
                            LookUpResults lookUps),
                        next
                    )

                decided <- decided + step.Decided.Length

                next <- [|
                    for request in step.Requests ->
                        Input.Responded(
                            request.Number,
                            match request.Request with
                            | Request.StateBefore _ -> Response.State(state, chain)
                            | Request.Events ids ->
                                Response.Events [| for e in ids |> Array.choose entries.TryFind -> good e |]
                            | _ -> Response.Nothing
                        )
                |]

            same decided 201
            Expect.isLessThan lookedUp 6_000 "looked up"
            Expect.isLessThan reads 10 "reads"

        test "A state of ten thousand entries is taken whole" {
            let machine = begun IncomingLimits.Default

            let entries =
                Map [
                    for n in 1..10_000 ->
                        $"$s{n}",
                        event $"$s{n}" creator "org.example.entry" (Some $"{n}") [] [ "$join" ] [ "$create"; "$join" ]
                ]

            let outcome =
                receives machine [ arrives (message "$m" [ "$gone" ]) ] (fun request ->
                    match request.Request with
                    | Request.StateBefore _ -> Response.State([| "$create"; "$join"; yield! entries.Keys |], [||])
                    | Request.Events ids ->
                        Response.Events [| for e in ids |> Array.choose entries.TryFind -> good e |]
                    | _ -> Response.Nothing)

            same outcome.Dropped []
            same outcome.Ids.Length 10_001
            same machine.CurrentState.Count 10_002
            Expect.isLessThan outcome.Requests.Length 6 "number of requests"
        }

        testCase "A previous event that is part of the fetched state needs no state of its own"
        <| fun () ->
            let machine = begun IncomingLimits.Default
            let mutable hasState = false

            let topic =
                event "$topic" creator "m.room.topic" (Some "") [] [ "$lost" ] [ "$create"; "$join" ]

            let outcome =
                receives machine [ arrives (message "$m" [ "$topic" ]) ] (fun request ->
                    match request.Request with
                    | Request.StateBefore "$m" ->
                        hasState <- true
                        Response.State([| "$create"; "$join"; "$topic" |], [||])
                    | Request.Events [| "$topic" |] when hasState -> Response.Events [| good topic |]
                    | _ -> Response.Nothing)

            same outcome.Dropped []
            same outcome.Ids [ "$topic"; "$m" ]
            same outcome.Decided[0].IsOutlier true
            same outcome.Decided[1].GapsOpened [| "$topic" |]
    ]
