/// Received events that lack others which no peer has: they are remembered, and decided once what they lack comes.
module Matrix.Core.Tests.IncomingRememberedTests

open Expecto
open Matrix.Testing
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Staging
open Matrix.Properties.Simulation
open Matrix.Core.Tests.IncomingRoom

let private remembering (most: int) =
    begunAt start {
        IncomingLimits.Default with
            Remembered = most
            RememberedFor = 1_000_000L
    }

let private remembered (machine: RoomMachine) = [ for pdu in machine.Remembered -> pdu.EventId ]

/// Tells inputs, for which all peers have nothing.
let private receive (machine: RoomMachine) (inputs: Input list) : Outcome = outcomeOf machine inputs silent |> fst

let tests =
    testList "IncomingRememberedTests" [
        test "An event whose previous event no peer has is decided when that comes" {
            let machine = remembering 10
            let first = receive machine [ arrives (message "$m" [ "$late" ]) ]
            same first.Reasons [ DropReason.StateUnavailable ]
            same (remembered machine) [ "$m" ]
            Expect.isFalse (machine.IsStaged "$m") "is staged"
            Expect.isFalse machine.CanBeEvicted "can be evicted"

            let second = receive machine [ arrives (message "$late" [ "$join" ]) ]
            same second.Ids [ "$late"; "$m" ]
            same second.Requests []
            same (remembered machine) []
        }

        test "An event whose auth event no peer has is decided when that comes" {
            let machine = remembering 10
            let first = receive machine [ arrives (citing "$m" "$levels") ]
            same first.Reasons [ DropReason.AuthEventUnavailable "$levels" ]

            let second =
                receive machine [ arrives (levels "$levels" [ "$join" ] [ "$create"; "$join" ]) ]

            same second.Ids [ "$levels"; "$m" ]
        }

        test "An event is decided when what its fetched previous event lacked comes" {
            let machine = remembering 10

            let has (request: PeerRequest) =
                match request.Request with
                | Request.Missing _ -> Response.Events [| good (citing "$between" "$levels") |]
                | Request.Events ids when Array.contains "$between" ids ->
                    Response.Events [| good (citing "$between" "$levels") |]
                | _ -> Response.Nothing

            let _ = outcomeOf machine [ arrives (message "$m" [ "$between" ]) ] has
            same (remembered machine) [ "$m" ]

            let second, _ =
                outcomeOf machine [ arrives (levels "$levels" [ "$join" ] [ "$create"; "$join" ]) ] has

            same second.Ids [ "$levels"; "$between"; "$m" ]
        }

        test "Events that wait for each other's remembered ones are all decided" {
            let machine = remembering 10

            for id, prev in [ "$three", "$two"; "$two", "$one" ] do
                receive machine [ arrives (message id [ prev ]) ] |> ignore

            same (List.sort (remembered machine)) [ "$three"; "$two" ]
            let outcome = receive machine [ arrives (message "$one" [ "$join" ]) ]
            same outcome.Ids [ "$one"; "$two"; "$three" ]
        }

        test "Of too many, the peer with the most loses its oldest" {
            let machine = remembering 3

            let arrivesOf peer id =
                Input.Received(peer, good (message id [ "$gone" + id ]))

            for n, (peer, id) in
                List.indexed [ "evil", "$e1"; "evil", "$e2"; "two", "$t"; "evil", "$e3"; "evil", "$e4" ] do
                receive machine [ Input.At(start + int64 n); arrivesOf peer id ] |> ignore

            same (remembered machine) [ "$t"; "$e3"; "$e4" ]

            same (set [ for struct (peer, _) in machine.WaitingBytesByPeer -> peer ]) (set [ "evil"; "two" ])
        }

        test "Nothing is remembered where the bound is zero" {
            let machine = remembering 0
            let step = receive machine [ arrives (message "$m" [ "$late" ]) ]
            same step.Dropped [ "$m", DropReason.StateUnavailable ]
            same (remembered machine) []
        }

        test "An event is forgotten after its time, and the machine says when" {
            let machine = remembering 10
            let _, at = outcomeOf machine [ arrives (message "$m" [ "$late" ]) ] silent
            same at (start + 1_000_000L)
            same (receive machine [ Input.At(at - 1L) ]).Dropped []
            same (receive machine [ Input.At at ]).Dropped [ "$m", DropReason.StateUnavailable ]
            same (remembered machine) []
        }

        test "A remembered event that comes again is searched for again, and stays remembered" {
            let machine = remembering 10
            receive machine [ arrives (message "$m" [ "$late" ]) ] |> ignore
            receive machine [ arrives (message "$m" [ "$late" ]) ] |> ignore
            same (remembered machine) [ "$m" ]
            same machine.Waiting 0
        }

        testTheory "An event is searched for a few times, and decided without a request once it lacks nothing" [
            false
            true
        ]
        <| fun isDamaged ->
            let machine = remembering 10
            let lacks = [ for n in 1..6 -> $"$late{n}" ]

            // The server of its sender is asked for the whole of a damaged one.
            let event = {
                good (message "$m" lacks) with
                    HashHolds = not isDamaged
            }

            let first = receive machine [ Input.Received("two", event) ]
            Expect.isNonEmpty first.Requests "requests"

            let requests = [
                for id in lacks do
                    let step = receive machine [ arrives (message id [ "$join" ]) ]
                    step.Requests.Length > 0, step.Ids
            ]

            let searched = IncomingLimits.Default.Searches - 1
            same (List.map fst requests) [ for n in 1..6 -> n <= searched ]
            same (snd (List.last requests)) [ "$late6"; "$m" ]
            same (remembered machine) []

        test "An event that is not searched for any more is decided with what its fetched previous event lacked" {
            let machine = remembering 10
            let most = IncomingLimits.Default.Searches

            let has (request: PeerRequest) =
                match request.Request with
                | Request.Events ids when Array.contains "$between" ids ->
                    Response.Events [| good (citing "$between" "$levels") |]
                | _ -> Response.Nothing

            let others = [ for n in 1..most -> $"$other{n}" ]
            let _ = outcomeOf machine [ arrives (message "$m" ("$between" :: others)) ] has

            for id in others do
                outcomeOf machine [ arrives (message id [ "$join" ]) ] has |> ignore

            same (remembered machine) [ "$m" ]
            // Its fetched previous event is not here, and is not requested again: it comes by itself.
            outcomeOf machine [ arrives (levels "$levels" [ "$join" ] [ "$create"; "$join" ]) ] has
            |> ignore

            let last, _ = outcomeOf machine [ arrives (citing "$between" "$levels") ] has
            same last.Ids [ "$between"; "$m" ]
        }

        test "An event whose sender waits for the decision is not remembered" {
            let machine = remembering 10
            receive machine [ arrives (message "$m" [ "$late" ]) ] |> ignore

            let step =
                machine.ReceiveAlone [| Input.Decide("two", good (message "$n" [ "$late" ])) |]

            same (drops step) [ DropReason.MustNotWait ]
            same (remembered machine) [ "$m" ]
        }

        test "A decision that is taken back leaves nothing behind of those that it led to" {
            let machine = remembering 10
            receive machine [ arrives (message "$m" [ "$late" ]) ] |> ignore
            let second = receive machine [ arrives (message "$late" [ "$join" ]) ]
            machine.Failed second.Decided[0].Number |> ignore
            same (ids (machine.ReceiveAlone [||])) [ "$late"; "$m" ]
            same (remembered machine) []
        }
    ]
