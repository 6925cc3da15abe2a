/// The cost of a decision, as far as it does not depend on the machine. Benchmarks measure times.
module Matrix.Core.Tests.AuthCostTests

open System
open System.Collections.Generic
open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Properties.Generators

/// Bytes that a thousand decisions may allocate. The compiler removes closures and tuples in a release build only.
let private slack =
#if DEBUG
    10_000_000L
#else
    1000L
#endif

let private version = Versions.v12
let private rules = AuthRules version
let private alice, bob = "@alice:one", "@bob:two"

let private event sender eventType key content =
    {
        Draft.state sender eventType key content with
            Id =
                if eventType = "m.room.create" then
                    "$create"
                else
                    $"${eventType}-{key}"
            Room = "!create"
    }
    |> Draft.toPdu version

/// A state as a lane keeps it: each event read once.
[<Sealed>]
type private LaneState(events: Pdu list) =
    let read =
        Dictionary<struct (string * string), AuthEvent>(
            dict [ for e in events -> struct (e.Type, string e.StateKey), rules.Read e ]
        )

    interface IAuthState with
        member _.Find(eventType, stateKey) : AuthEvent | null =
            match read.TryGetValue(struct (eventType, stateKey)) with
            | true, event -> event
            | _ -> null

let private levels =
    event alice "m.room.power_levels" "" [
        "users", nested [ for i in 1..50 -> $"@user{i}:one", number 50 ]
        "events",
        nested [
            "m.room.name", number 50
            "m.room.topic", number 50
            "m.room.avatar", number 50
        ]
    ]

let private state =
    LaneState [
        event alice "m.room.create" "" [ "room_version", text "12" ]
        levels
        event alice "m.room.join_rules" "" [ "join_rule", text "public" ]
        event alice "m.room.member" alice [ "membership", text "join" ]
        event bob "m.room.member" bob [ "membership", text "join" ]
    ]

let private facts =
    AuthFacts.OfAccepted [| levels; event bob "m.room.member" bob [ "membership", text "join" ] |]

let private message =
    Draft.toPdu version {
        Draft.message bob "m.room.message" [ "body", text "hello" ] with
            Room = "!create"
    }

let private allocatedBy (decisions: int) (pdu: Pdu) : int64 =
    // The first decisions fill the caches of the thread.
    for _ in 1..100 do
        rules.Decide(pdu, state, facts) |> ignore

    let before = GC.GetAllocatedBytesForCurrentThread()

    for _ in 1..decisions do
        rules.Decide(pdu, state, facts) |> ignore

    GC.GetAllocatedBytesForCurrentThread() - before

let tests =
    testList "AuthCostTests" [
        test "Accepting a message allocates nothing" {
            Expect.isTrue (rules.Decide(message, state, facts).IsOk) "decide"
            Expect.isLessThan (allocatedBy 1000 message) slack "allocated by"
        }

        test "Accepting a member event allocates nothing" {
            let join =
                event bob "m.room.member" bob [ "membership", text "join"; "displayname", text "Bob" ]

            Expect.isTrue (rules.Decide(join, state, facts).IsOk) "decide"
            Expect.isLessThan (allocatedBy 1000 join) slack "allocated by"
        }

        test "Accepting power levels allocates nothing" {
            let again =
                event alice "m.room.power_levels" "" [
                    "users", nested [ for i in 1..50 -> $"@user{i}:one", number 49 ]
                    "events",
                    nested [
                        "m.room.name", number 50
                        "m.room.topic", number 50
                        "m.room.avatar", number 50
                    ]
                ]

            let facts = AuthFacts.OfAccepted [| levels |]
            Expect.isTrue (rules.Decide(again, state, facts).IsOk) "decide"

            for _ in 1..100 do
                rules.Decide(again, state, facts) |> ignore

            let before = GC.GetAllocatedBytesForCurrentThread()

            for _ in 1..1000 do
                rules.Decide(again, state, facts) |> ignore

            Expect.isLessThan
                (GC.GetAllocatedBytesForCurrentThread() - before)
                slack
                "get allocated bytes for current thread"
        }
    ]
