/// The room machine as the owner of a room's decisions: events made here, failed flushes, eviction; and its properties,
/// for versions of each kind.
module Matrix.Core.Tests.RoomMachineTests

open System
open FsCheck
open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Graph
open Matrix.Core.State
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Properties
open Matrix.Properties.Simulation
open Matrix.Core.Tests.IncomingRoom

let private rules = AuthRules version

/// The state with these events.
let private stateOf (events: Pdu list) =
    StateTree.OfEntries([| for e in events -> StateEntry.Of(e.Type, string e.StateKey, e.EventId, 1u) |], false)

let private startOf (extremities: ForwardExtremity list) current =
    RoomStart(create.RoomId, Array.ofList extremities, current, RoomNumbers.First, RoomGaps.None)

let private header (extremities: ForwardExtremity list) current =
    RoomMachine.Of("here", rules, startOf extremities current, IncomingLimits.Default)

let private end' =
    ForwardExtremity(9u, "$join", 7L, stateOf [ create; joined ], Provenance.Computed)

/// An event on the prepared base.
let private built id eventType key content (prepared: Prepared) (auth: string list) : AuthEvent =
    let draft =
        match key with
        | Some key -> Draft.state creator eventType key content
        | None -> Draft.message creator eventType content

    rules.Read(
        Draft.toPdu version {
            draft with
                Id = id
                Prev = List.ofSeq prepared.PreviousIds
                Auth = auth
                Depth = prepared.Depth
        }
    )

let private messageOn id prepared =
    built id "m.room.message" None [] prepared [ "$create"; "$join" ]

let private topicOn id prepared =
    built id "m.room.topic" (Some "") [ "topic", text id ] prepared [ "$create"; "$join" ]

let private adopted (machine: RoomMachine) (make: Prepared -> AuthEvent) : DecidedEvent =
    let prepared = machine.Prepare()

    match (machine.Adopt(prepared, make prepared, -1)).Decided with
    | null -> failwith "It was refused."
    | decided -> decided

let private refusal (machine: RoomMachine) prepared event =
    (machine.Adopt(prepared, event, -1)).Refusal

/// An event that comes from the server of its sender.
let private ofItsServer = Input.Received("one", good (message "$m" [ "$join" ]))

/// A machine that looks up an event, reads the facts, and only then has this many more decisions durable.
let private readEarly (decisions: int) : RoomMachine =
    let store = Store "here"
    let machine = machineWith IncomingLimits.Default
    let started = machine.ReceiveOver(store.Read, [| arrives create; arrives joined |])
    let waits = machine.Receive [| ofItsServer |]
    let early = store.Read waits.LookUps

    for d in started.Decided do
        store.Add(d, { Pdu = d.Event; Signatures = [] })

    machine.Durable started.Decided[1].Number

    for n in 1..decisions do
        machine.Durable (adopted machine (messageOn $"$n{n}")).Number

    machine.Supply early
    machine

let private properties =
    [ Versions.v1; Versions.v6; Versions.v11; Versions.v12 ]
    |> List.collect (fun version -> IncomingProperties.all version @ RoomMachineProperties.all version)

let tests =
    testList "RoomMachineTests" [
        test "An event made here is prepared, adopted and durable without a look-up" {
            let machine = header [ end' ] null
            let prepared = machine.Prepare()
            same (List.ofSeq prepared.PreviousIds) [ "$join" ]
            same (prepared.Depth, prepared.Ordinal) (8L, 0x80000000u)
            same prepared.NeedsResolution false

            let message = adopted machine (messageOn "$m")
            let topic = adopted machine (topicOn "$t")
            same (message.Ordinal, topic.Ordinal) (0x80000000u, 0x80000001u)
            same topic.Event.Depth 9L
            Expect.isSame message.CurrentStateAfter message.CurrentStateBefore "current state after"

            same [
                for change in (StateTree.Diff(topic.CurrentStateBefore, topic.CurrentStateAfter)).Changes -> change.Type
            ] [ "m.room.topic" ]

            machine.Durable topic.Number
            Expect.isTrue machine.CanBeEvicted "can be evicted"
        }

        test "The depth of an event is one more than the greatest of its previous events, up to the limit" {
            let state = stateOf [ create; joined ]

            let of' depths =
                header
                    [
                        for i, depth in List.indexed depths ->
                            ForwardExtremity(uint32 i, $"$e{i}", depth, state, Provenance.Computed)
                    ]
                    state

            same ((of' [ 5L; 12L; 3L ]).Prepare().Depth) 13L
            let most = version.Settings.MaximumDepth
            same ((of' [ most ]).Prepare().Depth) most
        }

        test "An event that was built before the room moved on, or names other events, is refused" {
            let machine = header [ end' ] null
            let first = machine.Prepare()
            adopted machine (messageOn "$m1") |> ignore
            same (refusal machine first (messageOn "$m2" first)) AdoptionRefusal.RoomMoved

            let prepared = machine.Prepare()
            same (refusal machine prepared (messageOn "$m2" first)) AdoptionRefusal.NotAsPrepared

            let deeper =
                Draft.toPdu version {
                    Draft.message creator "m.room.message" [] with
                        Id = "$m2"
                        Prev = [ "$m1" ]
                        Auth = [ "$create"; "$join" ]
                        Depth = prepared.Depth + 1L
                }

            same (refusal machine prepared (rules.Read deeper)) AdoptionRefusal.NotAsPrepared
            same (refusal machine prepared (messageOn "$m1" prepared)) AdoptionRefusal.Known
            same machine.NotDurable 1
        }

        test "Unresolved states of several extremities are reported, unless the header has their resolution" {
            let topic id =
                event id creator "m.room.topic" (Some "") [ "topic", text "x" ] [ "$join" ] [ "$create"; "$join" ]

            let store = Store "here"
            let elder = machineWith IncomingLimits.Default

            let step =
                elder.ReceiveAlone [| arrives create; arrives joined; arrives (topic "$a"); arrives (topic "$b") |]

            for d in step.Decided do
                store.Add(d, { Pdu = d.Event; Signatures = [] })

            let anew (current: StateTree) =
                RoomMachine.Of(
                    "here",
                    rules,
                    RoomStart(create.RoomId, store.Extremities, current, store.Numbers, RoomGaps.None),
                    IncomingLimits.Default
                )

            // The state of the newest extremity may be there because the states could not be resolved.
            let newest = (store.Extremities |> Array.maxBy _.Ordinal).StateAfter
            let unresolved = anew newest
            let prepared = unresolved.Prepare()
            Expect.isTrue prepared.NeedsResolution "needs resolution"
            same (refusal unresolved prepared (messageOn "$m" prepared)) AdoptionRefusal.NeedsResolution

            // The first call lacks facts.
            let lacking = unresolved.Resolve()
            Expect.isTrue lacking.NeedsResolution "needs resolution"
            Expect.sameElements lacking.LookUps.Events [ "$a"; "$b" ] "events"

            let resolved = unresolved.ResolveOver store.Read

            Expect.isTrue
                (StateTree.AreSame(Option.get (Option.ofObj resolved.StateBefore), elder.CurrentState))
                "are same"

            same (refusal unresolved resolved (messageOn "$m" resolved)) AdoptionRefusal.None

            let given = anew elder.CurrentState
            same (given.Prepare().NeedsResolution) (StateTree.AreSame(newest, elder.CurrentState))
        }

        test "A failed flush takes back undurable decisions, and their numbers are used again" {
            let machine = header [ end' ] null
            let first = adopted machine (messageOn "$m1")
            let second = adopted machine (topicOn "$t")
            let third = adopted machine (messageOn "$m3")
            machine.Durable first.Number

            let taken = machine.Failed second.Number
            same [ for d in taken -> d.Event.EventId ] [ "$t"; "$m3" ]
            same [ for e in machine.Extremities -> e.EventId ] [ "$m1" ]
            same machine.Numbers.NextLive second.Ordinal
            Expect.isNull (machine.CurrentState.Find("m.room.topic", "")) "find"

            // The batches after it fail as well: nothing is left to take back, though the room has gone on.
            let again = adopted machine (messageOn "$again")
            same (machine.Failed third.Number) [||]
            machine.Durable second.Number
            same machine.NotDurable 1
            same again.Ordinal second.Ordinal
            Expect.isGreaterThan again.Number third.Number "number"
        }

        test "Staged events and requests survive a failed flush, and received events are decided again" {
            let machine = machineWith IncomingLimits.Default

            let step =
                machine.ReceiveAlone [| arrives create; arrives joined; arrives (message "$waits" [ "$gone" ]) |]

            let asked = machine.Outstanding

            let taken = machine.Failed step.Decided[1].Number
            same [ for d in taken -> d.Event.EventId ] [ "$join" ]
            same machine.Outstanding asked
            same machine.Waiting 2
            Expect.isFalse machine.CanBeEvicted "can be evicted"

            let again = machine.ReceiveAlone [||]
            same (ids again) [ "$join" ]
            same again.Requests [||]
            same again.Decided[0].Ordinal 0x80000001u
        }

        test "An event on a fetched state is decided on it again after a failed flush, without a request" {
            let machine = begun IncomingLimits.Default

            let outcome =
                receives machine [ arrives (message "$m" [ "$gone" ]) ] (fun ask ->
                    match ask.Request with
                    | Request.StateBefore _ -> Response.State([| "$create"; "$join" |], [||])
                    | _ -> Response.Nothing)

            let decided = List.last outcome.Decided
            machine.Failed decided.Number |> ignore
            let again = machine.ReceiveAlone [||]
            same again.Requests [||]
            same (ids again) [ "$m" ]
            same again.Decided[0].StateFrom decided.StateFrom
            same again.Decided[0].Known.Provenance Provenance.OnTrust
        }

        test "A new room has no id until its create event is adopted, and loses it if the flush fails" {
            let v12 = AuthRules Versions.v12

            let machine = RoomMachine.Of("one", v12, RoomStart.New "", IncomingLimits.Default)

            let prepared = machine.Prepare()
            same (prepared.PreviousIds.Length, prepared.Depth, prepared.NeedsResolution) (0, 1L, false)

            let create =
                Draft.toPdu Versions.v12 {
                    Draft.state creator "m.room.create" "" [ "room_version", text "12" ] with
                        Id = "$c"
                        Room = "!c"
                        Prev = []
                        Auth = []
                        Depth = 1L
                }

            let decided =
                match (machine.Adopt(prepared, v12.Read create, 0)).Decided with
                | null -> failwith "It was refused."
                | decided -> decided

            same machine.RoomId "!c"
            machine.Failed decided.Number |> ignore
            same (machine.RoomId, machine.Extremities, machine.Numbers.NextLive) ("", [||], 0x80000000u)
        }

        test "An adoption that lacks facts leaves the machine as it was" {
            let store = Store "here"

            let limits = {
                IncomingLimits.Default with
                    Previous = 1
            }

            let elder = machineWith IncomingLimits.Default

            let topic id =
                event id creator "m.room.topic" (Some "") [ "topic", text id ] [ "$join" ] [ "$create"; "$join" ]

            let output =
                elder.ReceiveAlone [| arrives create; arrives joined; arrives (topic "$a"); arrives (topic "$b") |]

            for d in output.Decided do
                store.Add(d, { Pdu = d.Event; Signatures = [] })

            let machine =
                RoomMachine.Of(
                    "here",
                    rules,
                    RoomStart(create.RoomId, store.Extremities, elder.CurrentState, store.Numbers, RoomGaps.None),
                    limits
                )

            let prepared = machine.ResolveOver store.Read
            same prepared.PreviousIds.Length 1

            let levels =
                built "$p" "m.room.power_levels" (Some "") [ "users", nested [ creator, number 100 ] ] prepared [
                    "$create"
                    "$join"
                ]

            let lacking = machine.Adopt(prepared, levels, -1)
            same lacking.Refusal AdoptionRefusal.NeedsLookUps
            Expect.isFalse lacking.LookUps.IsEmpty "look ups"
            same machine.Extremities store.Extremities
            same machine.Numbers.NextLive store.Numbers.NextLive
            same machine.NotDurable 0

            match (machine.AdoptOver(store.Read, prepared, levels, -1)).Decided with
            | null -> failtest "It was refused."
            | decided ->
                same decided.Number 1L
                same machine.Extremities.Length 2
                Expect.isNotNull (machine.CurrentState.Find("m.room.power_levels", "")) "find"
                Expect.isNotNull (machine.CurrentState.Find("m.room.topic", "")) "find"
        }

        test "Facts that were read before decisions became durable are completed by these" {
            let machine = readEarly 0
            same (ids (machine.Receive [| ofItsServer |])) [ "$m" ]
        }

        test "Facts that were read long ago are ignored" {
            let machine = readEarly 200
            let again = machine.Receive [| ofItsServer |]
            Expect.contains again.LookUps.Events "$m" "events"
        }

        test "Only an event that was a gap looks up its followers" {
            let machine = begun IncomingLimits.Default

            let outcome =
                receives machine [ arrives (message "$m" [ "$gone"; "$join" ]) ] (fun request ->
                    match request.Request with
                    | Request.StateBefore _ -> Response.State([| "$create"; "$join" |], [||])
                    | _ -> Response.Nothing)

            same (List.last outcome.Decided).GapsOpened [| "$gone" |]
            same (List.ofSeq machine.Gaps.Ids) [ "$gone" ]
            let following = ResizeArray<string>()

            let receive id =
                machine.ReceiveOver(
                    (fun lookUps ->
                        following.AddRange lookUps.Following
                        LookUpResults lookUps),
                    [| arrives (message id [ "$join" ]) |]
                )

            same (receive "$n").Decided[0].ClosesGap false
            same (receive "$gone").Decided[0].ClosesGap true
            same (List.ofSeq following) [ "$gone" ]
            same (List.ofSeq machine.Gaps.Ids) []
            same [ for e in machine.Extremities -> e.EventId ] [ "$m"; "$n" ]
        }

        test "Beyond the bound of gaps, the followers of each event are looked up" {
            let machine = begun { IncomingLimits.Default with Gaps = 1 }

            receives machine [ arrives (message "$m" [ "$gone1"; "$gone2" ]) ] (fun request ->
                match request.Request with
                | Request.StateBefore _ -> Response.State([| "$create"; "$join" |], [||])
                | _ -> Response.Nothing)
            |> ignore

            same machine.Gaps.AreAll false
            receives machine [ arrives (message "$gone1" [ "$join" ]) ] silent |> ignore
            same [ for e in machine.Extremities -> e.EventId ] [ "$m" ]
        }

        test "An outlier that arrives live gets a live number, and states keep the entry that they have" {
            let machine = begun IncomingLimits.Default

            let topic =
                event "$topic" creator "m.room.topic" (Some "") [] [ "$join" ] [ "$create"; "$join" ]

            let outcome =
                receives machine [ arrives (message "$m" [ "$gone" ]) ] (fun request ->
                    match request.Request with
                    | Request.StateBefore _ -> Response.State([| "$create"; "$join"; "$topic" |], [||])
                    | Request.Events [| "$topic" |] -> Response.Events [| good topic |]
                    | _ -> Response.Nothing)

            same [ for d in outcome.Decided -> d.Event.EventId, d.Ordinal, d.OutlierOrdinal ] [
                "$topic", 1u, 0u
                "$m", 0x800186A2u, 0u
            ]

            let live = (machine.ReceiveAlone [| arrives topic |]).Decided[0]
            same (live.Ordinal, live.OutlierOrdinal) (0x800186A3u, 1u)
            same machine.Numbers.NextOutlier 2u

            let held (state: StateTree | null) : StateTree =
                match state with
                | null -> failwith "There is no state."
                | tree -> tree

            let entry (state: StateTree) =
                Option.get (Option.ofObj (state.Find("m.room.topic", "")))

            let before, after = held outcome.Decided[1].StateAfter, held live.StateAfter
            same ((entry before).Ordinal, (entry after).Ordinal) (1u, 0x800186A3u)
            same (entry before) (entry after)
            Expect.isTrue (StateTree.AreSame(before, after)) "are same"
            same (StateTree.Diff(before, after)).Changes [||]
        }

        test "The tree of a checkpoint replaces that of the same state" {
            let machine = header [ end' ] null
            let decided = adopted machine (topicOn "$t")

            match decided.StateAfter with
            | null -> failtest "There is no state."
            | state ->
                let stored = (StateCheckpoint.Take(state, null)).Tree
                machine.UseStored stored
                Expect.isSame machine.CurrentState stored "current state"
                Expect.isSame (machine.Prepare().StateBefore) stored "state before"
                machine.Failed decided.Number |> ignore
                Expect.isSame machine.CurrentState end'.StateAfter "current state"
        }

        testCase "A plain message on one extremity allocates a handful of small objects"
        <| fun () ->
            let machine = header [ end' ] null
            let rounds = 1_000
            let mutable before = 0L
            let mutable spent = 0L

            for i in 0 .. rounds - 1 do
                let id = $"$m{i}"
                before <- GC.GetAllocatedBytesForCurrentThread()
                let prepared = machine.Prepare()
                spent <- spent + GC.GetAllocatedBytesForCurrentThread() - before
                let made = messageOn id prepared
                before <- GC.GetAllocatedBytesForCurrentThread()
                let adoption = machine.Adopt(prepared, made, -1)

                match adoption.Decided with
                | null -> failtest $"{adoption.Refusal}"
                | decided -> machine.Durable decided.Number

                spent <- spent + GC.GetAllocatedBytesForCurrentThread() - before

            stdout.WriteLine $"{spent / int64 rounds} bytes for each message"
            Expect.isLessThan (spent / int64 rounds) 700L "spent"

        // A case in which a peer is asked a second time for an event of a state that it returned.
        test "An event of a returned state may be requested again" {
            let replay = {
                Rnd = Rnd(356050867296077647UL, 11328003682702882105UL)
                Size = Some 85
            }

            let config = Config.QuickThrowOnFailure.WithReplay(Some replay).WithMaxTest 1
            (IncomingProperties.trustIsMarked Versions.v1).Run(config, ignore)
        }

        testProperties 40 properties
    ]
