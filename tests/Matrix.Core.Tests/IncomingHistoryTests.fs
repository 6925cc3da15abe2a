/// Events from before what the server knows.
module Matrix.Core.Tests.IncomingHistoryTests

open Expecto
open Matrix.Testing
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Properties.Generators
open Matrix.Properties.Simulation
open Matrix.Core.Tests.IncomingRoom

let private old (pdu: Pdu) : Input = Input.History("two", good pdu)

/// An event of the chain h1, h2, …, at its depth.
let private link n =
    Draft.toPdu version {
        Draft.message creator "m.room.message" [] with
            Id = $"$h{n}"
            Prev = [ $"$h{n - 1}" ]
            Auth = [ "$create"; "$join" ]
            Depth = int64 n
    }

let private states (request: PeerRequest) =
    match request.Request with
    | Request.StateBefore _ -> Response.State([| "$create"; "$join" |], [||])
    | _ -> Response.Nothing

/// A machine that knows the room's first events, and an event after the chain.
let private joinedLate () =
    let machine = begun IncomingLimits.Default

    receives machine [ arrives (message "$now" [ "$h9"; "$join" ]) ] states
    |> ignore

    machine

let private bob = "@b:one"

let private rules =
    event "$rules" creator "m.room.join_rules" (Some "") [ "join_rule", text "public" ] [ "$h8" ] [ "$create"; "$join" ]

let private memberBob id membership sender prev auth =
    event id sender "m.room.member" (Some bob) [ "membership", text membership ] prev auth

let private joins = memberBob "$bob" "join" bob [ "$rules" ] [ "$create"; "$rules" ]

let private said id prev auth =
    event id bob "m.room.message" None [] prev auth

/// Bob is banned.
let private banned (machine: RoomMachine) =
    let power =
        event "$power" creator "m.room.power_levels" (Some "") [ "users", nested [ creator, number 100 ] ] [ "$now" ] [
            "$create"
            "$join"
        ]

    let ban =
        memberBob "$ban" "ban" creator [ "$power" ] [ "$create"; "$join"; "$power" ]

    same (receives machine [ arrives power; arrives ban ] states).Ids [ "$power"; "$ban" ]

/// A machine that knows an event after the chain, and that one who joined in it was banned since.
let private afterBan () =
    let machine = joinedLate ()
    banned machine
    machine

let tests =
    testList "IncomingHistoryTests" [
        test "A page of history is decided from its oldest event on, and gets numbers below all others" {
            let machine = joinedLate ()
            let before = machine.Extremities, machine.CurrentState
            let outcome = receives machine [ old (link 9); old (link 8); old (link 7) ] states

            same [ for d in outcome.Decided -> d.Event.EventId, d.Ordinal ] [
                "$h7", 0x7FFFFFFDu
                "$h8", 0x7FFFFFFEu
                "$h9", 0x7FFFFFFFu
            ]

            same [ for request in outcome.Requests -> request.Request ] [ Request.StateBefore "$h7" ]
            Expect.isTrue (outcome.Decided |> List.forall (fun d -> d.IsHistory && d.Verdict.IsAccepted)) "decided"
            same before (machine.Extremities, machine.CurrentState)
            same outcome.Decided[0].GapsOpened [| "$h6" |]
            same [ for d in outcome.Decided -> d.ClosesGap ] [ false; false; true ]
            same (List.ofSeq machine.Gaps.Ids) [ "$h6" ]

            let older = receives machine [ old (link 5); old (link 6) ] states

            same [ for d in older.Decided -> d.Event.EventId, d.Ordinal ] [ "$h5", 0x7FFFFFFBu; "$h6", 0x7FFFFFFCu ]

            same machine.Numbers.NextHistory 0x7FFFFFFAu
        }

        test "A gap leaves numbers free, and its events get them" {
            let machine = joinedLate ()
            same machine.Numbers.NextLive 0x800186A3u
            let place = Input.HistoryPlace(0x80000001u, 0x800186A2u)
            let outcome = receives machine [ place; old (link 9); old (link 8) ] states

            same [ for d in outcome.Decided -> d.Event.EventId, d.Ordinal, d.IsHistory ] [
                "$h8", 0x800186A0u, true
                "$h9", 0x800186A1u, true
            ]

            same machine.Numbers.NextLive 0x800186A3u
            same machine.Numbers.NextHistory 0x7FFFFFFFu
            let narrow = Input.HistoryPlace(0x8001869Eu, 0x800186A0u)
            let cut = receives machine [ narrow; old (link 7); old (link 6) ] states
            same [ for d in cut.Decided -> d.Event.EventId, d.Ordinal ] [ "$h7", 0x8001869Fu ]
            same cut.Dropped [ "$h6", DropReason.NoNumber ]
        }

        test "Events of history that still wait keep their numbers" {
            let machine = joinedLate ()
            let place = Input.HistoryPlace(0x80000001u, 0x800186A2u)
            let waits = machine.ReceiveAlone [| place; old (link 9) |]
            same waits.Decided [||]
            let later = machine.ReceiveAlone [| place; old (link 7) |]

            let answered (step: Output) =
                machine.ReceiveAlone [| for r in step.Requests -> Input.Responded(r.Number, states r) |]

            same [ for d in (answered later).Decided -> d.Event.EventId, d.Ordinal ] [ "$h7", 0x800186A0u ]
            same [ for d in (answered waits).Decided -> d.Event.EventId, d.Ordinal ] [ "$h9", 0x800186A1u ]
        }

        test "A page in the same place gets numbers below those of the first, which is not durable yet" {
            let machine = joinedLate ()
            let place = Input.HistoryPlace(0x80000001u, 0x800186A2u)
            let first = receives machine [ place; old (link 9) ] states
            let second = receives machine [ place; old (link 8) ] states
            same [ for d in first.Decided -> d.Event.EventId, d.Ordinal ] [ "$h9", 0x800186A1u ]
            same [ for d in second.Decided -> d.Event.EventId, d.Ordinal ] [ "$h8", 0x800186A0u ]
        }

        testCase "Gaps do not use up the numbers of live events"
        <| fun () ->
            let mutable numbers = RoomNumbers(0x80000001u, 0x7FFFFFFFu, 1u)

            for _ in 1..100_000 do
                let next = numbers.NextLiveAfterGap 100_000u
                Expect.isGreaterThanOrEqual next numbers.NextLive "next"
                numbers <- RoomNumbers(next + 1u, 0x7FFFFFFFu, 1u)

            Expect.isLessThan numbers.NextLive 0xC0100000u "next live"

        test "History that an accepted event descends from is never soft-failed, but it is rejected" {
            let machine = afterBan ()

            let page = [
                rules
                joins
                said "$said" [ "$bob" ] [ "$create"; "$bob" ]
                said "$unauthorised" [ "$bob" ] [ "$create" ]
                message "$h9" [ "$said"; "$unauthorised" ]
            ]

            let outcome = receives machine (List.map old page) states
            let statuses = Map [ for d in outcome.Decided -> d.Event.EventId, d.Known.Status ]
            same statuses["$said"] EventStatus.Accepted
            same statuses["$unauthorised"] EventStatus.Rejected
            // The same event live:
            let live =
                receives machine [ arrives (said "$late" [ "$bob" ] [ "$create"; "$bob" ]) ] states

            same live.Decided[0].Known.Status EventStatus.SoftFailed
        }

        test "History that only refused events name is soft-failed if the current state forbids it" {
            let machine = afterBan ()
            let before = machine.Extremities, machine.CurrentState

            let peers (request: PeerRequest) =
                match request.Request with
                | Request.StateBefore "$late" -> Response.State([| "$create"; "$join"; "$rules"; "$bob" |], [||])
                | Request.Events ids ->
                    Response.Events [|
                        for pdu in [ rules; joins ] do
                            if Array.contains pdu.EventId ids then
                                good pdu
                    |]
                | _ -> states request

            let late =
                receives machine [ arrives (said "$late" [ "$said" ] [ "$create"; "$bob" ]) ] peers

            same (List.last late.Decided).Known.Status EventStatus.SoftFailed

            let page = [ rules; joins; said "$said" [ "$bob" ] [ "$create"; "$bob" ] ]
            let outcome = receives machine (List.map old page) peers

            same [ for d in outcome.Decided -> d.Event.EventId, d.Known.Status, d.IsHistory ] [
                "$rules", EventStatus.Accepted, true
                "$bob", EventStatus.SoftFailed, true
                "$said", EventStatus.SoftFailed, true
            ]

            same before (machine.Extremities, machine.CurrentState)
        }

        test "History below a waiting event that an accepted one names is not soft-failed" {
            let machine = afterBan ()
            let said = said "$said" [ "$bob" ] [ "$create"; "$bob" ]
            // The event that the gap names waits for its auth event. It came live.
            let waits =
                event "$h9" creator "m.room.message" None [] [ "$said" ] [ "$create"; "$join"; "$levels" ]

            let auth = levels "$levels" [ "$join" ] [ "$create"; "$join" ]

            let peers (request: PeerRequest) =
                match request.Request with
                | Request.StateBefore _ -> states request
                | Request.Missing("$h9", _, _) -> Response.Nothing
                | _ -> notNow

            let first, _ = outcomeOf machine [ arrives waits ] (fun _ -> notNow)
            same first.Ids []
            let page, _ = outcomeOf machine (List.map old [ rules; joins; said ]) peers

            same [ for d in page.Decided -> d.Event.EventId, d.Known.Status, d.IsHistory ] [
                "$rules", EventStatus.Accepted, true
                "$bob", EventStatus.Accepted, true
                "$said", EventStatus.Accepted, true
            ]

            Expect.isTrue (machine.IsStaged "$h9") "is staged"
            let later, _ = outcomeOf machine [ Input.Received("two", good auth) ] silent
            same (List.last later.Ids) "$h9"
        }

        test "An accepted follower is found beside many refused ones" {
            let machine =
                begun {
                    IncomingLimits.Default with
                        LookedThrough = 8
                }

            // A chain of refused events after the gap, which came before the accepted one.
            let refused n =
                said $"$refused{n}" [ (if n = 1 then "$h9" else $"$refused{n - 1}") ] [ "$create" ]

            receives machine [ for n in 1..20 -> arrives (refused n) ] states |> ignore

            receives machine [ arrives (message "$now" [ "$h9"; "$join" ]) ] states
            |> ignore

            banned machine
            let last = said "$h9" [ "$bob" ] [ "$create"; "$bob" ]
            let outcome = receives machine (List.map old [ rules; joins; last ]) states
            same (List.last outcome.Decided).Event.EventId "$h9"
            same (List.last outcome.Decided).Known.Status EventStatus.Accepted
        }

        test "After a failed flush, history is decided again with the same numbers" {
            let machine = joinedLate ()
            let outcome = receives machine [ old (link 9); old (link 8) ] states
            let number = outcome.Decided[0].Number
            same (machine.Failed number).Length 2
            same machine.Numbers.NextHistory 0x7FFFFFFFu
            let again = machine.ReceiveAlone [||]

            same [ for d in again.Decided -> d.Event.EventId, d.Ordinal ] [
                for d in outcome.Decided -> d.Event.EventId, d.Ordinal
            ]
        }
    ]
