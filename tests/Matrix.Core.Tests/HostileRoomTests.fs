/// Hostile histories, given to the room machine. Each ends with decisions, or with drops and their reasons.
module Matrix.Core.Tests.HostileRoomTests

open Expecto
open Matrix.Testing
open Matrix.Core.Event
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.StateRes
open Matrix.Properties.Generators
open Matrix.Properties.Simulation
open Matrix.Core.Tests.IncomingRoom

let tests =
    testList "HostileRoomTests" [
        test "An event whose auth chain is too deep to fetch is dropped, and the room goes on" {
            let chain = levelsOnLevels "p" "$join" 3_000
            let known = Map [ for e in chain -> e.EventId, e ]

            let machine =
                begun {
                    IncomingLimits.Default with
                        AuthChain = 100
                }

            let answer (request: PeerRequest) =
                match request.Request with
                | Request.AuthChain _ -> Response.Events [| for e in List.rev chain -> good e |]
                | Request.Events ids -> Response.Events [| for id in ids |> Array.choose known.TryFind -> good id |]
                | _ -> Response.Nothing

            let outcome = receives machine [ arrives (citing "$m" "$p3000") ] answer
            Expect.contains (outcome.Dropped |> List.map fst) "$m" "dropped"
            Expect.isLessThanOrEqual outcome.Decided.Length 100 "number of decided"
            Expect.isLessThan outcome.Requests.Length 500 "number of requests"
            Expect.contains outcome.Reasons (DropReason.TooMuchMissing 100) "reasons"
            same (receives machine [ arrives (message "$after" [ "$join" ]) ] silent).Ids [ "$after" ]
        }

        test "Events among each other's auth events are dropped as circular" {
            let machine = begun IncomingLimits.Default

            let outcome =
                receives
                    machine
                    [
                        arrives (levels "$x" [ "$join" ] [ "$create"; "$join"; "$y" ])
                        arrives (levels "$y" [ "$join" ] [ "$create"; "$join"; "$x" ])
                    ]
                    silent

            Expect.isEmpty outcome.Decided "decided"
            same (Map outcome.Dropped) (Map [ "$x", DropReason.Circular; "$y", DropReason.Circular ])
        }

        test "A cycle that a peer returns is dropped, with the event that led to it" {
            let machine = begun IncomingLimits.Default

            let ring = [|
                for i in 0..4 -> good (levels $"$r{i}" [ "$join" ] [ "$create"; "$join"; $"$r{(i + 1) % 5}" ])
            |]

            let outcome =
                receives machine [ arrives (citing "$m" "$r0") ] (fun request ->
                    match request.Request with
                    | Request.AuthChain _
                    | Request.Events _ -> Response.Events ring
                    | _ -> Response.Nothing)

            let dropped = Map outcome.Dropped
            Expect.isEmpty outcome.Decided "decided"
            Expect.isTrue (dropped.ContainsKey "$m") "contains key"

            for i in 0..4 do
                same dropped[$"$r{i}"] DropReason.Circular
        }

        test "A fork of three hundred branches is decided, all of them make the state, and it is merged again" {
            let machine = begun IncomingLimits.Default

            let branch i =
                if i % 2 = 0 then
                    event $"$t{i}" creator "m.room.topic" (Some "") [ "topic", text $"{i}" ] [ "$join" ] [
                        "$create"
                        "$join"
                    ]
                else
                    levels $"$t{i}" [ "$join" ] [ "$create"; "$join" ]

            let outcome = receives machine [ for i in 1..300 -> arrives (branch i) ] silent
            Expect.isEmpty outcome.Dropped "dropped"
            Expect.isTrue (outcome.Decided |> List.forall _.Verdict.IsAccepted) "decided"
            Expect.equal machine.Extremities.Length 300 "number of extremities"
            Expect.isNotNull (machine.CurrentState.Find("m.room.topic", "")) "find"
            Expect.isNotNull (machine.CurrentState.Find("m.room.power_levels", "")) "find"

            let merging =
                event "$merge" creator "m.room.message" None [] [ for i in 1..20 -> $"$t{i}" ] [ "$create"; "$join" ]

            same (receives machine [ arrives merging ] silent).Ids [ "$merge" ]
            Expect.equal machine.Extremities.Length 281 "number of extremities"
        }

        test "If states cost too much to resolve, only the event that merges them is dropped" {
            let machine =
                begun {
                    IncomingLimits.Default with
                        SmallResolution = { Events = 10 }
                        Resolution = { Events = 20 }
                }

            let branches = levelsOnLevels "a" "$join" 30 @ levelsOnLevels "b" "$join" 30

            let output = receives machine (branches |> List.map arrives) silent
            Expect.isEmpty output.Dropped "dropped"
            Expect.equal output.Decided.Length 60 "number of decided"

            let merging =
                event "$merge" creator "m.room.message" None [] [ "$a30"; "$b30" ] [ "$create"; "$join" ]

            let on =
                event "$on" creator "m.room.message" None [] [ "$b30" ] [ "$create"; "$join"; "$b30" ]

            let outcome = receives machine [ arrives merging; arrives on ] silent
            same outcome.Dropped [ "$merge", DropReason.Unresolvable(ResolutionError.TooManyEvents 20) ]
            same outcome.Ids [ "$on" ]
        }

        testCase "Sixty-five forks from before a ban do not lift it"
        <| fun () ->
            let bob = "@b:one"

            let member' id membership sender prev auth =
                event id sender "m.room.member" (Some bob) [ "membership", text membership ] prev auth

            let opening = [
                create
                joined
                levels "$levels" [ "$join" ] [ "$create"; "$join" ]
                event "$rules" creator "m.room.join_rules" (Some "") [ "join_rule", text "public" ] [ "$levels" ] [
                    "$create"
                    "$join"
                    "$levels"
                ]
                member' "$bob" "join" bob [ "$rules" ] [ "$create"; "$levels"; "$rules" ]
            ]

            let ban =
                member' "$ban" "ban" creator [ "$bob" ] [ "$create"; "$join"; "$levels"; "$bob" ]

            // Each fork has a state of its own.
            let fork n =
                event $"$fork{n}" creator "org.example.fork" (Some $"{n}") [] [ "$bob" ] [
                    "$create"
                    "$join"
                    "$levels"
                ]

            let machine = machineWith IncomingLimits.Default
            let mutable elsewhere = 0

            same (receives machine (List.map arrives (opening @ [ ban ])) silent).Dropped []

            for n in 1..65 do
                let step = machine.ReceiveAlone [| arrives (fork n) |]

                match step.Resolve with
                | null -> ()
                | resolution ->
                    elsewhere <- elsewhere + 1
                    same step.Decided [||]
                    resolution.RunOver LookUpResults
                    same (ids (machine.ReceiveAlone [| Input.Resolved resolution |])) [ $"$fork{n}" ]

            same machine.Extremities.Length 66
            // The 65th and the 66th state are too many.
            same elsewhere 2

            same (machine.CurrentState.OfType "org.example.fork").Length 65

            match machine.CurrentState.Find("m.room.member", bob) with
            | null -> failtest "There is no ban."
            | entry -> same entry.EventId "$ban"

            let said =
                event "$said" bob "m.room.message" None [] [ "$fork65" ] [ "$create"; "$levels"; "$bob" ]

            let step = machine.ReceiveAlone [| arrives said |]
            same step.Decided[0].Known.Status EventStatus.SoftFailed
    ]
