/// Replays of rooms, including rooms with missing or contradictory events.
module Matrix.Core.Tests.ReplayTests

open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.StateRes
open Matrix.Properties.Generators

let private alice, bob = DrawnRoom.alice, DrawnRoom.bob
let private version = Versions.v10

let private after prev (draft: Draft) = { draft with Prev = prev }

let private drafts = [
    DrawnRoom.create
    DrawnRoom.joins "$alice" alice [ "$create" ] |> after [ "$create" ]
    DrawnRoom.levels "$p0" alice [ alice, 100 ] [] [ "$create"; "$alice" ]
    |> after [ "$alice" ]
    DrawnRoom.joinRules "$rules" alice "public" [ "$create"; "$p0"; "$alice" ]
    |> after [ "$p0" ]
    DrawnRoom.joins "$bob" bob [ "$create"; "$p0"; "$rules" ] |> after [ "$rules" ]
    DrawnRoom.topic "$one" alice "one" [ "$create"; "$p0"; "$alice" ]
    |> after [ "$bob" ]
    DrawnRoom.topic "$two" alice "two" [ "$create"; "$p0"; "$alice" ]
    |> after [ "$bob" ]
    // Bob may not.
    DrawnRoom.topic "$his" bob "his" [ "$create"; "$p0"; "$bob" ]
    |> after [ "$one"; "$two" ]
]

let private pdusOf (drafts: Draft list) : Pdu list =
    let graph = DrawnRoom.room version drafts
    drafts |> List.map (fun d -> graph.Events[d.Id])

let private run (pdus: Pdu list) =
    Replay.Run(AuthRules version, Array.ofList pdus, ResolutionLimits.Usual)

let private without id =
    pdusOf drafts |> List.filter (fun e -> e.EventId <> id)

let tests =
    testList "ReplayTests" [
        test "A room is replayed to the state after its extremities" {
            match run (pdusOf drafts) with
            | Error error -> failtest $"%A{error}"
            | Ok replay ->
                let topic =
                    match replay.State.Find("m.room.topic", "") with
                    | null -> ""
                    | entry -> entry.EventId

                Expect.equal topic "$two" "topic"
                Expect.sameElements replay.Extremities [ "$one"; "$two" ] "extremities"

                let rejected =
                    replay.Events
                    |> Array.filter (fun e -> e.Rejection.IsSome)
                    |> Array.map _.Pdu.EventId

                Expect.sameElements rejected [ "$his" ] "rejected"
        }

        test "An event after a rejected one descends from that one's ancestors" {
            let later =
                DrawnRoom.topic "$last" alice "last" [ "$create"; "$p0"; "$alice" ]
                |> after [ "$his" ]

            match run (pdusOf (drafts @ [ later ])) with
            | Error error -> failtest $"%A{error}"
            | Ok replay -> Expect.sameElements replay.Extremities [ "$last" ] "extremities"
        }

        test "A missing previous event is named" {
            match run (without "$one") with
            | Error(ReplayError.PrevEventMissing("$his", "$one")) -> ()
            | other -> failtest $"%A{other}"
        }

        test "A missing auth event is named" {
            let pdus =
                drafts
                |> List.map (fun d -> if d.Id = "$rules" then after [ "$alice" ] d else d)
                |> pdusOf
                |> List.filter (fun e -> e.EventId <> "$p0")

            match run pdus with
            | Error(ReplayError.AuthEventMissing(_, "$p0")) -> ()
            | other -> failtest $"%A{other}"
        }

        test "Events in a cycle are found, and their descendants are not blamed" {
            let circle = [
                DrawnRoom.topic "$x" alice "x" [ "$create"; "$p0"; "$alice" ] |> after [ "$y" ]
                DrawnRoom.topic "$y" alice "y" [ "$create"; "$p0"; "$alice" ] |> after [ "$x" ]
                DrawnRoom.topic "$z" alice "z" [ "$create"; "$p0"; "$alice" ] |> after [ "$y" ]
            ]

            match run (pdusOf (drafts @ circle)) with
            | Error(ReplayError.Circle id) -> Expect.contains [ "$x"; "$y" ] id "the value"
            | other -> failtest $"%A{other}"
        }

        test "An event that names itself is a cycle" {
            let own =
                DrawnRoom.topic "$x" alice "x" [ "$create"; "$p0"; "$alice" ] |> after [ "$x" ]

            match run (pdusOf (drafts @ [ own ])) with
            | Error(ReplayError.Circle "$x") -> ()
            | other -> failtest $"%A{other}"
        }

        test "A room without events has the empty state" {
            match run [] with
            | Ok replay -> Expect.equal replay.State.Count 0 "number of state"
            | Error error -> failtest $"%A{error}"
        }
    ]
