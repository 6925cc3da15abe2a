namespace Matrix.Properties.Properties

open System.Collections.Generic
open FsCheck
open FsCheck.FSharp
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Graph
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.State
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Simulation

/// Properties of the room machine as the owner of a room's decisions: events made here, failed flushes, eviction.
[<RequireQualifiedAccess>]
module RoomMachineProperties =

    let private machineWith (version: RoomVersion) (roomId: string) (limits: IncomingLimits) (store: Store) =
        RoomMachine.Of("here", AuthRules version, store.Start roomId, limits)

    let private machineOver (version: RoomVersion) (roomId: string) (store: Store) : RoomMachine =
        machineWith version roomId IncomingLimits.Default store

    let private root (tree: StateTree | null) =
        match tree with
        | null -> ""
        | tree -> System.Convert.ToHexString tree.Root.Span

    /// The extremities and the current state.
    let private frontier (store: Store) (machine: RoomMachine) =
        let prepared = machine.ResolveOver store.Read

        [
            for e in machine.Extremities -> e.Ordinal, e.EventId, e.Depth, root e.StateAfter, e.Provenance
        ],
        (machine.Numbers.NextLive, machine.Numbers.NextOutlier, machine.Numbers.NextHistory),
        root machine.CurrentState,
        List.ofSeq machine.Gaps.Ids,
        (List.ofSeq prepared.PreviousIds, prepared.Depth, prepared.Ordinal, root prepared.StateBefore)

    /// A decision without its number on the machine.
    let private said (d: DecidedEvent) =
        (d.Event.EventId, d.Ordinal, d.Known.Status, d.Known.Provenance),
        (root d.StateBefore, root d.StateAfter, root d.CurrentStateBefore, root d.CurrentStateAfter),
        (d.WasOutlier, d.StateFrom, [ for e in d.Extremities -> e.EventId ])

    let private keep (store: Store) (decided: seq<DecidedEvent>) : unit =
        for d in decided do
            store.Add(d, { Pdu = d.Event; Signatures = [] })

    let private numbers: Gen<int list> = Gen.listOfLength 20 (Gen.choose (0, 1_000_000))

    let private room (version: RoomVersion) : Gen<Pdu[]> =
        DagGen.steps |> Gen.map (DagGen.play version)

    /// The events of a room, split into inputs.
    let private partsOf (version: RoomVersion) (seed: int) (events: Pdu[]) : Input[][] =
        let inputs =
            DagGen.shuffled seed events |> Array.map (IncomingProperties.received version)

        inputs |> Array.chunkBySize (1 + seed % 4)

    /// Decisions are the same after a failed flush.
    let failedThenAgain (version: RoomVersion) =
        Property.forAllIf
            "room.machine.failed-then-again"
            "Decisions that are taken back and made again are the same decisions, and leave the room as it would be \
             had no flush failed."
            (Gen.zip3 (room version) (Gen.choose (0, 1_000_000)) numbers)
            (fun _ -> Seq.empty)
            (fun (events, seed, draws) ->
                let parts = partsOf version seed events

                let play (fails: int -> bool) (tellsAgain: bool) =
                    let mutable failed = 0
                    let store = Store "here"
                    let machine = machineOver version events[0].RoomId store
                    let kept = List<DecidedEvent>()

                    for i in 0 .. parts.Length - 1 do
                        kept.AddRange((machine.ReceiveOver(store.Read, parts[i])).Decided)

                        if fails i && kept.Count > 0 then
                            let at = draws[(i + 7) % draws.Length] % kept.Count
                            let taken = machine.Failed kept[at].Number

                            if taken.Length <> kept.Count - at then
                                failwith "it took back more or fewer decisions than there were"

                            failed <- failed + 1
                            kept.RemoveRange(at, taken.Length)

                            let again = if tellsAgain then Array.concat parts[..i] else [||]
                            kept.AddRange((machine.ReceiveOver(store.Read, again)).Decided)

                    failed, (List.ofSeq (Seq.map said kept), frontier store machine)

                let _, usual = play (fun _ -> false) false
                let drawn i = draws[i % draws.Length] % 3 = 0
                let failed, dropped = play drawn false
                let _, told = play drawn true
                let holds = usual = dropped && usual = told
                if holds && failed = 0 then None else Some holds)

    let private kinds = [|
        ActionKind.Message
        ActionKind.Topic
        ActionKind.Join
        ActionKind.Leave
        ActionKind.Invite
        ActionKind.Kick
        ActionKind.Power
    |]

    /// An event on the prepared extremities, drawn from a number, and the events that it cites.
    let private composed (room: SimulatedRoom) (eventBase: EventBase) (prepared: Prepared) (i: int) (n: int) =
        let members = eventBase.State.OfType "m.room.member"
        let who (n: int) = members[n % members.Length].StateKey

        let draft =
            Composing.draft room eventBase (who (n / 7)) (who (n / 77)) n kinds[n % kinds.Length]

        let cited = Composing.authEvents room eventBase draft
        // Identifiers here are not hashes.
        let pdu =
            Draft.toPdu room.Rules.Version {
                (match draft.StateKey with
                 | null -> Draft.message draft.Sender draft.Type []
                 | key -> Draft.state draft.Sender draft.Type key []) with
                    Id = $"$made{i}"
                    Room = room.RoomId
                    Content = [ for struct (k, v) in draft.Content.Members -> k, v ]
                    Prev = List.ofArray prepared.PreviousIds
                    Auth = [ for e in cited -> e.EventId ]
                    Depth = prepared.Depth
                    Time = int64 i
            }

        pdu, cited

    /// Makes an event on one machine; if the rules allow it, that machine adopts it and the other one receives it.
    /// The result: whether both machines agree; none if the rules forbid the event.
    let private agreeOnAdopted
        (room: SimulatedRoom)
        (store: Store)
        (here: RoomMachine)
        (elsewhere: RoomMachine)
        (i: int)
        (n: int)
        =
        let prepared = here.ResolveOver store.Read

        match prepared.StateBefore with
        | null -> Some false
        | state ->
            let eventBase = {
                Prev = [
                    for e in prepared.PreviousEvents do
                        match here.Known e.EventId with
                        | null -> ()
                        | known -> known.Event.Pdu
                ]
                State = state
                Read = here.AuthState
                IsRejected = fun _ -> false
            }

            let pdu, cited = composed room eventBase prepared i n

            if not (Composing.isAllowed room eventBase pdu cited (Composing.signers pdu)) then
                None
            else
                match (here.AdoptOver(store.Read, prepared, room.Rules.Read pdu, -1)).Decided with
                | null -> Some false
                | adopted ->
                    let received =
                        elsewhere.ReceiveAlone [| IncomingProperties.received room.Rules.Version pdu |]

                    Some(
                        received.Decided.Length = 1
                        && said received.Decided[0] = said adopted
                        && frontier store here = frontier store elsewhere
                    )

    /// An event made here gets the same verdict here as on the servers that receive it.
    let adoptingIsReceiving (version: RoomVersion) =
        Property.forAllIf
            "room.machine.adopting-is-receiving"
            "An event that is built on `Prepare`, allowed by its state and adopted has the same verdict, states, \
             number and extremities as when it is received."
            (Gen.zip3 (room version) (Gen.choose (0, 1_000_000)) numbers)
            (fun _ -> Seq.empty)
            (fun (events, seed, draws) ->
                let room = {
                    Rules = AuthRules version
                    Format = EventFormat version
                    RoomId = events[0].RoomId
                    Servers = [| "one"; "two" |]
                }

                // Only a part of the room, so that it has one extremity or several.
                let begun =
                    events[.. 3 + seed % max 1 (events.Length - 3) |> min (events.Length - 1)]

                let store = Store "here"
                let fresh () = machineOver version room.RoomId store

                let here, elsewhere = fresh (), fresh ()
                let inputs = begun |> Array.map (IncomingProperties.received version)
                here.ReceiveAlone inputs |> ignore
                elsewhere.ReceiveAlone inputs |> ignore

                match
                    List.indexed draws
                    |> List.choose (fun (i, n) -> agreeOnAdopted room store here elsewhere i n)
                with
                | [] -> None
                | agreed -> Some(List.forall id agreed))

    /// Eviction changes no decision.
    let evictionChangesNothing (version: RoomVersion) =
        Property.forAllIf
            "room.machine.eviction-changes-nothing"
            "A machine made anew from the room's header, whenever the old one can be evicted, makes the same \
             decisions as the old one."
            (Gen.zip3 (room version) (Gen.choose (0, 1_000_000)) numbers)
            (fun _ -> Seq.empty)
            (fun (events, seed, draws) ->
                let parts = partsOf version seed events

                let play (evicts: int -> bool) =
                    let store = Store "here"
                    let mutable machine = machineOver version events[0].RoomId store
                    let decided = List<DecidedEvent>()
                    let mutable evicted = 0

                    for i in 0 .. parts.Length - 1 do
                        let output = machine.ReceiveOver(store.Read, parts[i])
                        decided.AddRange output.Decided
                        keep store output.Decided

                        if output.Decided.Length > 0 then
                            machine.Durable (Array.last output.Decided).Number

                        if evicts i && machine.CanBeEvicted then
                            evicted <- evicted + 1
                            machine <- machineOver version events[0].RoomId store

                    evicted, (List.ofSeq (Seq.map said decided), frontier store machine)

                let _, usual = play (fun _ -> false)
                let evicted, anew = play (fun i -> draws[i % draws.Length] % 4 > 0)

                if usual = anew && evicted = 0 then
                    None
                else
                    Some(usual = anew))

    /// Look-ups change no decision.
    let lookUpsChangeNothing (version: RoomVersion) =
        Property.forAll
            "room.machine.look-ups-change-nothing"
            "A machine that forgets facts at once, that is given other inputs while it waits for facts, and that loses \
             its facts now and then, makes the same requests, decisions and drops as one that remembers everything."
            (Gen.zip3 (room version) (Gen.choose (0, 1_000_000)) numbers)
            (fun (events, seed, draws) ->
                // Some events are withheld, so that the machine requests them, waits and gives up.
                let shown =
                    events
                    |> Array.filter (fun e ->
                        e.PrevEvents.Length = 0 || draws[int e.EventId[1] % draws.Length] % 4 > 0)

                let parts = partsOf version seed shown

                let play (limits: IncomingLimits) (disturbs: int -> bool) =
                    let store = Store "here"
                    let machine = machineWith version events[0].RoomId limits store
                    let outputs = List<_>()
                    let undurable = List<DecidedEvent>()
                    let mutable reads = 0
                    let mutable last: PeerRequest[] = [||]

                    let read (lookUps: LookUps) =
                        reads <- reads + 1

                        // A call that lacks facts too, and has no effect.
                        let other =
                            Draft.toPdu version {
                                Draft.message events[0].Sender "m.room.message" [] with
                                    Id = $"$other{reads}"
                                    Room = events[0].RoomId
                            }

                        if disturbs reads then
                            machine.Receive [| IncomingProperties.received version other |] |> ignore

                        if reads % 2 = 0 && disturbs (reads + 3) then
                            // Facts that another machine asked for are of no use.
                            LookUpResults(
                                (machineWith version events[0].RoomId limits store).Receive(parts[0]).LookUps
                            )
                        else
                            store.Read lookUps

                    let give (inputs: Input[]) =
                        let output = machine.ReceiveOver(read, inputs)

                        outputs.Add(
                            List.ofArray output.Requests,
                            [ for d in output.Decided -> said d ],
                            List.ofArray output.Dropped
                        )

                        last <- Array.append last output.Requests
                        // Half of the decisions are durable.
                        undurable.AddRange output.Decided
                        let half = undurable.GetRange(0, undurable.Count / 2)
                        undurable.RemoveRange(0, half.Count)
                        keep store half

                        if half.Count > 0 then
                            machine.Durable half[half.Count - 1].Number

                    for part in parts do
                        give part

                    let mutable i = parts.Length

                    while last.Length > 0 && i < 400 do
                        let next = last[0]
                        last <- Array.tail last
                        give [| Input.Responded(next.Number, Response.Nothing) |]
                        i <- i + 1

                    List.ofSeq outputs, frontier store machine

                let forgetful = {
                    IncomingLimits.Default with
                        CachedLookUps = 0
                        CachedStates = 0
                }

                play IncomingLimits.Default (fun _ -> false) =
                    play forgetful (fun n -> draws[n % draws.Length] % 3 = 0))

    /// A transaction costs few reads.
    let fewReads (version: RoomVersion) =
        Property.forAll
            "room.machine.few-reads"
            "The events of a whole room that arrive together at a server that knows none of them cost one read, \
             whatever their number."
            (room version)
            (fun events ->
                let store = Store "here"
                let machine = machineOver version events[0].RoomId store
                let mutable reads = 0

                let read (lookUps: LookUps) =
                    reads <- reads + 1
                    store.Read lookUps

                machine.ReceiveOver(read, events |> Array.map (IncomingProperties.received version))
                |> ignore

                reads = 1)

    /// The differences of the decisions add up to the current state.
    let differencesLead (version: RoomVersion) =
        Property.forAll
            "room.machine.differences-lead"
            "The differences between the current states before and after each decision, applied in order, give the \
             current state; numbers rise one by one."
            (Gen.zip (room version) (Gen.choose (0, 1_000_000)))
            (fun (events, seed) ->
                let store = Store "here"
                let machine = machineOver version events[0].RoomId store

                let decided =
                    partsOf version seed events
                    |> Array.collect (fun part -> (machine.ReceiveOver(store.Read, part)).Decided)

                let followed =
                    (StateTree.Empty, decided)
                    ||> Array.fold (fun state d ->
                        state.Apply (StateTree.Diff(d.CurrentStateBefore, d.CurrentStateAfter)).Changes)

                let chained =
                    decided
                    |> Array.pairwise
                    |> Array.forall (fun (a, b) ->
                        StateTree.AreSame(a.CurrentStateAfter, b.CurrentStateBefore)
                        && b.Number = a.Number + 1L)

                let ordinals = [
                    for d in decided do
                        if not d.Known.IsOutlier then
                            d.Ordinal
                ]

                StateTree.AreSame(followed, machine.CurrentState)
                && chained
                && ordinals = [ for i in 1 .. ordinals.Length -> 0x7FFFFFFFu + uint32 i ])

    /// All of them, for one version.
    let all (version: RoomVersion) : Property list =
        [
            failedThenAgain version
            adoptingIsReceiving version
            evictionChangesNothing version
            lookUpsChangeNothing version
            fewReads version
            differencesLead version
        ]
        |> List.map (fun property -> {
            property with
                Name = $"{property.Name}.{version.Id}"
        })
