/// How many requests are made, to which peers, and when.
module Matrix.Core.Tests.IncomingRequestsTests

open Expecto
open Matrix.Testing
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Properties.Simulation
open Matrix.Core.Tests.IncomingRoom

/// The HTTP requests that a request takes.
let private countOf (request: PeerRequest) : int =
    match request.Request with
    | Request.Events ids -> ids.Length
    | _ -> 1

let private lacking (id: string) (count: int) =
    message id [ for n in 1..count -> $"{id}-gone{n}" ]

/// An event that was acknowledged before a restart, which is searched for at this time.
let private resumed (id: string) (searchFrom: int64) =
    Input.Resumed("two", good (message id [ $"{id}-gone" ]), start, searchFrom)

let private isFor (outcome: Outcome) =
    set [ for r in outcome.Requests -> r.For ]

let tests =
    testList "IncomingRequestsTests" [
        test "Each of several events that are requested by their ids counts as a request in a minute" {
            let machine =
                begunAt 60_000L {
                    IncomingLimits.Default with
                        RequestsPerMinute = 10
                }

            let events = [ for n in 1..3 -> arrives (lacking $"$m{n}" 8) ]
            let first, retryAt = outcomeOf machine events silent

            for peer, requests in first.Requests |> List.groupBy _.Peer do
                Expect.isLessThanOrEqual (List.sumBy countOf requests) 10 peer

            // What is left is requested in the next minute.
            Expect.isGreaterThan machine.Waiting 0 "waiting"
            same retryAt 120_000L
            let second, _ = outcomeOf machine [ Input.At retryAt ] silent
            Expect.isGreaterThan (List.sumBy countOf second.Requests) 8 "requests"
        }

        test "They count for the event for which they are made, too" {
            let machine =
                begunAt start {
                    IncomingLimits.Default with
                        Requests = 10
                }

            let outcome, _ = outcomeOf machine [ arrives (lacking "$m" 8) ] silent
            same outcome.Reasons [ DropReason.TooManyRequests 10 ]
            Expect.isLessThanOrEqual (List.sumBy countOf outcome.Requests) 10 "requests"
        }

        test "Many events of a state count as one request, since they come together" {
            let machine =
                begunAt start {
                    IncomingLimits.Default with
                        BulkState = 5
                        RequestsPerMinute = 20
                }

            let ofState = [ for n in 1..100 -> $"$s{n}" ]

            let has (request: PeerRequest) =
                match request.Request with
                | Request.StateBefore _ -> Response.State(Array.ofList ("$create" :: "$join" :: ofState), [||])
                | _ -> Response.Nothing

            let outcome, _ = outcomeOf machine [ arrives (lacking "$m" 1) ] has
            let ofStates = outcome.Requests |> List.filter _.IsOfState
            same (List.map countOf ofStates) [ 100; 100 ]
        }

        test "The servers of a room take turns in being asked first" {
            let servers = [| for n in 1..30 -> $"s{n}" |]

            let read (lookUps: LookUps) =
                let results = LookUpResults lookUps
                results.Servers <- servers
                results

            let machine = begunAt start IncomingLimits.Default

            let asked =
                [
                    for n in 1..40 ->
                        let outcome, _ =
                            outcomeOver read machine [ Input.Received("one", good (lacking $"$m{n}" 1)) ] silent

                        [ for r in outcome.Requests -> r.Peer ]
                        |> List.tryFind (fun peer -> peer <> "one")
                ]
                |> List.countBy id

            // Those with the most members.
            same (set (List.map fst asked)) (set [ for n in 1..8 -> Some $"s{n}" ])
            Expect.isLessThan (asked |> List.map snd |> List.max) 15 "asked"
        }

        test "What resumed events lack is searched for at their times" {
            let machine = begunAt start IncomingLimits.Default
            let inputs = [ for n in 0..2 -> resumed $"$m{n}" (start + 1_000L * int64 n) ]
            let first, retryAt = outcomeOf machine inputs silent
            same (isFor first) (set [ "$m0" ])
            same retryAt (start + 1_000L)

            let second, retryAt = outcomeOf machine [ Input.At retryAt ] silent
            same (isFor second) (set [ "$m1" ])
            same retryAt (start + 2_000L)

            outcomeOf machine [ Input.At retryAt ] silent |> ignore
            same machine.Waiting 0
            same machine.Remembered.Length 3
        }

        test "A resumed event that lacks nothing any more is decided before its time" {
            let machine = begunAt start IncomingLimits.Default
            outcomeOf machine [ resumed "$m" (start + 1_000L) ] silent |> ignore

            let outcome, _ =
                outcomeOf machine [ arrives (message "$m-gone" [ "$join" ]) ] silent

            same outcome.Ids [ "$m-gone"; "$m" ]
            same outcome.Requests []
        }

        testTheory "A resumed event that comes again, or that a new one needs, does not wait for its time" [
            "$m"
            "$n"
        ]
        <| fun sent ->
            let machine = begunAt start IncomingLimits.Default
            outcomeOf machine [ resumed "$m" (start + 1_000L) ] silent |> ignore

            let has (request: PeerRequest) =
                match request.Request with
                | Request.Missing("$m", _, _) -> Response.Events [| good (message "$m-gone" [ "$join" ]) |]
                | _ -> Response.Nothing

            let prev = if sent = "$m" then "$m-gone" else "$m"
            let outcome, _ = outcomeOf machine [ arrives (message sent [ prev ]) ] has

            same
                outcome.Ids
                (if sent = "$m" then
                     [ "$m-gone"; "$m" ]
                 else
                     [ "$m-gone"; "$m"; "$n" ])

        test "A damaged resumed event is not requested before its time either" {
            let machine = begunAt start IncomingLimits.Default

            let damaged = {
                good (message "$m" [ "$join" ]) with
                    HashHolds = false
            }

            let first, retryAt =
                outcomeOf machine [ Input.Resumed("two", damaged, start, start + 1_000L) ] silent

            same first.Requests []
            let second, _ = outcomeOf machine [ Input.At retryAt ] silent
            same [ for r in second.Requests -> r.Peer ] [ "one" ]
            same second.Ids [ "$m" ]
        }

        test "A resumed event whose peers are not reached waits as any other after its time" {
            let machine = begunAt start IncomingLimits.Default

            let _, at = outcomeOf machine [ resumed "$m" (start + 1_000L) ] (fun _ -> notNow)

            let _, again = outcomeOf machine [ Input.At at ] (fun _ -> notNow)
            Expect.isGreaterThan again at "again"
            Expect.isTrue (machine.IsStaged "$m") "is staged"

            let has (request: PeerRequest) =
                match request.Request with
                | Request.Missing _ -> Response.Events [| good (message "$m-gone" [ "$join" ]) |]
                | _ -> Response.Nothing

            let last, _ = outcomeOf machine [ Input.At again ] has
            same last.Ids [ "$m-gone"; "$m" ]
        }
    ]
