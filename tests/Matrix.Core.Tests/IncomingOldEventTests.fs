/// Old events that a server sends by themselves, while the events between them and the known ones are missing.
module Matrix.Core.Tests.IncomingOldEventTests

open Expecto
open Matrix.Testing
open Matrix.Core.Event
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Properties.Generators
open Matrix.Properties.Simulation
open Matrix.Core.Tests.IncomingRoom

let private bob = "@b:one"

let private extremities (machine: RoomMachine) : string list = [ for e in machine.Extremities -> e.EventId ]

let private current (machine: RoomMachine) eventType key : string =
    match machine.CurrentState.Find(eventType, key) with
    | null -> ""
    | entry -> entry.EventId

/// Peers that return this state, and these events of it.
let private withState (state: Pdu list) (request: PeerRequest) =
    match request.Request with
    | Request.StateBefore _ -> Response.State([| for pdu in state -> pdu.EventId |], [||])
    | Request.Events ids ->
        Response.Events [|
            for pdu in state do
                if Array.contains pdu.EventId ids then
                    good pdu
        |]
    | _ -> Response.Nothing

/// A machine that knows an event after a gap, merged with what it knew before.
let private afterGap (state: Pdu list) (live: Pdu list) (last: string) =
    let machine = begun IncomingLimits.Default

    for pdu in live do
        machine.ReceiveAlone [| arrives pdu |] |> ignore

    receives machine [ arrives (message "$m" [ "$gone" ]) ] (withState state)
    |> ignore

    receives machine [ arrives (message "$n" [ "$m"; last ]) ] silent |> ignore
    same (extremities machine) [ "$n" ]
    machine

let tests =
    testList "IncomingOldEventTests" [
        test "An event of the current state that comes by itself brings back no earlier state" {
            let member' id sender membership prev auth =
                event id sender "m.room.member" (Some bob) [ "membership", text membership ] prev auth

            let rules =
                event "$rules" creator "m.room.join_rules" (Some "") [ "join_rule", text "public" ] [ "$join" ] [
                    "$create"
                    "$join"
                ]

            let joins = member' "$bob" bob "join" [ "$rules" ] [ "$create"; "$rules" ]

            let power =
                event
                    "$power"
                    creator
                    "m.room.power_levels"
                    (Some "")
                    [ "users", nested [ creator, number 100; bob, number 50 ] ] [ "$bob" ] [ "$create"; "$join" ]

            let name id sender time prev auth =
                Draft.toPdu version {
                    Draft.state sender "m.room.name" "" [ "name", text id ] with
                        Id = id
                        Prev = prev
                        Auth = auth
                        Time = time
                }

            let first = name "$name1" creator 1L [ "$power" ] [ "$create"; "$join"; "$power" ]

            let topic =
                event "$topic" creator "m.room.topic" (Some "") [] [ "$name1" ] [ "$create"; "$join"; "$power" ]

            let second = name "$name2" bob 2L [ "$topic" ] [ "$create"; "$bob"; "$power" ]

            let machine =
                afterGap [ create; joined; rules; joins; power; topic; second ] [ rules; joins; power; first ] "$name1"

            // The state after the topic has the first name. Where it meets a state with the kick, the algorithm prefers
            // it to the second one, whose sender was kicked.
            receives
                machine
                [
                    arrives (member' "$kick" creator "leave" [ "$n" ] [ "$create"; "$join"; "$bob"; "$power" ])
                ]
                silent
            |> ignore

            same (current machine "m.room.name" "") "$name2"

            let outcome = receives machine [ arrives topic ] silent

            same [ for d in outcome.Decided -> d.Event.EventId, d.Known.Status, d.IsOutlier ] [
                "$topic", EventStatus.Accepted, false
            ]

            same (extremities machine) [ "$kick" ]
            same (current machine "m.room.name" "") "$name2"
            same (current machine "m.room.member" bob) "$kick"
        }

        test "A state event that a peer put into the state takes no extremity away, whatever it names" {
            // The peer holds its own topic back, tells it as a part of the state before a message, and sends it then.
            let topic =
                event "$topic" creator "m.room.topic" (Some "") [] [ "$n"; "$other" ] [ "$create"; "$join" ]

            let machine = afterGap [ create; joined; topic ] [] "$join"
            let before = extremities machine
            receives machine [ arrives (message "$other" [ "$join" ]) ] silent |> ignore
            let both = extremities machine
            receives machine [ arrives topic ] silent |> ignore

            same before [ "$n" ]
            same both [ "$n"; "$other" ]
            same (extremities machine) both
        }

        test "When the event between comes as history, an old event is an extremity no longer" {
            let machine = afterGap [ create; joined ] [] "$join"
            receives machine [ arrives (message "$old" [ "$join" ]) ] silent |> ignore
            same (extremities machine) [ "$n"; "$old" ]

            receives machine [ Input.History("two", good (message "$gone" [ "$old" ])) ] silent
            |> ignore

            same (extremities machine) [ "$n" ]
        }

        test "When a page of history leads from an old event to later ones, it is an extremity no longer" {
            let machine = afterGap [ create; joined ] [] "$join"
            receives machine [ arrives (message "$old" [ "$join" ]) ] silent |> ignore
            same (extremities machine) [ "$n"; "$old" ]

            receives
                machine
                [
                    Input.History("two", good (message "$gone" [ "$between" ]))
                    Input.History("two", good (message "$between" [ "$old" ]))
                ]
                silent
            |> ignore

            same (extremities machine) [ "$n" ]
        }

        test "An old event stays an extremity while the current state needs it" {
            let ban =
                event "$ban" creator "m.room.member" (Some bob) [ "membership", text "ban" ] [ "$join" ] [
                    "$create"
                    "$join"
                ]

            let machine = afterGap [ create; joined ] [] "$join"
            receives machine [ arrives ban ] silent |> ignore

            // The state that a peer returned for an event after the ban does not have it.
            receives machine [ Input.History("two", good (message "$gone" [ "$ban" ])) ] silent
            |> ignore

            same (extremities machine) [ "$n"; "$ban" ]
            same (current machine "m.room.member" bob) "$ban"
        }

        test "While a server has an old event as an extremity, two servers' states differ, until an event merges it" {
            let anyone = [ "$create"; "$join" ]

            let rules id rule prev =
                event id creator "m.room.join_rules" (Some "") [ "join_rule", text rule ] prev anyone

            let ofBob id sender membership prev auth =
                event id sender "m.room.member" (Some bob) [ "membership", text membership ] prev auth

            let isPublic = rules "$rules1" "public" [ "$join" ]
            let bobJoins = ofBob "$bob" bob "join" [ "$rules1" ] [ "$create"; "$rules1" ]
            let kick = ofBob "$kick" creator "leave" [ "$bob" ] (anyone @ [ "$bob" ])

            let comesBack =
                ofBob "$back" bob "join" [ "$kick" ] [ "$create"; "$rules1"; "$kick" ]

            let byInvite = rules "$rules2" "invite" [ "$back" ]
            let between = [ comesBack; byInvite; message "$gone" [ "$rules2" ] ]
            let last = message "$m" [ "$gone" ]
            let merge = message "$merge" [ "$m"; "$kick" ]

            let known () =
                let machine = begun IncomingLimits.Default

                for pdu in [ isPublic; bobJoins; kick ] do
                    receives machine [ arrives pdu ] silent |> ignore

                machine

            // One gets all events in order; the other gets the last one, its state, and then what was between as
            // history.
            let inOrder = known ()

            for pdu in between @ [ last ] do
                receives inOrder [ arrives pdu ] silent |> ignore

            let afterGap = known ()

            receives afterGap [ arrives last ] (withState [ create; joined; byInvite; comesBack ])
            |> ignore

            receives afterGap [ for pdu in List.rev between -> Input.History("two", good pdu) ] silent
            |> ignore

            // Resolution decides the kick and the rules of joins first: the join without an invite, which came between
            // them, is not allowed any more.
            same (extremities afterGap) [ "$kick"; "$m" ]
            same (current afterGap "m.room.member" bob) "$kick"
            same (extremities inOrder) [ "$m" ]
            same (current inOrder "m.room.member" bob) "$back"

            for machine in [ inOrder; afterGap ] do
                receives machine [ arrives merge ] silent |> ignore
                same (extremities machine) [ "$merge" ]
                same (current machine "m.room.member" bob) "$kick"
        }
    ]
