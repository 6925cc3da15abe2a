/// Events of strangers: servers without a joined user in the room, of which anybody may invent any number.
module Matrix.Core.Tests.IncomingStrangersTests

open Expecto
open Matrix.Testing
open Matrix.Core.Event
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Staging
open Matrix.Properties.Generators
open Matrix.Properties.Simulation
open Matrix.Core.Tests.IncomingRoom

/// The servers of the room.
let private joinedServers = [| "one"; "two"; "three" |]

let private read (lookUps: LookUps) : LookUpResults =
    let results = LookUpResults lookUps
    results.Servers <- joinedServers

    for server in lookUps.Strangers do
        if not (Array.contains server joinedServers) then
            results.AddStranger server

    results

/// Tells inputs, and answers the requests.
let private receive (machine: RoomMachine) (answer: PeerRequest -> Response) (inputs: Input list) : Outcome =
    outcomeOver read machine inputs answer |> fst

let private unreached (_: PeerRequest) = notNow

/// An event of a stranger's user, which that server sends.
let private ofStranger (server: string) (id: string) (prev: string list) : Input =
    let pdu = event id $"@x:{server}" "m.room.message" None [] prev [ "$create" ]

    Input.Received(
        server,
        {
            good pdu with
                RequiredSigners = [| server |]
                Signatures = [|
                    for checkedOne in (good pdu).Signatures ->
                        {
                            checkedOne with
                                Signature = {
                                    checkedOne.Signature with
                                        Entity = server
                                }
                        }
                |]
        }
    )

let private fromServer (server: string) (id: string) (prev: string list) : Input =
    Input.Received(server, good (message id prev))

let private remembered (machine: RoomMachine) = [ for pdu in machine.Remembered -> pdu.EventId ]

let tests =
    testList "IncomingStrangersTests" [
        test "What a stranger's event lacks is asked of that server only, however often" {
            let machine = begunAt start IncomingLimits.Default

            let first, retryAt =
                outcomeOver read machine [ ofStranger "invented" "$m" [ "$gone" ] ] unreached

            Expect.isTrue (machine.IsStaged "$m") "is staged"
            let second, _ = outcomeOver read machine [ Input.At retryAt ] silent

            same (set [ for r in first.Requests @ second.Requests -> r.Peer ]) (set [ "invented" ])
            same (remembered machine) [ "$m" ]
        }

        test "An event of a server of the room is asked of the room's servers" {
            let machine = begunAt start IncomingLimits.Default
            let outcome = receive machine silent [ fromServer "two" "$m" [ "$gone" ] ]
            same (set [ for r in outcome.Requests -> r.Peer ]) (set joinedServers)
        }

        test "Whether a server is a stranger is not looked up for events of its joined users" {
            let machine = begunAt start IncomingLimits.Default

            let readNoStrangers (lookUps: LookUps) =
                same lookUps.Strangers [||]
                read lookUps

            let outcome, _ =
                outcomeOver readNoStrangers machine [ fromServer "one" "$m" [ "$gone" ] ] silent

            same (remembered machine) [ "$m" ]
            Expect.isNonEmpty outcome.Requests "requests"
        }

        test "Strangers have one share of the remembered events, and take no place of others" {
            let machine =
                begunAt start {
                    IncomingLimits.Default with
                        Remembered = 10
                }

            for n in 1..4 do
                receive machine silent [ fromServer "two" $"$m{n}" [ $"$gone{n}" ] ] |> ignore

            for n in 1..100 do
                receive machine silent [
                    Input.At(start + int64 n)
                    ofStranger $"invented{n}" $"$x{n}" [ $"$lacks{n}" ]
                ]
                |> ignore

            same (set (remembered machine)) (set [ for n in 1..4 -> $"$m{n}" ] + set [ for n in 95..100 -> $"$x{n}" ])

            // Their share is the greatest: its oldest makes room for an event of another server of the room.
            receive machine silent [ fromServer "three" "$m5" [ "$gone" ] ] |> ignore
            same (set (remembered machine)) (set [ for n in 1..5 -> $"$m{n}" ] + set [ for n in 96..100 -> $"$x{n}" ])
        }

        test "Strangers have one share of the staged events, and take no place of others" {
            let machine =
                begunAt start {
                    IncomingLimits.Default with
                        Staged = 10
                        StagedOfPeer = 5
                }

            let ofTwo = [ for n in 1..5 -> fromServer "two" $"$m{n}" [ $"$gone{n}" ] ]
            receive machine unreached ofTwo |> ignore

            let strangers = [ for n in 1..20 -> ofStranger $"invented{n}" $"$x{n}" [ $"$lacks{n}" ] ]

            let outcome = receive machine unreached strangers
            same outcome.Reasons [ for _ in 6..20 -> DropReason.StagingFull 5 ]
            same (List.filter machine.IsStaged [ for n in 1..5 -> $"$m{n}" ]).Length 5
            same machine.Waiting 10

            // Where there is no space, strangers make room first.
            let outcome =
                receive machine unreached [ for n in 6..7 -> fromServer "one" $"$m{n}" [ $"$gone{n}" ] ]

            same (List.map fst outcome.Dropped) [ "$x1"; "$m1" ]
            same (List.filter machine.IsStaged [ "$m6"; "$m7" ]).Length 2
        }

        test "Strangers have a quarter of a room's bytes together" {
            let machine =
                begunAt start {
                    IncomingLimits.Default with
                        StagedBytes = 64 * 1024
                }

            let outcome =
                receive machine unreached [ for n in 1..30 -> ofStranger $"invented{n}" $"$x{n}" [ $"$lacks{n}" ] ]

            same (List.distinct outcome.Reasons) [ DropReason.StagingFull(16 * 1024) ]
            Expect.isLessThanOrEqual machine.WaitingBytes (16L * 1024L) "waiting bytes"
            same machine.WaitingBytesByPeer [| struct (RoomMachine.StrangersShare, machine.WaitingBytes) |]

            let others = [ for n in 1..20 -> fromServer "two" $"$m{n}" [ $"$gone{n}" ] ]
            same (receive machine unreached others).Dropped []
        }

        testTheory "A stranger's event that a server of the room sends or needs is searched for at the room's servers" [
            "$e"
            "$f"
        ]
        <| fun sent ->
            let machine = begunAt start IncomingLimits.Default
            receive machine unreached [ fromServer "invented" "$e" [ "$gone" ] ] |> ignore
            Expect.isTrue (machine.IsStaged "$e") "is staged"

            let has (request: PeerRequest) =
                match request.Peer, request.Request with
                | "two", Request.Missing _ -> Response.Events [| good (message "$gone" [ "$join" ]) |]
                | "two", _ -> Response.Nothing
                | _ -> notNow

            let prev = if sent = "$e" then "$gone" else "$e"
            let outcome = receive machine has [ fromServer "two" sent [ prev ] ]

            same
                outcome.Ids
                (if sent = "$e" then
                     [ "$gone"; "$e" ]
                 else
                     [ "$gone"; "$e"; "$f" ])

            same machine.Waiting 0

        test "A remembered event of a stranger that a server of the room sends too is searched for at the room's" {
            let machine = begunAt start IncomingLimits.Default
            receive machine silent [ fromServer "invented" "$e" [ "$gone" ] ] |> ignore
            same (remembered machine) [ "$e" ]

            let outcome = receive machine silent [ fromServer "two" "$e" [ "$gone" ] ]
            same (set [ for r in outcome.Requests -> r.Peer ]) (set joinedServers)
            same machine.WaitingBytesByPeer.Length 1
            let struct (share, _) = machine.WaitingBytesByPeer[0]
            same share "two"
        }

        test "What a stranger does not have is asked of the room's servers for another event" {
            let machine = begunAt start IncomingLimits.Default
            receive machine silent [ ofStranger "invented" "$x" [ "$late" ] ] |> ignore

            let has (request: PeerRequest) =
                match request.Request with
                | Request.Missing _ -> Response.Events [| good (message "$late" [ "$join" ]) |]
                | _ -> Response.Nothing

            let outcome = receive machine has [ fromServer "two" "$m" [ "$late" ] ]
            Expect.containsAll outcome.Ids [ "$late"; "$m" ] "ids"
        }

        test "Strangers hold a quarter of the fetched states, and the next one follows" {
            let machine =
                begunAt start {
                    IncomingLimits.Default with
                        States = 4
                }

            /// Answers that there is nothing, but to requests for states.
            let rec untilStates (inputs: Input[]) : string list =
                match machine.ReceiveOver(read, inputs).Requests with
                | [||] -> [
                    for r in machine.Outstanding do
                        if r.Request.IsStateBefore then
                            r.For
                  ]
                | requests ->
                    untilStates [|
                        for r in requests do
                            if not r.Request.IsStateBefore then
                                Input.Responded(r.Number, Response.Nothing)
                    |]

            let strangers = [| for n in 1..6 -> ofStranger $"invented{n}" $"$x{n}" [ $"$lacks{n}" ] |]

            same (untilStates strangers) [ "$x1" ]

            let others = [| for n in 1..3 -> fromServer "two" $"$m{n}" [ $"$gone{n}" ] |]
            same (untilStates others) [ "$x1"; "$m1"; "$m2"; "$m3" ]

            let first = machine.Outstanding[0]
            same (untilStates [| Input.Responded(first.Number, Response.Nothing) |]) [ "$m1"; "$m2"; "$m3"; "$x2" ]
        }

        test "Where strangers have no space over all rooms, their events that lack others are dropped" {
            let machine = begunAt start IncomingLimits.Default

            let outcome =
                receive machine unreached [
                    Input.NoSpaceForStrangers
                    ofStranger "invented" "$x" [ "$gone" ]
                    fromServer "invented" "$whole" [ "$join" ]
                    fromServer "two" "$m" [ "$gone" ]
                ]

            same outcome.Dropped [ "$x", DropReason.MustNotWait ]
            same outcome.Ids [ "$whole" ]
            Expect.isTrue (machine.IsStaged "$m") "is staged"
        }

        test "A call that is undone leaves a stranger's event a stranger's" {
            let machine = begunAt start IncomingLimits.Default
            receive machine unreached [ fromServer "invented" "$e" [ "$gone" ] ] |> ignore

            // It lacks facts, so that nothing of it has happened.
            let step = machine.Receive [| fromServer "two" "$f" [ "$e" ] |]
            Expect.isFalse step.LookUps.IsEmpty "look ups"
            let struct (share, _) = machine.WaitingBytesByPeer[0]
            same share RoomMachine.StrangersShare
        }
    ]
