/// Events that wait: what keeps others from going on, and how the space for them is shared.
module Matrix.Core.Tests.IncomingWaitingTests

open Expecto
open Matrix.Testing
open Matrix.Core.Event
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Staging
open Matrix.Properties.Generators
open Matrix.Properties.Simulation
open Matrix.Core.Tests.IncomingRoom

/// Events that wait for a peer that is not reached.
let private postponed = arrives (message "$waits" [ "$unreached" ])

let private isFor (id: string) (request: PeerRequest) = request.For = id

/// Answers as the second function does, but for the event that waits.
let private unreachedFor (id: string) (answer: PeerRequest -> Response) (request: PeerRequest) =
    if isFor id request then notNow else answer request

let private stateOf (ids: string list) (request: PeerRequest) =
    match request.Request with
    | Request.StateBefore _ -> Response.State(Array.ofList ids, [||])
    | _ -> Response.Nothing

let private beginning = stateOf [ "$create"; "$join" ]

/// An event that lacks its previous event, so that it needs a state, and that has another one among its auth events.
let private holding id auth =
    event id creator "m.room.message" None [] [ $"{id}-gone" ] [ "$create"; "$join"; auth ]

let private damaged (pdu: Pdu) : ReceivedEvent = { good pdu with HashHolds = false }

let private redacted = message "$m" [ "$join" ]

let private original =
    event "$m" creator "m.room.message" None [ "body", text "hello" ] [ "$join" ] [ "$create"; "$join" ]

let private rarely limits = { limits with RequestsPerMinute = 1 }

let private waitsOf (peer: string) (n: int) =
    Input.Received(peer, good (message $"${peer}{n}" [ $"$gone-{peer}{n}" ]))

let private stagedOf (machine: RoomMachine) (peer: string) (all: int) =
    [ 1..all ] |> List.filter (fun n -> machine.IsStaged $"${peer}{n}")

/// A copy of an event whose signature cannot be checked yet, with a signature of its own.
let private copyOf (id: string) (n: byte) : Input =
    let received = signed SignatureFate.Skipped (message id [ "$join" ])

    let signature = {
        received.Signatures[0].Signature with
            Bytes = [| n |]
    }

    Input.Received(
        "two",
        {
            received with
                Signatures = [|
                    {
                        received.Signatures[0] with
                            Signature = signature
                    }
                |]
        }
    )

let tests =
    testList "IncomingWaitingTests" [
        test "Events that depend on themselves do not wait for an unrelated one that is postponed" {
            let machine = begunAt start IncomingLimits.Default

            let waiting, retryAt =
                outcomeOf machine [ postponed ] (unreachedFor "$waits" silent)

            same waiting.Dropped []
            Expect.isGreaterThan retryAt start "retry at"

            let circle = [ arrives (message "$a" [ "$b" ]); arrives (message "$b" [ "$a" ]) ]
            let outcome, _ = outcomeOf machine circle silent

            same outcome.Dropped [ "$a", DropReason.Circular; "$b", DropReason.Circular ]
            Expect.isTrue (machine.IsStaged "$waits") "is staged"
            same machine.Waiting 1
        }

        test "An event that depends on a postponed one waits with it" {
            let machine = begunAt start IncomingLimits.Default
            outcomeOf machine [ postponed ] (unreachedFor "$waits" silent) |> ignore

            let follows = arrives (message "$follows" [ "$waits" ])
            let above = arrives (message "$above" [ "$follows" ])
            let outcome, retryAt = outcomeOf machine [ above; follows ] silent
            same outcome.Dropped []
            same machine.Waiting 3

            let has (request: PeerRequest) =
                match request.Request with
                | Request.Missing _ -> Response.Events [| good (message "$unreached" [ "$join" ]) |]
                | _ -> Response.Nothing

            let later, _ = outcomeOf machine [ Input.At retryAt ] has
            same later.Ids [ "$unreached"; "$waits"; "$follows"; "$above" ]
        }

        test "Events that hold fetched states and wait for a postponed one give way to others" {
            let machine =
                begunAt start {
                    IncomingLimits.Default with
                        States = 1
                }

            let late = levels "$late" [ "$unreached" ] [ "$create"; "$join" ]
            let answer = unreachedFor "$late" beginning
            outcomeOf machine [ arrives late ] answer |> ignore
            outcomeOf machine [ arrives (holding "$holds" "$late") ] answer |> ignore
            same machine.Waiting 2

            // This one needs the only place, and lacks nothing else.
            let outcome, retryAt =
                outcomeOf machine [ arrives (message "$other" [ "$other-gone" ]) ] answer

            same outcome.Ids [ "$other" ]
            same outcome.Dropped []
            same machine.Waiting 2

            // The first one did not lose its turn.
            let has (request: PeerRequest) =
                match request.Request with
                | Request.Missing("$late", _, _) -> Response.Events [| good (message "$unreached" [ "$join" ]) |]
                | _ -> beginning request

            let later, _ = outcomeOf machine [ Input.At retryAt ] has
            same later.Ids [ "$unreached"; "$late"; "$holds" ]
        }

        test "Events that wait for the same postponed one do not take states from each other for ever" {
            let machine =
                begunAt start {
                    IncomingLimits.Default with
                        States = 2
                }

            let late = levels "$late" [ "$unreached" ] [ "$create"; "$join" ]
            let answer = unreachedFor "$late" beginning

            let outcome, retryAt =
                outcomeOf machine (arrives late :: [ for n in 1..9 -> arrives (holding $"$holds{n}" "$late") ]) answer

            same outcome.Dropped []
            Expect.isLessThan outcome.Requests.Length 100 "number of requests"

            let has (request: PeerRequest) =
                match request.Request with
                | Request.Missing("$late", _, _) -> Response.Events [| good (message "$unreached" [ "$join" ]) |]
                | _ -> beginning request

            let later, _ = outcomeOf machine [ Input.At retryAt ] has
            same later.Ids.Length 11
            same machine.Waiting 0
        }

        test "A damaged copy waits for its own server if that is not reached" {
            let machine = begunAt start IncomingLimits.Default

            let first, retryAt =
                outcomeOf machine [ Input.Received("two", damaged redacted) ] (fun _ -> notNow)

            same first.Ids []
            same [ for request in first.Requests -> request.Peer ] [ "one" ]

            let second, _ =
                outcomeOf machine [ Input.At retryAt ] (fun _ -> Response.Events [| good original |])

            same second.Ids [ "$m" ]
            same (second.Decided[0].Event.Content.Text "body") "hello"
        }

        testCase "A damaged copy whose own server stays away is decided in its redacted form"
        <| fun () ->
            let machine = begunAt start IncomingLimits.Default
            let mutable inputs = [ Input.Received("two", damaged redacted) ]
            let mutable ids = []
            let mutable rounds = 0

            while ids.IsEmpty do
                let outcome, retryAt = outcomeOf machine inputs (fun _ -> notNow)
                ids <- outcome.Ids
                inputs <- [ Input.At retryAt ]
                rounds <- rounds + 1
                Expect.isLessThan rounds 20 "rounds"

            same ids [ "$m" ]
            same rounds (IncomingLimits.Default.Patience + 1)

        test "Beyond the requests to one server in a minute, events wait for the next minute" {
            let machine = begunAt start (rarely IncomingLimits.Default)

            let missing id = message id [ "$join" ]

            let has (request: PeerRequest) =
                match request.Request with
                | Request.Missing("$m1", _, _) -> Response.Events [| good (missing "$gone1") |]
                | Request.Missing("$m2", _, _) -> Response.Events [| good (missing "$gone2") |]
                | _ -> Response.Nothing

            // The sender's server is the one that is asked first.
            let sent n =
                Input.Received("one", good (message $"$m{n}" [ $"$gone{n}" ]))

            let first, retryAt = outcomeOf machine [ sent 1; sent 2 ] has
            same first.Ids [ "$gone1"; "$m1" ]
            same first.Dropped []
            same retryAt 1_020_000L
            let second, _ = outcomeOf machine [ Input.At retryAt ] has
            same second.Ids [ "$gone2"; "$m2" ]
        }

        testCase "Auth events and states that cannot be requested in this minute are requested in the next"
        <| fun () ->
            for lacks in [ "auth event"; "state" ] do
                let machine = begunAt start (rarely IncomingLimits.Default)

                let waits =
                    if lacks = "state" then
                        message "$m" [ "$gone" ]
                    else
                        citing "$m" "$levels"

                let answer (request: PeerRequest) =
                    match request.Request with
                    | Request.AuthChain "$m" ->
                        Response.Events [| good (levels "$levels" [ "$join" ] [ "$create"; "$join" ]) |]
                    | _ -> beginning request

                let spends = Input.Received("one", good (citing "$spends" "$nowhere"))
                outcomeOf machine [ spends ] silent |> ignore
                let mutable inputs = [ Input.Received("one", good waits) ]
                let mutable ids = []
                let mutable rounds = 0

                while not (List.contains "$m" ids) do
                    let outcome, retryAt = outcomeOf machine inputs answer
                    same (outcome.Dropped |> List.filter (fun (id, _) -> id = "$m")) []
                    ids <- outcome.Ids
                    inputs <- [ Input.At retryAt ]
                    rounds <- rounds + 1
                    Expect.isLessThan rounds 20 "rounds"

                Expect.isGreaterThan rounds 1 "rounds"

        test "When a room's staging is full, the servers that have the most make room" {
            let machine =
                begunAt start {
                    IncomingLimits.Default with
                        Staged = 8
                        StagedOfPeer = 4
                }

            let fill peer = [ for n in 1..9 -> waitsOf peer n ]
            outcomeOf machine (fill "two" @ fill "three") (fun _ -> notNow) |> ignore
            same machine.Waiting 8

            // An event that lacks nothing is decided, and those of an honest server get their share.
            let outcome, _ =
                outcomeOf machine [ Input.Received("four", good (message "$whole" [ "$join" ])) ] (fun _ -> notNow)

            same outcome.Ids [ "$whole" ]
            outcomeOf machine (fill "four") (fun _ -> notNow) |> ignore
            same machine.Waiting 8
            // The oldest of the others went.
            same (stagedOf machine "four" 9) [ 1; 2 ]
            same (stagedOf machine "two" 9) [ 2; 3; 4 ]
            same (stagedOf machine "three" 9) [ 2; 3; 4 ]
        }

        test "When the bytes for a room are used up, the server that has the most makes room" {
            let machine =
                begunAt start {
                    IncomingLimits.Default with
                        StagedBytes = 16_000
                }

            let outcome, _ =
                outcomeOf machine [ for n in 1..30 -> waitsOf "two" n ] (fun _ -> notNow)

            Expect.allEqual outcome.Reasons (DropReason.StagingFull 12_000) "reasons"
            let before = stagedOf machine "two" 30
            let later, _ = outcomeOf machine [ waitsOf "three" 1 ] (fun _ -> notNow)
            Expect.isTrue (machine.IsStaged "$three1") "is staged"
            same later.Reasons [ DropReason.StagingFull 12_000 ]
            same (stagedOf machine "two" 30) (List.tail before)
            Expect.isLessThanOrEqual machine.WaitingBytes 12_000L "waiting bytes"

            let byPeer =
                machine.WaitingBytesByPeer
                |> Array.map (fun struct (peer, bytes) -> peer, bytes)

            same (byPeer |> Array.map fst |> Array.sort) [| "three"; "two" |]
            same (byPeer |> Array.sumBy snd) machine.WaitingBytes
        }

        test "After a failed flush the bytes of each server are counted again" {
            let machine = begunAt start IncomingLimits.Default
            let decided = machine.ReceiveAlone [| arrives (message "$m" [ "$join" ]) |]
            machine.Failed decided.Decided[0].Number |> ignore
            Expect.isGreaterThan machine.WaitingBytes 0L "waiting bytes"
            same (machine.ReceiveAlone [||]).Decided.Length 1
            same machine.WaitingBytes 0L
            same machine.WaitingBytesByPeer [||]
        }

        test "Copies of a waiting event count as its bytes, and an equal one is not kept" {
            let machine = begunAt start IncomingLimits.Default
            machine.ReceiveAlone [| copyOf "$m" 1uy |] |> ignore
            let one = machine.WaitingBytes
            machine.ReceiveAlone [| copyOf "$m" 1uy |] |> ignore
            same machine.WaitingBytes one

            machine.ReceiveAlone [| copyOf "$m" 2uy; copyOf "$m" 3uy; copyOf "$m" 2uy |]
            |> ignore

            same machine.WaitingBytes (3L * one)
            same machine.WaitingBytesByPeer [| struct ("two", 3L * one) |]

            // Each wrong copy makes room for the next one.
            let last = machine.Outstanding[0].Number

            let invalid = [|
                for each in (signed SignatureFate.Invalid (message "$m" [ "$join" ])).Signatures -> each
            |]

            machine.ReceiveAlone [| Input.Responded(last, Response.Signatures invalid) |]
            |> ignore

            same machine.WaitingBytes (2L * one)
        }

        test "Copies of waiting events are kept within the bytes for a room" {
            let machine =
                begunAt start {
                    IncomingLimits.Default with
                        StagedBytes = 12_000
                }

            for id in [ "$m1"; "$m2"; "$m3"; "$m4" ] do
                for n in 1uy .. 4uy do
                    machine.ReceiveAlone [| copyOf id n |] |> ignore

            Expect.isBetween machine.WaitingBytes (10_000L, 12_000L) "waiting bytes"
        }

        test "What is fetched in bulk for an event counts for the server that sent it" {
            let machine = begunAt start IncomingLimits.Default

            let unfinished = levels "$levels1" [ "$join" ] [ "$create"; "$join"; "$gone" ]

            // The sender's server answers, and the next auth events are nowhere now.
            let answer (request: PeerRequest) =
                match request.Request with
                | Request.Events [| "$levels1" |] when request.Peer = "one" -> Response.Events [| good unfinished |]
                | _ when isFor "$m" request -> Response.Nothing
                | _ -> notNow

            outcomeOf machine [ Input.Received("evil", good (citing "$m" "$levels1")) ] answer
            |> ignore

            Expect.isTrue (machine.IsStaged "$levels1") "is staged"
            same [ for struct (peer, _) in machine.WaitingBytesByPeer -> peer ] [ "evil" ]
        }

        testCase "When a server answers again, no state takes the place of the events that were missing"
        <| fun () ->
            let machine =
                begunAt start {
                    IncomingLimits.Default with
                        Patience = 100
                }

            let chain = [
                for n in 1..5 do
                    message $"$gone{n}" [ (if n = 1 then "$join" else $"$waits{n - 1}") ]
                    message $"$waits{n}" [ $"$gone{n}" ]
            ]

            let waiting = chain |> List.filter (fun pdu -> pdu.EventId.StartsWith "$waits")

            let mutable retryAt = start

            for pdu in waiting do
                let _, next =
                    outcomeOf machine [ Input.Reached "two"; arrives pdu ] (fun _ -> notNow)

                retryAt <- max retryAt next

            let has (request: PeerRequest) =
                match request.Request with
                | Request.Missing(id, _, _) ->
                    Response.Events [|
                        for pdu in chain |> List.takeWhile (fun pdu -> pdu.EventId <> id) -> good pdu
                    |]
                | _ -> Response.Nothing

            let later, _ = outcomeOf machine [ Input.At retryAt; Input.Reached "two" ] has
            same (later.Requests |> List.filter (fun each -> not each.Request.IsMissing)) []
            same later.Ids [ for pdu in chain -> pdu.EventId ]
    ]
