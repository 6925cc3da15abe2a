/// State resolution in rooms written by hand.
module Matrix.Core.Tests.StateResTests

open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Json
open Matrix.Core.StateRes
open Matrix.Properties.Generators
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Scenarios

let private alice, bob, carol = "@alice:one", "@bob:one", "@carol:two"

/// An event with its name and its auth events. Its time is its index in the list.
let private event name sender eventType key content authEvents = {
    Draft.state sender eventType key content with
        Id = name
        Auth = authEvents
}

let private joins name user authEvents =
    event name user "m.room.member" user [ "membership", text "join" ] authEvents

let private levels name sender users more authEvents =
    event
        name
        sender
        "m.room.power_levels"
        ""
        ([ "users", nested [ for u, l in users -> u, number l ] ] @ more)
        authEvents

let private joinRules name sender rule authEvents =
    event name sender "m.room.join_rules" "" [ "join_rule", text rule ] authEvents

/// The graph of these events, which are in order. The create event is left out of `auth_events` where a version does
/// so.
let private room (version: RoomVersion) (drafts: Draft list) : RoomGraph =
    let authEventsIncludeCreate =
        version.Selections |> List.exists (fun s -> s.Type = "m.room.create")

    {
        Version = version
        Rejected = Set.empty
        Events =
            Map [
                for i, draft in List.indexed drafts ->
                    draft.Id,
                    Draft.toPdu version {
                        draft with
                            Room = Draft.roomOf version "$create"
                            Time = int64 i
                            Auth = draft.Auth |> List.filter (fun a -> authEventsIncludeCreate || a <> "$create")
                    }
            ]
    }

let private create = {
    event "$create" alice "m.room.create" "" [ "creator", text alice ] [] with
        Prev = []
}

let private stateOf (graph: RoomGraph) (ids: string list) : StateMap =
    Map [
        for id in ids do
            let e = graph.Events[id]
            (e.Type, string e.StateKey), id
    ]

let private resolver (version: RoomVersion) = StateResolver.Of(AuthRules version)

let private tryResolve (graph: RoomGraph) (limits: ResolutionLimits) states =
    let source = StatesAsSource.source (AuthRules graph.Version) graph
    (resolver graph.Version).Resolve(StatesAsSource.states states, source, limits)

let private resolve graph states : StateMap * ResolutionSteps =
    match tryResolve graph ResolutionLimits.Usual states with
    | Ok answer -> StatesAsSource.whole states answer, answer.Steps
    | Error error -> failwith $"%A{error}"

// Under $p0 Bob may invite, and invites Carol; under $p1 he may no longer. All events in the auth chain of Carol's
// invitation are also in the auth chains of events that both states have.
//
//   $create ── $alice ── $p0 ── $rules ── $bob ── $topic
//                          │                └── $carol   (one state only)
//                          └── $p1
let private invitedByFormerModerator (version: RoomVersion) =
    room version [
        create
        joins "$alice" alice [ "$create" ]
        levels
            "$p0"
            alice
            [
                if version.Id <> "12" then
                    alice, 100
                bob, 50
            ] [ "invite", number 50; "events", nested [ "m.room.topic", number 0 ] ] [ "$create"; "$alice" ]
        joinRules "$rules" alice "public" [ "$create"; "$p0"; "$alice" ]
        joins "$bob" bob [ "$create"; "$p0"; "$rules" ]
        event "$topic" bob "m.room.topic" "" [] [ "$create"; "$p0"; "$bob" ]
        event "$carol" bob "m.room.member" carol [ "membership", text "invite" ] [ "$create"; "$p0"; "$rules"; "$bob" ]
        levels
            "$p1"
            alice
            [
                if version.Id <> "12" then
                    alice, 100
            ] [ "invite", number 50; "events", nested [ "m.room.topic", number 0 ] ] [ "$create"; "$p0"; "$alice" ]
    ]

let private shared = [ "$create"; "$alice"; "$p1"; "$rules"; "$bob"; "$topic" ]

// Alice changes the join rules and leaves. One state has the older join rules, as another server may return them.
//
//   $create ── $alice ── $p0 ── $rules1
//                          ├─── $rules2
//                          └─── $gone
let private leftAfterChangingRules (version: RoomVersion) =
    room version [
        create
        joins "$alice" alice [ "$create" ]
        levels
            "$p0"
            alice
            [
                if version.Id <> "12" then
                    alice, 100
                bob, 100
            ] [] [ "$create"; "$alice" ]
        joinRules "$rules1" alice "public" [ "$create"; "$p0"; "$alice" ]
        joinRules "$rules2" alice "invite" [ "$create"; "$p0"; "$alice" ]
        event "$gone" alice "m.room.member" alice [ "membership", text "leave" ] [ "$create"; "$p0"; "$alice" ]
    ]

// Alice promotes Bob. On two branches each of them changes the levels, Bob before Alice. Both states have Bob's join,
// but only the auth chains of his branch do.
//
//   $create ── $alice ── $p0 ── $p1 ── $by-bob     (one state)
//                          │      └─── $by-alice   (the other)
//                          └── $rules ── $bob
let private promotedOnOneBranch =
    room Versions.v11 [
        create
        joins "$alice" alice [ "$create" ]
        levels "$p0" alice [ alice, 100 ] [] [ "$create"; "$alice" ]
        joinRules "$rules" alice "public" [ "$create"; "$p0"; "$alice" ]
        joins "$bob" bob [ "$create"; "$p0"; "$rules" ]
        levels "$p1" alice [ alice, 100; bob, 100 ] [] [ "$create"; "$p0"; "$alice" ]
        levels "$by-bob" bob [ alice, 100; bob, 100 ] [ "invite", number 7 ] [ "$create"; "$p1"; "$bob" ]
        levels "$by-alice" alice [ alice, 100; bob, 100 ] [ "invite", number 8 ] [ "$create"; "$p1"; "$alice" ]
    ]

// Alice promotes Bob, Bob promotes Carol. One state has the levels from before, though its topic names the last ones in
// `auth_events`.
//
//   $create ── $alice ── $p0 ── $p1 ── $p2 ── $topic
let private promotedByPromoted (version: RoomVersion) =
    let creator = [
        if version.Id <> "12" then
            alice, 100
    ]

    room version [
        create
        joins "$alice" alice [ "$create" ]
        levels "$p0" alice creator [] [ "$create"; "$alice" ]
        joinRules "$rules" alice "public" [ "$create"; "$p0"; "$alice" ]
        joins "$bob" bob [ "$create"; "$p0"; "$rules" ]
        joins "$carol" carol [ "$create"; "$p0"; "$rules" ]
        levels "$p1" alice (creator @ [ bob, 50 ]) [] [ "$create"; "$p0"; "$alice" ]
        levels "$p2" bob (creator @ [ bob, 50; carol, 50 ]) [] [ "$create"; "$p1"; "$bob" ]
        event "$topic" carol "m.room.topic" "" [] [ "$create"; "$p2"; "$carol" ]
    ]

// A long history: each change of the levels names the previous one in `auth_events`; then a member in one state only.
let private longPast (version: RoomVersion) (length: int) =
    let creator = [
        if version.Id <> "12" then
            alice, 100
    ]

    let change i authEvents =
        levels $"$p{i}" alice creator [ "notifications", nested [ "room", number (i % 100) ] ] authEvents

    room version [
        create
        joins "$alice" alice [ "$create" ]
        change 0 [ "$create"; "$alice" ]
        for i in 1..length do
            change i [ "$create"; $"$p{i - 1}"; "$alice" ]
        joinRules "$rules" alice "public" [ "$create"; $"$p{length}"; "$alice" ]
        event "$topic" alice "m.room.topic" "" [] [ "$create"; $"$p{length}"; "$alice" ]
        joins "$bob" bob [ "$create"; $"$p{length}"; "$rules" ]
        joins "$carol" carol [ "$create"; $"$p{length}"; "$rules" ]
        event "$hello" carol "m.room.topic" "" [] [ "$create"; $"$p{length}"; "$carol" ]
    ]

let tests =
    testList "StateResTests" [
        test "A member in one state only, whose auth chain is shared, is decided by the shared state" {
            let graph = invitedByFormerModerator Versions.v10
            let states = [ stateOf graph ("$carol" :: shared); stateOf graph shared ]
            let state, steps = resolve graph states

            Expect.isEmpty steps.AuthDifference "auth difference"
            Expect.isFalse (state.ContainsKey("m.room.member", carol)) "contains key"
            Expect.equal state (StateResReference.resolve graph states).Resolved "state"
        }

        test "Counting the shared auth chains as a difference would keep that member" {
            let graph = invitedByFormerModerator Versions.v10
            let states = [ stateOf graph ("$carol" :: shared); stateOf graph shared ]

            let wrong = Version2.resolveWith AuthDifference.ofDifferences graph states

            Expect.isFalse wrong.AuthDifference.IsEmpty "auth difference"
            Expect.isTrue (wrong.Resolved.ContainsKey("m.room.member", carol)) "contains key"
        }

        test "In version 12 too shared auth chains are no difference" {
            let graph = invitedByFormerModerator Versions.v12

            let _, steps =
                resolve graph [ stateOf graph ("$carol" :: shared); stateOf graph shared ]

            Expect.isEmpty steps.AuthDifference "auth difference"
        }

        testTheory "Join rules whose sender left are lost in version 11 and kept in version 12" [
            "11", ""
            "12", "$rules2"
        ]
        <| fun (id, kept) ->
            let graph = leftAfterChangingRules (Versions.tryFind id |> Option.get)

            let state, _ =
                resolve graph [
                    stateOf graph [ "$create"; "$gone"; "$p0"; "$rules2" ]
                    stateOf graph [ "$create"; "$gone"; "$p0"; "$rules1" ]
                ]

            let found = state.TryFind("m.room.join_rules", "") |> Option.defaultValue ""
            Expect.equal found kept "found"

        test "A join that all states have, and not all auth chains, is sorted with the levels of its sender" {
            let graph = promotedOnOneBranch
            let others = [ "$create"; "$alice"; "$rules"; "$bob" ]
            let states = [ stateOf graph ("$by-bob" :: others); stateOf graph ("$by-alice" :: others) ]
            let state, steps = resolve graph states

            // Bob had no power when he joined, so his join comes after Alice's levels, and his own after his join.
            Expect.sameElements steps.AuthDifference [ "$bob" ] "auth difference"
            Expect.equal (state["m.room.power_levels", ""]) "$by-bob" "state"
            Expect.equal state (StateResReference.resolve graph states).Resolved "state"
        }

        test "Counting the events of the states among their auth chains would sort both levels by time" {
            let graph = promotedOnOneBranch
            let others = [ "$create"; "$alice"; "$rules"; "$bob" ]
            let states = [ stateOf graph ("$by-bob" :: others); stateOf graph ("$by-alice" :: others) ]

            let wrong = Version2.resolveWith AuthDifference.withStates graph states

            Expect.isFalse (wrong.AuthDifference.Contains "$bob") "contains"
            Expect.equal (wrong.Resolved["m.room.power_levels", ""]) "$by-alice" "resolved"
        }

        testTheory "Levels set by a promoted user are lost in version 11 and kept in version 12" [
            "11", "$p0"
            "12", "$p2"
        ]
        <| fun (id, kept) ->
            let graph = promotedByPromoted (Versions.tryFind id |> Option.get)
            let others = [ "$create"; "$alice"; "$rules"; "$bob"; "$carol"; "$topic" ]

            let state, steps =
                resolve graph [ stateOf graph ("$p2" :: others); stateOf graph ("$p0" :: others) ]

            Expect.equal (state["m.room.power_levels", ""]) kept "state"
            Expect.isEmpty steps.AuthDifference "auth difference"
            Expect.equal (Array.contains "$p1" steps.Subgraph) (id = "12") "subgraph"

        testTheory "A resolution visits few events, however long the shared history" [ "10"; "12" ]
        <| fun id ->
            let visited length =
                let graph = longPast (Versions.tryFind id |> Option.get) length
                let others = [ "$create"; "$alice"; $"$p{length}"; "$rules"; "$carol" ]

                let _, steps =
                    resolve graph [
                        stateOf graph ("$bob" :: "$topic" :: others)
                        stateOf graph ("$hello" :: others)
                    ]

                steps.Visited

            Expect.isLessThan (visited 400) 20 "visited"
            Expect.equal (visited 400) (visited 20) "visited"

        test "An unknown auth event ends in an error that names it" {
            let graph = invitedByFormerModerator Versions.v10

            let states = [
                stateOf graph ("$carol" :: shared)
                stateOf graph [ "$create"; "$p1"; "$topic" ]
            ]

            let broken = {
                graph with
                    Events = graph.Events.Remove "$p0"
            }

            match tryResolve broken ResolutionLimits.Usual states with
            | Error(ResolutionError.AuthEventMissing(_, missing)) -> Expect.equal missing "$p0" "missing"
            | other -> failtest $"%A{other}"
        }

        test "An unknown event of a state ends in an error that names it" {
            let graph = invitedByFormerModerator Versions.v10
            let states = [ stateOf graph ("$carol" :: shared); stateOf graph shared ]

            let broken = {
                graph with
                    Events = graph.Events.Remove "$carol"
            }

            match tryResolve broken ResolutionLimits.Usual states with
            | Error(ResolutionError.EventMissing missing) -> Expect.equal missing "$carol" "missing"
            | other -> failtest $"%A{other}"
        }

        test "A resolution that would visit too many events ends in an error" {
            let graph = promotedByPromoted Versions.v12
            let states = [ stateOf graph [ "$create"; "$p2" ]; stateOf graph [ "$create"; "$alice" ] ]

            match tryResolve graph { Events = 3 } states with
            | Error(ResolutionError.TooManyEvents 3) -> ()
            | other -> failtest $"%A{other}"
        }

        test "Auth events in a cycle end in an error" {
            let graph = promotedByPromoted Versions.v10
            let rules = AuthRules Versions.v10
            let honest = StatesAsSource.source rules graph

            // $p1 claims $p2 as an auth event, and $p2 claims $p1.
            let forged =
                Draft.toPdu Versions.v10 {
                    levels "$p1" alice [ alice, 100; bob, 50 ] [] [ "$create"; "$p2"; "$alice" ] with
                        Room = "!room:one"
                }

            let source = {
                new IEventSource with
                    member _.Find id =
                        match honest.Find id with
                        | NonNull known when id = "$p1" -> SourcedEvent(rules.Read forged, false, known.Height)
                        | found -> found

                    member _.Citing id = honest.Citing id
            }

            let states = [ stateOf graph [ "$create"; "$p2" ]; stateOf graph [ "$create"; "$p0" ] ]

            match (resolver Versions.v10).Resolve(StatesAsSource.states states, source, ResolutionLimits.Usual) with
            | Error(ResolutionError.OutOfOrder("$p1", "$p2")) -> ()
            | other -> failtest $"%A{other}"
        }

        test "More than 1,000 states cannot be resolved" {
            let graph = promotedByPromoted Versions.v10

            match tryResolve graph ResolutionLimits.Usual (List.replicate 1_001 (stateOf graph [ "$create" ])) with
            | Error(ResolutionError.StateCount 1_001) -> ()
            | other -> failtest $"%A{other}"
        }
    ]
