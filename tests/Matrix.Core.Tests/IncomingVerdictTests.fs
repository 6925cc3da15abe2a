/// The room machine's results for events that lack nothing, or can never be complete: verdicts, extremities, drops.
module Matrix.Core.Tests.IncomingVerdictTests

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

/// An invitation by a third-party identifier, with this key.
let private invitation id (key: string) prev =
    event id creator "m.room.third_party_invite" (Some "token") [ "public_key", text key ] prev [ "$create"; "$join" ]

let private bob = "@b:one"

/// The invite that an identity server's signature turns it into.
let private invited prev auth =
    event
        "$invite"
        creator
        "m.room.member"
        (Some bob)
        [
            "membership", text "invite"
            "third_party_invite",
            nested [
                "signed", nested [ "mxid", text bob; "token", text "token"; "signatures", nested [] ]
            ]
        ]
        prev
        auth

let tests =
    testList "IncomingVerdictTests" [
        test "A room begins with its create event" {
            let step =
                (machineWith IncomingLimits.Default).ReceiveAlone [| arrives joined; arrives create |]

            same (ids step) ([ "$create"; "$join" ])

            Expect.isTrue
                (step.Decided
                 |> Array.forall (fun d -> d.Verdict.IsAccepted && d.Known.Provenance.IsComputed))
                "decided"

            same ([ for e in step.Decided[1].Extremities -> e.EventId ]) ([ "$join" ])
        }

        test "Malformed events and events of another room are dropped" {
            let elsewhere =
                Draft.toPdu version {
                    Draft.message creator "m.room.message" [] with
                        Room = "!other:one"
                }

            let step =
                (machineWith IncomingLimits.Default).ReceiveAlone [|
                    Input.Malformed("two", PduFault.Missing "sender")
                    arrives elsewhere
                |]

            same
                (drops step)
                ([
                    DropReason.Malformed(PduFault.Missing "sender")
                    DropReason.OtherRoom "!other:one"
                ])
        }

        test "A wrong signature drops an event, and a copy with the right one is still accepted" {
            let machine = begun IncomingLimits.Default

            let forged =
                Input.Received("two", signed SignatureFate.Invalid (message "$m" [ "$join" ]))

            same (drops (machine.ReceiveAlone [| forged |])) ([ DropReason.NotSigned "one" ])
            same (ids (machine.ReceiveAlone [| forged; arrives (message "$m" [ "$join" ]) |])) ([ "$m" ])
        }

        test "A rejected event is in the graph, but changes no state, is not built upon and authorises nothing" {
            let machine = begun IncomingLimits.Default
            let stranger = "@b:one"

            let topic =
                event "$bad" stranger "m.room.topic" (Some "") [] [ "$join" ] [ "$create" ]

            let above = message "$above" [ "$bad" ]

            let step =
                machine.ReceiveAlone [| arrives topic; arrives above; arrives (citing "$citing" "$bad") |]

            same
                (Map [ for d in step.Decided -> d.Event.EventId, d.Known.Status ])
                (Map [
                    "$bad", EventStatus.Rejected
                    "$above", EventStatus.Accepted
                    "$citing", EventStatus.Rejected
                ])

            same ([ for e in machine.Extremities -> e.EventId ]) ([ "$above" ])
            Expect.isNull (machine.CurrentState.Find("m.room.topic", "")) "find"
        }

        test "An event that arrives after its descendants closes the gap, even if it is rejected" {
            let machine = begun IncomingLimits.Default

            receives machine [ arrives (message "$above" [ "$bad" ]) ] (fun request ->
                match request.Request with
                | Request.StateBefore _ -> Response.State([| "$create"; "$join" |], [||])
                | _ -> Response.Nothing)
            |> ignore

            same ([ for e in machine.Extremities -> e.EventId ]) ([ "$join"; "$above" ])

            let late =
                event "$bad" "@b:one" "m.room.topic" (Some "") [] [ "$join" ] [ "$create" ]

            machine.ReceiveAlone [| arrives late |] |> ignore
            same ([ for e in machine.Extremities -> e.EventId ]) ([ "$above" ])
        }

        test "Events that depend on themselves are dropped" {
            let machine = begun IncomingLimits.Default

            let step =
                machine.ReceiveAlone [| arrives (message "$x" [ "$y" ]); arrives (message "$y" [ "$x" ]) |]

            same (drops step) ([ DropReason.Circular; DropReason.Circular ])
            Expect.equal machine.Waiting 0 "waiting"
        }

        test "Durable events are read from the history" {
            let machine = machineWith IncomingLimits.Default
            let begun = machine.ReceiveAlone [| arrives create; arrives joined |]
            same (machine.NotDurable) (2)

            machine.Durable begun.Decided[1].Number

            Expect.equal machine.NotDurable 0 "not durable"
        }

        test "A copy with another room id does not replace the event" {
            let machine = begun IncomingLimits.Default
            let original = message "$m" [ "$join" ]

            let elsewhere =
                Draft.toPdu version {
                    Draft.message creator "m.room.message" [] with
                        Id = "$m"
                        Room = "!other:one"
                        Prev = [ "$join" ]
                        Auth = [ "$create"; "$join" ]
                }

            let step =
                machine.ReceiveAlone [|
                    Input.Received("two", signed SignatureFate.Invalid original)
                    Input.Received("two", good elsewhere)
                |]

            same (ids step) ([])
            same (drops step) ([ DropReason.NotSigned "one" ])
        }

        test "An event among its own auth events is dropped at once, whatever else is outstanding" {
            let machine = begun IncomingLimits.Default
            let waits = machine.ReceiveAlone [| arrives (message "$n" [ "$gone" ]) |]
            same (waits.Requests.Length) (1)

            let after = message "$x" [ "$join"; "$x" ]

            let step = machine.ReceiveAlone [| arrives after; arrives (citing "$y" "$y") |]
            same (drops step) ([ DropReason.Circular; DropReason.Circular ])
            same (machine.Waiting) (1)
        }

        test "An event with an auth event of another room is rejected" {
            let machine = begun IncomingLimits.Default

            let foreign =
                Draft.toPdu version {
                    Draft.state creator "m.room.power_levels" "" [] with
                        Id = "$foreign"
                        Room = "!other:one"
                }

            let outcome fate =
                receives machine [ arrives (citing "$m" "$foreign") ] (fun request ->
                    match request.Request with
                    | Request.AuthChain _ -> Response.Events [| signed fate foreign; good create; good joined |]
                    | _ -> Response.Nothing)

            // The room id of an event without a valid signature is not reliable.
            let unsigned = (outcome SignatureFate.Invalid).Reasons
            Expect.contains unsigned (DropReason.OtherRoom "!other:one") "unsigned"
            same (List.last unsigned) (DropReason.AuthEventUnavailable "$foreign")

            match (outcome SignatureFate.Valid).Decided |> List.map _.Verdict with
            | [ Verdict.Rejected failure ] -> same (failure.Clause) ("auth-events.elsewhere")
            | other -> failtest $"%A{other}"
        }

        test "A third-party invite is verified with the keys of the state that each check uses" {
            let tried = ResizeArray<string>()

            let status (valid: string list) =
                let machine = begun IncomingLimits.Default

                machine.ReceiveAlone [| arrives (invitation "$old" "old" [ "$join" ]) |]
                |> ignore

                machine.ReceiveAlone [| arrives (invitation "$new" "new" [ "$old" ]) |]
                |> ignore

                let step =
                    machine.ReceiveOver(
                        (fun lookUps ->
                            let results = LookUpResults lookUps

                            for lookUp in lookUps.ThirdParty do
                                tried.AddRange lookUp.Keys

                                results.AddVerified(
                                    lookUp,
                                    lookUp.Keys |> Array.filter (fun key -> List.contains key valid)
                                )

                            results),
                        [| arrives (invited [ "$old" ] [ "$create"; "$join"; "$old" ]) |]
                    )

                step.Decided[0].Known.Status

            // The state before has the old key, the current state the new one.
            same (status [ "old"; "new" ]) EventStatus.Accepted
            same (status [ "old" ]) EventStatus.SoftFailed
            same (status [ "new" ]) EventStatus.Rejected
            same (List.sort (List.distinct (List.ofSeq tried))) [ "new"; "old" ]
        }
    ]
