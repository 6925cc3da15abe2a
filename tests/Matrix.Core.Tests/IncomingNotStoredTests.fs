/// Events that the storage refused: the room does without them, as if no peer had them.
module Matrix.Core.Tests.IncomingNotStoredTests

open Expecto
open Matrix.Testing
open Matrix.Core.Auth
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Graph
open Matrix.Properties.Simulation
open Matrix.Core.Tests.IncomingRoom

/// A machine that knows the first events of the room, whose storage refused `$refused`.
let private begunWith limits =
    let start =
        RoomStart(create.RoomId, [||], null, RoomNumbers.First, RoomGaps.None, [| "$refused" |])

    let machine = RoomMachine.Of("here", AuthRules version, start, limits)
    receives machine [ arrives create; arrives joined ] silent |> ignore
    machine

let private refused = message "$refused" [ "$join" ]

/// Peers that return the state after the room's first events, and the refused event wherever it may be.
let private peers (request: PeerRequest) =
    match request.Request with
    | Request.StateBefore _ -> Response.State([| "$create"; "$join" |], [||])
    | Request.Missing _
    | Request.Events _
    | Request.AuthChain _ -> Response.Events [| good refused |]
    | Request.Keys _ -> Response.Nothing

let tests =
    testList "IncomingNotStoredTests" [
        test "It is dropped when it comes" {
            let machine = begunWith IncomingLimits.Default

            let outcome =
                receives machine [ arrives refused; arrives (message "$m" [ "$join" ]) ] peers

            same outcome.Ids [ "$m" ]
            same outcome.Dropped [ "$refused", DropReason.NotStored ]
        }

        test "An event that follows it is decided with a state from a peer" {
            let machine = begunWith IncomingLimits.Default
            let outcome = receives machine [ arrives (message "$m" [ "$refused" ]) ] peers
            same outcome.Ids [ "$m" ]
            same outcome.Decided[0].StateFrom "two"
            same [ for request in outcome.Requests -> request.Request ] [ Request.StateBefore "$m" ]
            same (List.ofSeq machine.Gaps.Ids) [ "$refused" ]
        }

        test "So is one that follows it two events further" {
            let machine = begunWith IncomingLimits.Default
            let between = message "$between" [ "$refused" ]

            let outcome =
                receives machine [ arrives (message "$m" [ "$between" ]) ] (fun request ->
                    match request.Request with
                    | Request.Missing _ -> Response.Events [| good refused; good between |]
                    | _ -> peers request)

            same outcome.Ids [ "$between"; "$m" ]
            same outcome.Dropped [ "$refused", DropReason.NotStored ]
        }

        test "An event that needs it as an auth event is dropped" {
            let machine = begunWith IncomingLimits.Default
            let outcome = receives machine [ arrives (citing "$m" "$refused") ] peers
            same outcome.Reasons [ DropReason.AuthEventUnavailable "$refused" ]
            same outcome.Requests []
        }

        test "A state of a peer is taken without it" {
            let machine = begunWith IncomingLimits.Default

            let outcome =
                receives machine [ arrives (message "$m" [ "$gone" ]) ] (fun request ->
                    match request.Request with
                    | Request.StateBefore _ -> Response.State([| "$create"; "$join"; "$refused" |], [| "$refused" |])
                    | _ -> Response.Nothing)

            same outcome.Ids [ "$m" ]

            match outcome.Decided[0].StateBefore with
            | null -> failtest "It was decided without a state."
            | state ->
                same (Set.ofSeq [ for entry in state.Entries() -> entry.EventId ]) (Set.ofList [ "$create"; "$join" ])

            let namesIt (request: PeerRequest) =
                match request.Request with
                | Request.Events ids -> Array.contains "$refused" ids
                | _ -> false

            Expect.isFalse (outcome.Requests |> List.exists namesIt) "requests"
        }

        test "Where one event is decided in a call, none is decided with one that is dropped" {
            let machine = begunWith IncomingLimits.Default.OneByOne
            let inputs = [| arrives refused; arrives (message "$m" [ "$join" ]) |]
            let first = machine.ReceiveOnceOver(LookUpResults, inputs)
            same (ids first, drops first, first.HasMore) ([], [ DropReason.NotStored ], true)
            let second = machine.ReceiveOnceOver(LookUpResults, [||])
            same (ids second, second.HasMore) ([ "$m" ], false)
        }

        test "To find it, one event is decided in a call, also of those that a peer's state has" {
            let machine = begun IncomingLimits.Default.OneByOne
            let levels = levels "$levels" [ "$join" ] [ "$create"; "$join" ]

            let topic =
                event "$topic" creator "m.room.topic" (Some "") [] [ "$levels" ] [ "$create"; "$join"; "$levels" ]

            let once (inputs: Input[]) =
                machine.ReceiveOnceOver(LookUpResults, inputs)

            let answer (step: Output) (response: Response) =
                once [| for request in step.Requests -> Input.Responded(request.Number, response) |]

            let asked = once [| arrives (message "$m" [ "$gone" ]) |]

            let stateAsked =
                answer asked Response.Nothing |> fun step -> answer step Response.Nothing

            let state = Response.State([| "$create"; "$join"; "$levels"; "$topic" |], [||])
            let eventsAsked = answer stateAsked state
            let first = answer eventsAsked (Response.Events [| good topic; good levels |])
            let second = once [||]
            let third = once [||]

            same [ for step in [ first; second; third ] -> ids step ] [ [ "$levels" ]; [ "$topic" ]; [ "$m" ] ]
            same [ for step in [ first; second; third ] -> step.HasMore ] [ true; true; false ]
        }
    ]
