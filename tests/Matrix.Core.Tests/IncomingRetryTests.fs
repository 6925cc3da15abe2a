/// Events that wait for peers that cannot be reached: the search begins again, until it has waited for too long.
module Matrix.Core.Tests.IncomingRetryTests

open Expecto
open Matrix.Testing
open Matrix.Core.Event
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Properties.Simulation
open Matrix.Core.Tests.IncomingRoom

let private gap = [ arrives (message "$m" [ "$gone" ]) ]

/// A peer that has the missing event.
let private has (request: PeerRequest) =
    match request.Request with
    | Request.Missing _
    | Request.Events [| "$gone" |] -> Response.Events [| good (message "$gone" [ "$join" ]) |]
    | _ -> Response.Nothing

let tests =
    testList "IncomingRetryTests" [
        test "An event waits while no peer can be reached, and is decided when one can" {
            let machine = begunAt start IncomingLimits.Default
            let first, retryAt = outcomeOf machine gap (fun _ -> notNow)
            same first.Dropped []
            Expect.isTrue (machine.IsStaged "$m") "is staged"
            same retryAt (start + 1_000L)

            // Not before the time has come.
            let early, _ = outcomeOf machine [ Input.At(retryAt - 1L) ] has
            same early.Requests []

            let second, _ = outcomeOf machine [ Input.At retryAt ] has
            same second.Ids [ "$gone"; "$m" ]
            Expect.equal machine.Waiting 0 "waiting"
        }

        testCase "The pauses double, and an event that waited for too long is dropped for that reason"
        <| fun () ->
            let machine =
                begunAt start {
                    IncomingLimits.Default with
                        LongestPause = 60_000L
                        WaitsFor = 3_600_000L
                }

            let mutable time = start
            let mutable inputs = gap
            let pauses = ResizeArray<int64>()
            let mutable dropped = []

            while dropped.IsEmpty do
                let outcome, retryAt = outcomeOf machine inputs (fun _ -> notNow)
                dropped <- outcome.Dropped

                if dropped.IsEmpty then
                    pauses.Add(retryAt - time)
                    time <- retryAt
                    inputs <- [ Input.At time ]

            same dropped [ "$m", DropReason.NotReached 3_600_000L ]

            same (List.ofSeq (Seq.truncate 8 pauses)) [
                1_000L
                2_000L
                4_000L
                8_000L
                16_000L
                32_000L
                60_000L
                60_000L
            ]

            Expect.isGreaterThan (time - start) 3_500_000L "time"
            same machine.Waiting 0

        test "If one peer is not reached, the next one is asked for all missing events at once" {
            let machine = begunAt start IncomingLimits.Default

            let outcome, _ =
                outcomeOf machine gap (fun request -> if request.Peer = "two" then notNow else has request)

            same [ for request in outcome.Requests -> request.Peer, request.Request.IsMissing ] [
                "two", true
                "one", true
            ]

            same outcome.Ids [ "$gone"; "$m" ]
        }

        testCase "The state is requested only after the peers that were not reached had some time"
        <| fun () ->
            let machine = begunAt start IncomingLimits.Default

            let answer (request: PeerRequest) =
                match request.Request with
                | Request.StateBefore _ when request.Peer = "one" -> Response.State([| "$create"; "$join" |], [||])
                | _ when request.Peer = "one" -> Response.Nothing
                | _ -> notNow

            let mutable inputs = gap
            let mutable rounds = 0
            let mutable ids = []

            while ids.IsEmpty do
                let outcome, retryAt = outcomeOf machine inputs answer
                ids <- outcome.Ids
                inputs <- [ Input.At retryAt ]

                if ids.IsEmpty then
                    rounds <- rounds + 1
                    Expect.isFalse (outcome.Requests |> List.exists _.Request.IsStateBefore) "requests"

            same rounds IncomingLimits.Default.Patience
            same ids [ "$m" ]

        test "A peer that may be asked again is asked at once" {
            let machine = begunAt start IncomingLimits.Default
            outcomeOf machine gap (fun _ -> notNow) |> ignore
            same (outcomeOf machine [ Input.Reached "three" ] has |> fst).Requests []
            same (outcomeOf machine [ Input.Reached "two" ] has |> fst).Ids [ "$gone"; "$m" ]
        }

        test "A peer names the time before which it is not asked again" {
            let machine = begunAt start IncomingLimits.Default

            let _, retryAt =
                outcomeOf machine gap (fun _ -> Response.NotNow([||], start + 30_000L))

            same retryAt (start + 30_000L)

            // But no longer than the longest pause.
            let machine = begunAt start IncomingLimits.Default

            let _, retryAt =
                outcomeOf machine gap (fun _ -> Response.NotNow([||], start + 30_000_000L))

            same retryAt (start + IncomingLimits.Default.LongestPause)
        }

        test "An event that was staged before a restart waits no longer than from when it came" {
            let machine = begunAt start IncomingLimits.Default

            let resumed since =
                Input.Resumed("two", good (message "$m" [ "$gone" ]), since, 0L)

            let waiting, _ = outcomeOf machine [ resumed (start - 10_000L) ] (fun _ -> notNow)
            same waiting.Dropped []

            let machine = begunAt start IncomingLimits.Default
            let since = start - IncomingLimits.Default.WaitsFor
            let late, _ = outcomeOf machine [ resumed since ] (fun _ -> notNow)
            same late.Reasons [ DropReason.NotReached IncomingLimits.Default.WaitsFor ]
        }

        test "Keys that cannot be fetched now are requested again" {
            let machine = begunAt start IncomingLimits.Default
            let unknown = signed SignatureFate.Skipped (message "$m" [ "$join" ])

            let _, retryAt =
                outcomeOf machine [ Input.Received("two", unknown) ] (fun _ -> notNow)

            Expect.isTrue (machine.IsStaged "$m") "is staged"

            let again, _ =
                outcomeOf machine [ Input.At retryAt ] (fun _ -> Response.Signatures (good unknown.Pdu).Signatures)

            same [ for request in again.Requests -> request.Request.IsKeys ] [ true ]
            same again.Ids [ "$m" ]
        }

        testCase "A fetched event whose keys cannot be had does not keep the event that follows it for ever"
        <| fun () ->
            let machine = begunAt start IncomingLimits.Default

            let answer (request: PeerRequest) =
                match request.Request with
                | Request.Missing _
                | Request.Events _ -> Response.Events [| signed SignatureFate.Skipped (message "$gone" [ "$join" ]) |]
                | Request.Keys _ -> notNow
                | Request.StateBefore _ -> Response.State([| "$create"; "$join" |], [||])
                | _ -> Response.Nothing

            let mutable inputs = gap
            let mutable rounds = 0
            let mutable ids = []

            while ids.IsEmpty && rounds < 20 do
                let outcome, retryAt = outcomeOf machine inputs answer
                ids <- outcome.Ids
                inputs <- [ Input.At retryAt ]
                rounds <- rounds + 1

            same ids [ "$m" ]
            Expect.isLessThanOrEqual rounds (2 * IncomingLimits.Default.Patience + 1) "rounds"

        test "What a peer sent before it was no longer reached is used" {
            let machine = begunAt start IncomingLimits.Default

            let outcome, _ =
                outcomeOf machine gap (fun _ -> Response.NotNow([| good (message "$gone" [ "$join" ]) |], 0L))

            same outcome.Ids [ "$gone"; "$m" ]
        }

        test "An event whose sender waits for the decision is dropped rather than staged" {
            let machine = begunAt start IncomingLimits.Default
            let decide = Input.Decide("two", good (message "$m" [ "$gone" ]))
            let outcome, _ = outcomeOf machine [ decide ] has
            same outcome.Requests []
            same outcome.Dropped [ "$m", DropReason.MustNotWait ]
            same machine.Waiting 0

            // If it waits already, it came in another way, and goes on waiting.
            machine.ReceiveAlone(Array.ofList gap) |> ignore
            same (outcomeOf machine [ decide ] has |> fst).Dropped []
            same machine.Waiting 1

            // An event that lacks nothing is decided.
            let last, _ =
                outcomeOf machine [ Input.Decide("two", good (message "$n" [ "$join" ])) ] has

            same last.Ids [ "$n" ]
        }
    ]
