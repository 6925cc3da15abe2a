/// Hostile auth graphs: deep, wide, circular, or with false claims. Each resolution ends soon, with a result or a typed
/// error.
module Matrix.Core.Tests.HostileGraphTests

open System.Diagnostics
open System.Collections.Generic
open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Core.StateRes
open Matrix.Properties.Generators

let private alice, bob = DrawnRoom.alice, DrawnRoom.bob

let private versions = [ Versions.v1; Versions.v10; Versions.v12 ]

let private added (graph: EventGraph) (pdus: seq<Pdu>) =
    for pdu in pdus do
        match graph.Add(pdu, false) with
        | Ok() -> ()
        | Error error -> failwith $"%A{error}"

/// The opening of a room, as it is added to a graph.
let private opening (version: RoomVersion) =
    let drafts = [
        DrawnRoom.create
        DrawnRoom.joins "$alice" alice [ "$create" ]
        DrawnRoom.levels "$p0" alice (DrawnRoom.creatorsLevel version) [] [ "$create"; "$alice" ]
        DrawnRoom.joinRules "$rules" alice "public" [ "$create"; "$p0"; "$alice" ]
    ]

    let graph = DrawnRoom.room version drafts
    drafts |> List.map (fun d -> graph.Events[d.Id])

let private pdu (version: RoomVersion) (draft: Draft) =
    let authEventsIncludeCreate =
        version.Selections |> List.exists (fun s -> s.Type = "m.room.create")

    Draft.toPdu version {
        draft with
            Room = Draft.roomOf version "$create"
            // Deeper than the opening, unless the test sets the depth.
            Depth = if draft.Depth > 1L then draft.Depth else 10L
            Auth = draft.Auth |> List.filter (fun a -> authEventsIncludeCreate || a <> "$create")
    }

let private entry eventType key (ids: (string | null) list) : ConflictedEntry = {
    Type = eventType
    StateKey = key
    Events = Array.ofList ids
}

let private states (conflicted: ConflictedEntry list) (shared: (string * string * string) list) : StatesToResolve = {
    Count = conflicted.Head.Events.Length
    Conflicted = Array.ofList conflicted
    Shared = {
        new IStateLookup with
            member _.Find(eventType, key) =
                shared
                |> List.tryPick (fun (t, k, id) -> if t = eventType && k = key then Some id else None)
                |> Option.toObj
    }
}

/// Resolves, and measures the time.
let private resolve (version: RoomVersion) (source: IEventSource) (states: StatesToResolve) =
    let clock = Stopwatch.StartNew()

    let answer =
        (StateResolver.Of(AuthRules version)).Resolve(states, source, ResolutionLimits.Usual)

    Expect.isLessThan clock.Elapsed.TotalSeconds 20.0 "that took too long"
    answer

let private foundation = [
    "m.room.create", "", "$create"
    "m.room.member", alice, "$alice"
    "m.room.join_rules", "", "$rules"
]

/// A source with the events and heights that a test gives.
let private lying (version: RoomVersion) (events: (Pdu * int) list) : IEventSource =
    let rules = AuthRules version
    let known = Dictionary<string, SourcedEvent>()

    for event, height in events do
        known[event.EventId] <- SourcedEvent(rules.Read event, false, height)

    {
        new IEventSource with
            member _.Find id =
                match known.TryGetValue id with
                | true, event -> event
                | _ -> null

            member _.Citing id =
                events
                |> Seq.filter (fun (e, _) -> Array.contains id e.AuthEvents)
                |> Seq.map (fun (e, _) -> e.EventId)
    }

let private withOpening version events =
    [ for i, e in List.indexed (opening version) -> e, i ] @ events

let tests =
    testList "HostileGraphTests" [
        testList "A chain beyond the limit ends in an error, unless the algorithm does not visit it" [
            for version in versions do
                test version.Id {
                    let limits = { Events = 1000 }
                    let graph = EventGraph(AuthRules version)
                    added graph (opening version)

                    added
                        graph
                        (seq {
                            for i in 1..5000 ->
                                pdu
                                    version
                                    (DrawnRoom.levels $"$p{i}" alice (DrawnRoom.creatorsLevel version) [] [
                                        "$create"
                                        $"$p{i - 1}"
                                        "$alice"
                                    ])
                        })

                    let answer =
                        (StateResolver.Of(AuthRules version))
                            .Resolve(
                                states [ entry "m.room.power_levels" "" [ "$p5000"; "$p0" ] ] foundation,
                                graph,
                                limits
                            )

                    match version.Settings.StateResolution.IsByType, answer with
                    | true, Ok _ -> ()
                    | true, other
                    | _, (Ok _ as other) -> failtest $"%A{other}"
                    | _, Error error -> Expect.equal error (ResolutionError.TooManyEvents 1000) "error"
                }
        ]

        testList "A fork of 20,000 branches is resolved" [
            for version in versions do
                test version.Id {
                    let graph = EventGraph(AuthRules version)
                    added graph (opening version)
                    let users = [ for i in 1..10_000 -> $"@u{i}:two" ]

                    let twice user i words =
                        pdu version {
                            DrawnRoom.joins $"$j{i}{user}" user [ "$create"; "$p0"; "$rules" ] with
                                Content = [ "membership", text "join"; "displayname", text words ]
                                Time = int64 i
                                Depth = int64 i + 10L
                        }

                    for user in users do
                        added graph [ twice user 1 "one"; twice user 2 "two" ]

                    let conflicted = [
                        for user in users -> entry "m.room.member" user [ $"$j1{user}"; $"$j2{user}" ]
                    ]

                    let answer =
                        resolve version graph (states conflicted (foundation @ [ "m.room.power_levels", "", "$p0" ]))

                    match answer with
                    | Ok resolution ->
                        Expect.equal resolution.Entries.Length 10_000 "number of entries"

                        Expect.isTrue
                            (resolution.Entries |> Array.forall (fun e -> e.EventId.StartsWith "$j2"))
                            "entries"
                    | Error error -> failtest $"%A{error}"
                }
        ]

        testList "An event among its own auth events ends in an error that names it" [
            for version in versions do
                test version.Id {
                    let own =
                        pdu
                            version
                            (DrawnRoom.levels "$p1" alice (DrawnRoom.creatorsLevel version) [] [
                                "$create"
                                "$p1"
                                "$alice"
                            ])

                    let source = lying version (withOpening version [ own, 5 ])

                    match
                        resolve version source (states [ entry "m.room.power_levels" "" [ "$p0"; "$p1" ] ] foundation)
                    with
                    | Error(ResolutionError.OutOfOrder("$p1", "$p1")) -> ()
                    | other -> failtest $"%A{other}"
                }
        ]

        testList "Two events with one id cannot make a cycle that is walked twice" [
            for version in versions do
                test version.Id {
                    let levels name authEvents =
                        pdu version (DrawnRoom.levels name alice (DrawnRoom.creatorsLevel version) [] authEvents)

                    // Where servers choose event ids, someone sends a second $p1 whose auth events include $p2, whose
                    // auth events include $p1.
                    let forged = levels "$p1" [ "$create"; "$p2"; "$alice" ]

                    let second =
                        pdu version {
                            DrawnRoom.levels "$p2" alice (DrawnRoom.creatorsLevel version) [] [
                                "$create"
                                "$p1"
                                "$alice"
                            ] with
                                Time = 9L
                                Depth = 11L
                        }

                    let source = lying version (withOpening version [ forged, 5; second, 6 ])

                    match
                        resolve
                            version
                            source
                            (states [ entry "m.room.power_levels" "" [ "$p0"; "$p2"; "$p1" ] ] foundation)
                    with
                    | Error(ResolutionError.OutOfOrder("$p1", "$p2")) -> ()
                    | other -> failtest $"%A{other}"

                    // In memory, the first of the two stays, and there is no cycle.
                    let graph = EventGraph(AuthRules version)
                    added graph (opening version)
                    added graph [ levels "$p1" [ "$create"; "$p0"; "$alice" ]; second; forged ]

                    match
                        resolve
                            version
                            graph
                            (states [ entry "m.room.power_levels" "" [ "$p0"; "$p2"; "$p1" ] ] foundation)
                    with
                    | Ok resolution -> Expect.equal resolution.Entries[0].EventId "$p2" "event id"
                    | Error error -> failtest $"%A{error}"
                }
        ]

        testList "A missing auth event ends in an error that names both" [
            for version in versions do
                test version.Id {
                    let orphan =
                        pdu
                            version
                            (DrawnRoom.levels "$p1" alice (DrawnRoom.creatorsLevel version) [] [
                                "$create"
                                "$withheld"
                                "$alice"
                            ])

                    let source = lying version (withOpening version [ orphan, 9 ])

                    match
                        resolve version source (states [ entry "m.room.power_levels" "" [ "$p0"; "$p1" ] ] foundation)
                    with
                    | Error(ResolutionError.AuthEventMissing("$p1", "$withheld")) -> ()
                    | other -> failtest $"%A{other}"

                    let graph = EventGraph(AuthRules version)
                    added graph (opening version)

                    Expect.equal
                        (graph.Add(orphan, false))
                        (Error(ResolutionError.AuthEventMissing("$p1", "$withheld")))
                        "add"
                }
        ]

        testList "A message in a state ends in an error that names it" [
            for version in versions do
                test version.Id {
                    let message =
                        pdu version {
                            Draft.message alice "m.room.message" [] with
                                Id = "$hello"
                                Auth = [ "$create"; "$p0"; "$alice" ]
                        }

                    let source = lying version (withOpening version [ message, 9 ])

                    match
                        resolve
                            version
                            source
                            (states [ entry "m.room.power_levels" "" [ "$p0"; "$hello" ] ] foundation)
                    with
                    | Error(ResolutionError.NotState "$hello") -> ()
                    | other -> failtest $"%A{other}"
                }
        ]

        testList "A rejected event authorises nothing" [
            for version in versions do
                test version.Id {
                    // Bob's power depends on rejected levels; another server accepted his own power levels event.
                    let creator = DrawnRoom.creatorsLevel version
                    let graph = EventGraph(AuthRules version)
                    added graph (opening version)
                    added graph [ pdu version (DrawnRoom.joins "$bob" bob [ "$create"; "$p0"; "$rules" ]) ]

                    let rejected =
                        pdu
                            version
                            (DrawnRoom.levels "$bad" bob (creator @ [ bob, 100 ]) [] [ "$create"; "$p0"; "$bob" ])

                    Expect.isTrue (graph.Add(rejected, true)).IsOk "add"

                    let worse =
                        DrawnRoom.levels "$worse" bob (creator @ [ bob, 100 ]) [ "ban", number 0 ] [
                            "$create"
                            "$bad"
                            "$bob"
                        ]

                    let onTop = pdu version { worse with Time = 5L; Depth = 15L }

                    added graph [ onTop ]

                    match
                        resolve
                            version
                            graph
                            (states
                                [ entry "m.room.power_levels" "" [ "$p0"; "$worse" ] ]
                                (foundation @ [ "m.room.member", bob, "$bob" ]))
                    with
                    | Ok resolution -> Expect.equal resolution.Entries[0].EventId "$p0" "event id"
                    | Error error -> failtest $"%A{error}"
                }
        ]

        testList "An event with an auth event of another room does not pass, and the state stays" [
            for version in versions do
                test version.Id {
                    let elsewhere =
                        Draft.toPdu version {
                            DrawnRoom.levels "$theirs" bob [ bob, 100 ] [] [] with
                                Room =
                                    if version.Settings.RoomIds = RoomIdForm.HashOfCreate then
                                        "!elsewhere"
                                    else
                                        "!elsewhere:two"
                        }

                    let borrowed =
                        pdu version {
                            DrawnRoom.levels "$ours" bob [ bob, 100 ] [] [ "$create"; "$theirs"; "$bob" ] with
                                Time = 5L
                        }

                    let joins = pdu version (DrawnRoom.joins "$bob" bob [ "$create"; "$p0"; "$rules" ])

                    let source =
                        lying version (withOpening version [ joins, 4; elsewhere, 0; borrowed, 5 ])

                    let shared =
                        foundation
                        |> List.map (fun (t, k, id) -> t, k, id)
                        |> List.append [ "m.room.member", bob, "$bob" ]

                    match
                        resolve version source (states [ entry "m.room.power_levels" "" [ "$p0"; "$ours" ] ] shared)
                    with
                    | Ok resolution ->
                        Expect.equal (resolution.Entries |> Array.map _.EventId) [| "$p0" |] "event id of entries"

                        Expect.contains
                            (resolution.Steps.Refused |> Array.map (fun struct (id, _) -> id))
                            "$ours"
                            "refused"
                    | Error error -> failtest $"%A{error}"
                }
        ]

        testList "Events among each other's or their own auth events are refused" [
            for version in versions do
                test version.Id {
                    let levels name authEvents =
                        pdu version (DrawnRoom.levels name alice (DrawnRoom.creatorsLevel version) [] authEvents)

                    let events =
                        Map [
                            for e in
                                opening version
                                @ [
                                    levels "$x" [ "$create"; "$y"; "$alice" ]
                                    levels "$y" [ "$create"; "$x"; "$alice" ]
                                    levels "$own" [ "$create"; "$own"; "$alice" ]
                                ] -> e.EventId, e
                        ]

                    let find id = events.TryFind id |> Option.toObj
                    let rules = AuthRules version

                    for root, expected in
                        [
                            "$x", ResolutionError.OutOfOrder("$y", "$x")
                            "$y", ResolutionError.OutOfOrder("$x", "$y")
                            "$own", ResolutionError.OutOfOrder("$own", "$own")
                        ] do
                        match EventGraph.Of(rules, find, [ root ]) with
                        | Error error -> Expect.equal error expected "error"
                        | Ok _ -> failtest root

                    // One by one, none of them can be added before the other.
                    let graph = EventGraph rules
                    added graph (opening version)

                    for id, expected in
                        [
                            "$x", ResolutionError.AuthEventMissing("$x", "$y")
                            "$own", ResolutionError.OutOfOrder("$own", "$own")
                        ] do
                        Expect.equal (graph.Add(events[id], false)) (Error expected) "add"
                }
        ]
    ]

let slow =
    testList "HostileGraphTests" [
        testList "A chain of 100,000 power levels events is walked without a stack" [
            for version in versions do
                test version.Id {
                    let graph = EventGraph(AuthRules version)
                    added graph (opening version)

                    added
                        graph
                        (seq {
                            for i in 1..100_000 ->
                                pdu version {
                                    DrawnRoom.levels $"$p{i}" alice (DrawnRoom.creatorsLevel version) [
                                        "notifications", nested [ "room", number (i % 100) ]
                                    ] [ "$create"; $"$p{i - 1}"; "$alice" ] with
                                        Time = int64 i
                                        Depth = int64 i + 10L
                                }
                        })

                    // One state has the last of them, the other the first.
                    let answer =
                        resolve
                            version
                            graph
                            (states [ entry "m.room.power_levels" "" [ "$p100000"; "$p0" ] ] foundation)

                    match answer with
                    | Ok resolution -> Expect.equal resolution.Entries[0].EventId "$p100000" "event id"
                    | Error error -> failtest $"%A{error}"
                }
        ]
    ]
