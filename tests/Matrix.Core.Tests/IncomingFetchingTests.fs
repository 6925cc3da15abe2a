/// The requests of the room machine for an event: their order, and where they end.
module Matrix.Core.Tests.IncomingFetchingTests

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

let private fullWith (count: int) = {
    IncomingLimits.Default with
        Staged = count
        StagedOfPeer = count
}

/// The facts that a transaction costs, and the number of reads.
let private lookedUp (machine: RoomMachine) (inputs: Input[]) : string list * int =
    let events = ResizeArray<string>()
    let mutable reads = 0

    machine.ReceiveOver(
        (fun lookUps ->
            reads <- reads + 1
            events.AddRange lookUps.Events
            LookUpResults lookUps),
        inputs
    )
    |> ignore

    List.ofSeq events, reads

/// A copy whose content hash was wrong, so that it was redacted.
let private damaged (pdu: Pdu) : ReceivedEvent = { good pdu with HashHolds = false }

/// No request gets an answer with something in it.
let rec private answeredByNobody (machine: RoomMachine) : unit =
    match machine.Outstanding with
    | [||] -> ()
    | all ->
        machine.ReceiveAlone [| for request in all -> Input.Responded(request.Number, Response.Nothing) |]
        |> ignore

        answeredByNobody machine

let tests =
    testList "IncomingFetchingTests" [
        test "Unknown keys are requested, and an event whose keys cannot be fetched is dropped" {
            let machine = begun IncomingLimits.Default
            let unknown = signed SignatureFate.Skipped (message "$m" [ "$join" ])
            let step = machine.ReceiveAlone [| Input.Received("two", unknown) |]
            let all = unknown.Signatures |> Array.map _.Signature

            same ([ for a in step.Requests -> a.Peer, a.Request ]) ([ "one", Request.Keys("one", all) ])

            let refused =
                machine.ReceiveAlone [| Input.Responded(step.Requests[0].Number, Response.Nothing) |]

            same (drops refused) ([ DropReason.NotSigned "one" ])

            let again = machine.ReceiveAlone [| Input.Received("two", unknown) |]
            let right = (good unknown.Pdu).Signatures

            same
                (ids (machine.ReceiveAlone [| Input.Responded(again.Requests[0].Number, Response.Signatures right) |]))
                ([ "$m" ])
        }

        test "A copy whose keys were unknown when it came is checked with the keys known now" {
            let machine = begun IncomingLimits.Default

            let copy bytes =
                let unknown = signed SignatureFate.Skipped (message "$m" [ "$join" ])

                {
                    unknown with
                        Signatures = [|
                            for s in unknown.Signatures ->
                                {
                                    s with
                                        Signature = { s.Signature with Bytes = bytes }
                                }
                        |]
                }

            let fateOf (signature: Signature) =
                if signature.Bytes = [| 1uy |] then
                    SignatureFate.Valid
                else
                    SignatureFate.Invalid

            let outcome =
                receives
                    machine
                    [
                        Input.Received("two", copy [| 0uy |])
                        Input.Received("three", copy [| 1uy |])
                    ]
                    (fun request ->
                        match request.Request with
                        | Request.Keys(_, signatures) ->
                            Response.Signatures(signatures |> Array.map (fun s -> { Signature = s; Fate = fateOf s }))
                        | _ -> Response.Nothing)

            same outcome.Ids [ "$m" ]
            same outcome.Reasons []
        }

        test "Missing events are requested from one peer after another, then the state, and then the event is dropped" {
            let machine = begun IncomingLimits.Default
            let outcome = receives machine [ arrives (message "$m" [ "$gone" ]) ] silent

            same [ for request in outcome.Requests -> request.Peer, request.Request ] [
                "two", Request.Missing("$m", [| "$join" |], IncomingLimits.Default.Page)
                "one", Request.Events [| "$gone" |]
                "two", Request.StateBefore "$m"
                "one", Request.StateBefore "$m"
            ]

            same outcome.Reasons [ DropReason.StateUnavailable ]
        }

        test "Of a peer that does not know the extremities, no event from before the known ones is taken" {
            let machine = begun IncomingLimits.Default
            let old = levels "$old" [ "$join" ] [ "$create"; "$join" ]
            let gap = message "$gap" [ "$old" ]
            let middle = message "$middle" [ "$after" ]

            let answer (request: PeerRequest) =
                match request.Request with
                | Request.Missing("$new", _, _) -> Response.Events [| for pdu in [ old; gap; middle ] -> good pdu |]
                | Request.StateBefore _ -> Response.State([| "$create"; "$join" |], [| "$create" |])
                | _ -> Response.Nothing

            same (receives machine [ arrives (message "$after" [ "$gap" ]) ] answer).Ids [ "$after" ]
            let outcome = receives machine [ arrives (message "$new" [ "$middle" ]) ] answer
            same outcome.Ids [ "$middle"; "$new" ]
            // The known events before the gap still end in an extremity of their own.
            same [
                for extremity in (List.last outcome.Decided).Extremities -> extremity.EventId
            ] [ "$join"; "$new" ]
        }

        test "A missing event that arrives by itself withdraws its request" {
            let machine = begun IncomingLimits.Default
            let asked = machine.ReceiveAlone [| arrives (message "$n" [ "$m" ]) |]
            let step = machine.ReceiveAlone [| arrives (message "$m" [ "$join" ]) |]
            same (ids step) ([ "$m"; "$n" ])
            Expect.isEmpty machine.Outstanding "outstanding"

            let late =
                machine.ReceiveAlone [| Input.Responded(asked.Requests[0].Number, Response.Nothing) |]

            Expect.equal (late.Decided.Length + late.Requests.Length + late.Dropped.Length) 0 "number of decided"
        }

        test "If no peer returns an auth event, only the event that needs it is dropped" {
            let machine = begun IncomingLimits.Default

            let outcome =
                receives machine [ arrives (citing "$m" "$gone") ] (fun _ -> Response.Events [||])

            same outcome.Requests.Head.Request (Request.AuthChain "$m")
            same outcome.Dropped [ "$m", DropReason.AuthEventUnavailable "$gone" ]
            same (ids (machine.ReceiveAlone [| arrives (message "$n" [ "$join" ]) |])) [ "$n" ]
        }

        test "An endless history is walked up to the limit" {
            let machine =
                begun {
                    IncomingLimits.Default with
                        Walk = 50
                }

            // Every response is one more event, whose previous event is not known either.
            let outcome =
                receives machine [ arrives (message "$m0" [ "$m1" ]) ] (fun request ->
                    match request.Request with
                    | Request.Missing(latest, _, _) ->
                        let n = int (latest.Substring 2)
                        Response.Events [| good (message $"$m{n + 1}" [ $"$m{n + 2}" ]) |]
                    | _ -> Response.Nothing)

            let count of' =
                outcome.Requests |> Seq.filter (_.Request >> of') |> Seq.length

            // The event itself is the first of the fifty.
            same (count _.IsMissing) 49
            Expect.isGreaterThan (count _.IsStateBefore) 0 "is state before"
        }

        test "A request names no more extremities than make the current state" {
            let machine =
                begun {
                    IncomingLimits.Default with
                        Extremities = 3
                }

            machine.ReceiveAlone [| for n in 1..9 -> arrives (message $"$m{n}" [ "$join" ]) |]
            |> ignore

            let step = machine.ReceiveAlone [| arrives (message "$n" [ "$gone" ]) |]

            match step.Requests[0].Request with
            | Request.Missing(_, earliest, _) -> same earliest [| "$m9"; "$m8"; "$m7" |]
            | other -> failtest $"%A{other}"
        }

        test "Staging is bounded, for the room and for each peer" {
            let limits = {
                IncomingLimits.Default with
                    Staged = 3
                    StagedOfPeer = 2
            }

            let waits n = message $"$m{n}" [ $"$gone{n}" ]

            let machine = begun limits
            let step = machine.ReceiveAlone [| for n in 1..3 -> arrives (waits n) |]
            same (drops step) ([ DropReason.StagingFull 2 ])

            let others =
                machine.ReceiveAlone [| for n in 4..5 -> Input.Received("three", good (waits n)) |]

            same (drops others) ([ DropReason.StagingFull 3 ])
            same (machine.Waiting) (3)
        }

        test "What was fetched for a staged event has a place though the staging is full" {
            let machine = begun (fullWith 2)
            let waits n = message $"$m{n}" [ $"$missing{n}" ]
            let filled = machine.ReceiveAlone [| for n in 1..2 -> arrives (waits n) |]

            let found = [
                for request in filled.Requests do
                    match request.Request with
                    | Request.Missing(id, _, _) ->
                        let missing = message (id.Replace("m", "missing")) [ "$join" ]
                        Input.Responded(request.Number, Response.Events [| good missing |])
                    | other -> failtest $"%A{other}"
            ]

            let step = machine.ReceiveAlone(List.toArray found)
            same (ids step) [ "$missing1"; "$m1"; "$missing2"; "$m2" ]
            same (drops step) []
        }

        test "What was fetched has a place too when its server answers again after a failure" {
            let machine = begunAt start (fullWith 2)
            let waits n = message $"$m{n}" [ $"$missing{n}" ]

            outcomeOf machine [ for n in 1..2 -> arrives (waits n) ] (fun _ -> notNow)
            |> ignore

            let outcome, _ =
                outcomeOf machine [ Input.Reached "two" ] (fun request ->
                    match request.Request with
                    | Request.Missing(id, _, _) ->
                        Response.Events [| good (message (id.Replace("m", "missing")) [ "$join" ]) |]
                    | _ -> notNow)

            same (List.sort outcome.Ids) [ "$m1"; "$m2"; "$missing1"; "$missing2" ]
            same outcome.Reasons []
        }

        test "Events that were acknowledged before a restart are all staged again" {
            let machine = begun (fullWith 2)
            let waits n = message $"$m{n}" [ $"$missing{n}" ]

            let step =
                machine.ReceiveAlone [| for n in 1..4 -> Input.Resumed("two", good (waits n), 0L, 0L) |]

            same (drops step) []
            same machine.Waiting 4
            // Another server's event makes none of them go while there is no space for it then.
            let other = machine.ReceiveAlone [| Input.Received("three", good (waits 5)) |]
            same (drops other) [ DropReason.StagingFull 2 ]
            same machine.Waiting 4
        }

        test "The cost of an event does not grow with the number of staged events" {
            let asked n =
                let machine = begun IncomingLimits.Default

                machine.ReceiveAlone [| for i in 1..n -> arrives (message $"$w{i}" [ $"$gone{i}" ]) |]
                |> ignore

                lookedUp machine [| arrives (message "$m" [ "$join" ]) |]

            same (asked 900) (asked 10)
            same (asked 10) ([ "$m" ], 1)
        }

        test "A transaction of fifty events costs one read, and an id that was absent is not read again" {
            let machine = begun IncomingLimits.Default

            let chain = [|
                for i in 1..50 -> arrives (message $"$m{i}" [ if i = 1 then "$join" else $"$m{i - 1}" ])
            |]

            let events, reads = lookedUp machine chain
            Expect.sameElements events [ for i in 1..50 -> $"$m{i}" ] "events"
            same reads 1

            // A gap needs the servers to ask, once it is certain that there is one.
            let gap, reads = lookedUp machine [| arrives (message "$n" [ "$gone" ]) |]
            Expect.sameElements gap [ "$n"; "$gone" ] "gap"
            same reads 2
        }

        test "A chain of events with unknown keys is fetched, since requests for keys do not count" {
            let machine =
                begun {
                    IncomingLimits.Default with
                        Requests = 20
                }

            let chain = [ for e in levelsOnLevels "p" "$join" 100 -> signed SignatureFate.Skipped e ]

            let outcome =
                receives machine [ arrives (citing "$m" "$p100") ] (fun request ->
                    match request.Request with
                    | Request.AuthChain _ -> Response.Events(Array.ofList chain)
                    | Request.Keys(_, signatures) ->
                        Response.Signatures [|
                            for signature in signatures ->
                                {
                                    Signature = signature
                                    Fate = SignatureFate.Valid
                                }
                        |]
                    | _ -> Response.Nothing)

            same outcome.Reasons []
            same outcome.Ids.Length 101
        }

        test "A damaged copy from another server is requested once from the sender's server" {
            for answer in [ "whole"; "damaged"; "nothing" ] do
                let machine = begun IncomingLimits.Default
                let redacted = message "$m" [ "$join" ]

                let original =
                    event "$m" creator "m.room.message" None [ "body", text "hello" ] [ "$join" ] [ "$create"; "$join" ]

                let outcome =
                    receives machine [ Input.Received("two", damaged redacted) ] (fun _ ->
                        match answer with
                        | "whole" -> Response.Events [| good original |]
                        | "damaged" -> Response.Events [| damaged redacted |]
                        | _ -> Response.Nothing)

                same [ for request in outcome.Requests -> request.Peer, request.Request ] [
                    "one", Request.Events [| "$m" |]
                ]

                same outcome.Ids [ "$m" ]
                same (outcome.Decided[0].Event.Content.Has "body") (answer = "whole")
        }

        test "A copy that its own server damaged is decided in its redacted form at once" {
            let machine = begun IncomingLimits.Default

            let outcome =
                receives machine [ Input.Received("one", damaged (message "$m" [ "$join" ])) ] silent

            same outcome.Requests []
            same outcome.Ids [ "$m" ]
        }

        test "A whole copy that comes by itself replaces a damaged one, unless its signature is wrong" {
            let machine = begun IncomingLimits.Default

            let copy body =
                event "$m" creator "m.room.message" None [ "body", text body ] [ "$join" ] [ "$create"; "$join" ]

            machine.ReceiveAlone [| Input.Received("two", damaged (message "$m" [ "$join" ])) |]
            |> ignore

            let forged =
                machine.ReceiveAlone [| Input.Received("two", signed SignatureFate.Invalid (copy "forged")) |]

            same (ids forged) []
            let step = machine.ReceiveAlone [| Input.Received("three", good (copy "hello")) |]
            same (ids step) [ "$m" ]
            same (step.Decided[0].Event.Content.Text "body") "hello"
            Expect.isEmpty machine.Outstanding "outstanding"
        }

        test "Staging is bounded in bytes" {
            let machine =
                begun {
                    IncomingLimits.Default with
                        StagedBytes = 5_000
                }

            let waits n = message $"$m{n}" [ $"$gone{n}" ]
            let step = machine.ReceiveAlone [| for n in 1..9 -> arrives (waits n) |]
            Expect.allEqual (drops step) (DropReason.StagingFull 3_750) "drops"
            Expect.isBetween machine.Waiting (1, 5) "waiting"
            Expect.isBetween machine.WaitingBytes (1L, 5_000L) "waiting bytes"
            answeredByNobody machine
            same machine.WaitingBytes 0L
        }

        test "A peer is asked only so often in a minute" {
            let machine =
                begun {
                    IncomingLimits.Default with
                        RequestsPerMinute = 3
                }

            let requests (time: int64) (range: int seq) = [
                for n in range do
                    let step =
                        machine.ReceiveAlone [| Input.At time; arrives (message $"$m{n}" [ $"$gone{n}" ]) |]

                    for request in step.Requests do
                        if request.Peer = "two" then
                            request.For
            ]

            same (requests 60_000L (seq { 1..9 })).Length 3
            same (requests 119_000L (seq { 11..19 })).Length 0
            same (requests 120_000L (seq { 21..29 })).Length 3
        }

        test "An id that no peer had is not requested again for a while" {
            let machine = begun IncomingLimits.Default

            let ask time id auth =
                receives machine [ Input.At time; arrives (citing id auth) ] silent

            Expect.isNonEmpty (ask 1_000L "$m1" "$gone").Requests "requests"
            let soon = ask 2_000L "$m2" "$gone"
            same soon.Requests []
            same soon.Reasons [ DropReason.AuthEventUnavailable "$gone" ]
            Expect.isNonEmpty (ask 2_000L "$m3" "$other").Requests "requests"
            let later = 1_000L + IncomingLimits.Default.GivenUpFor
            Expect.isNonEmpty (ask later "$m4" "$gone").Requests "requests"
        }

        test "Only events of an event's auth chain are taken from the response to a request for it" {
            let machine = begun IncomingLimits.Default
            let cited = levels "$levels" [ "$join" ] [ "$create"; "$join" ]

            let chain (request: PeerRequest) =
                match request.Request with
                | Request.AuthChain "$m" ->
                    Response.Events [| good (levels "$other" [ "$join" ] [ "$create"; "$join" ]); good cited |]
                | _ -> Response.Nothing

            let outcome = receives machine [ arrives (citing "$m" "$levels") ] chain
            same outcome.Ids [ "$levels"; "$m" ]
        }
    ]
