/// The events of fetched states, of which there may be thousands: decided together, in the order of staged ones.
module Matrix.Core.Tests.IncomingOutliersTests

open System
open Expecto
open Matrix.Testing
open Matrix.Core.Event
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Properties.Generators
open Matrix.Properties.Simulation
open Matrix.Core.Tests.IncomingRoom

let private member' (user: string) (content: (string * Matrix.Core.Json.Json) list) (auth: string list) : Pdu =
    event $"${user}" user "m.room.member" (Some user) content [ "$join" ] ("$create" :: auth)

let private open' =
    event "$open" creator "m.room.join_rules" (Some "") [ "join_rule", text "public" ] [ "$join" ] [
        "$create"
        "$join"
    ]

/// Members who joined by the public join rule, and the rule.
let private crowd (count: int) : Pdu list =
    open'
    :: [
        for n in 1..count -> member' $"@u{n}:one" [ "membership", text "join" ] [ "$open" ]
    ]

/// Peers that return a state with these events, in this order.
let private returning (events: Pdu list) (request: PeerRequest) : Response =
    match request.Request with
    | Request.StateBefore _ -> Response.State([| "$create"; "$join"; yield! events |> List.map _.EventId |], [||])
    | Request.Events ids ->
        Response.Events [|
            for pdu in events do
                if Array.contains pdu.EventId ids then
                    good pdu
        |]
    | _ -> Response.Nothing

/// Bytes that the machine may allocate for an event of a fetched state, when it decides them.
let private mostBytes =
#if DEBUG
    60_000L
#else
    6_000L
#endif

let tests =
    testList "IncomingOutliersTests" [
        test "Events of a fetched state are decided after their auth events, whatever their order in the response" {
            let machine = begun IncomingLimits.Default

            let outcome =
                receives machine [ arrives (message "$m" [ "$gone" ]) ] (returning (List.rev (crowd 5)))

            same outcome.Dropped []
            same (List.head outcome.Ids) "$open"
            same (List.last outcome.Ids) "$m"
            Expect.sameElements outcome.Ids ("$m" :: (crowd 5 |> List.map _.EventId)) "ids"
            Expect.isTrue (outcome.Decided |> List.forall _.Verdict.IsAccepted) "decided"
            Expect.equal machine.CurrentState.Count 8 "number of current state"
        }

        testCase "An event of a fetched state whose auth event did not come waits for it, and the others do not"
        <| fun () ->
            let machine = begun IncomingLimits.Default
            let mutable wasAsked = false

            let topic =
                event "$topic" creator "m.room.topic" (Some "") [] [ "$join" ] [ "$create"; "$join" ]

            let late =
                receives machine [ arrives (message "$n" [ "$gone" ]) ] (fun request ->
                    match request.Request with
                    | Request.StateBefore _ -> Response.State([| "$create"; "$join"; "$@u1:one"; "$topic" |], [||])
                    | Request.Events [| "$open" |]
                    | Request.AuthChain _ ->
                        wasAsked <- true
                        Response.Events [| good open' |]
                    | Request.Events _ -> Response.Events [| good (List.last (crowd 1)); good topic |]
                    | _ -> Response.Nothing)

            Expect.isTrue wasAsked "was asked"
            same late.Dropped []
            same late.Ids [ "$topic"; "$open"; "$@u1:one"; "$n" ]

        testCase "The signatures of all third-party invites of a fetched state are verified together"
        <| fun () ->
            let machine = begun IncomingLimits.Default

            let invitation (n: int) =
                event
                    $"$invitation{n}"
                    creator
                    "m.room.third_party_invite"
                    (Some $"token{n}")
                    [ "public_key", text "key" ] [ "$join" ] [ "$create"; "$join" ]

            let invited (n: int) =
                let user = $"@b{n}:one"

                event
                    $"$invited{n}"
                    creator
                    "m.room.member"
                    (Some user)
                    [
                        "membership", text "invite"
                        "third_party_invite",
                        nested [
                            "signed", nested [ "mxid", text user; "token", text $"token{n}"; "signatures", nested [] ]
                        ]
                    ] [ "$join" ] [ "$create"; "$join"; $"$invitation{n}" ]

            let events = [
                for n in 1..20 do
                    invitation n
                    invited n
            ]

            let mutable verifications = 0

            let read (lookUps: LookUps) =
                let results = LookUpResults lookUps

                if lookUps.ThirdParty.Length > 0 then
                    verifications <- verifications + 1

                for lookUp in lookUps.ThirdParty do
                    results.AddVerified(lookUp, lookUp.Keys)

                results

            let mutable next = [| arrives (message "$m" [ "$gone" ]) |]
            let decided = ResizeArray<DecidedEvent>()

            while next.Length > 0 do
                let step = machine.ReceiveOver(read, next)
                decided.AddRange step.Decided

                next <- [|
                    for request in step.Requests -> Input.Responded(request.Number, returning events request)
                |]

            Expect.equal decided.Count 41 "number of decided"
            Expect.isTrue (decided |> Seq.forall _.Verdict.IsAccepted) "decided"
            Expect.equal verifications 1 "verifications"

        testCase "Deciding the events of a fetched state allocates little for each"
        <| fun () ->
            let count = 2_000
            let crowd = create :: joined :: crowd count
            let responses = Response.Events [| for pdu in crowd -> good pdu |]
            let limits = IncomingLimits.Default.ForJoin 100_000

            let allocated () =
                let machine = machineWith limits
                let mutable next = [| arrives (message "$m" [ "$gone" ]) |]
                let ids = [| for pdu in crowd -> pdu.EventId |]
                let before = GC.GetAllocatedBytesForCurrentThread()

                while next.Length > 0 do
                    let step = machine.ReceiveAlone next

                    next <- [|
                        for request in step.Requests do
                            match request.Request with
                            | Request.StateBefore _ -> Input.Responded(request.Number, Response.State(ids, [||]))
                            | Request.Events _ -> Input.Responded(request.Number, responses)
                            | _ -> Input.Responded(request.Number, Response.Nothing)
                    |]

                Expect.equal machine.CurrentState.Count (count + 3) "number of current state"
                (GC.GetAllocatedBytesForCurrentThread() - before) / int64 count

            allocated () |> ignore
            let each = allocated ()
            stdout.WriteLine $"{each} bytes for each event"
            Expect.isLessThan each mostBytes "each"
    ]
