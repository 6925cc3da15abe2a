namespace Matrix.Properties.Properties

open System.Collections.Generic
open FsCheck
open FsCheck.FSharp
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.Room.Incoming
open Matrix.Core.State
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Simulation

/// Properties of the room machine as the owner of a room's decisions: events made here, failed flushes, eviction.
[<RequireQualifiedAccess>]
module RoomMachineProperties =

    /// A history in which one look-up fails.
    type private FailingHistory(history: IRoomHistory) =

        /// How many look-ups succeed before one fails; negative if none fails.
        member val Left = -1 with get, set

        /// Whether one failed.
        member val HasFailed = false with get, set

        member private this.Count() =
            if this.Left = 0 then
                this.Left <- -1
                this.HasFailed <- true
                raise (System.IO.IOException "the history cannot be read")

            if this.Left > 0 then
                this.Left <- this.Left - 1

        interface IRoomHistory with
            member this.Known id =
                this.Count()
                history.Known id

            member this.Citing id =
                this.Count()
                history.Citing id

            member this.Following id =
                this.Count()
                history.Following id

            member this.Servers() =
                this.Count()
                history.Servers()

    let private machineOver
        (version: RoomVersion)
        (roomId: string)
        (history: IRoomHistory)
        (store: Store)
        : RoomMachine =
        RoomMachine.Of(
            "here",
            roomId,
            AuthRules version,
            history,
            store.Extremities,
            store.CurrentState,
            store.NextOrdinal,
            IncomingLimits.Default
        )

    let private root (tree: StateTree | null) =
        match tree with
        | null -> ""
        | tree -> System.Convert.ToHexString tree.Root.Span

    /// The extremities and the current state.
    let private frontier (machine: RoomMachine) =
        let prepared = machine.Resolve()

        [
            for e in machine.Extremities -> e.Ordinal, e.EventId, e.Depth, root e.StateAfter, e.Provenance
        ],
        machine.NextOrdinal,
        root machine.CurrentState,
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
        Property.forAll
            "room.machine.failed-then-again"
            "Decisions that are taken back and made again are the same decisions, and leave the room as it would be \
             had no flush failed."
            (Gen.zip3 (room version) (Gen.choose (0, 1_000_000)) numbers)
            (fun (events, seed, draws) ->
                let parts = partsOf version seed events

                let play (fails: int -> bool) (tellsAgain: bool) =
                    let store = Store "here"
                    let machine = machineOver version events[0].RoomId store store
                    let kept = List<DecidedEvent>()

                    for i in 0 .. parts.Length - 1 do
                        kept.AddRange((machine.Tell parts[i]).Decided)

                        if fails i && kept.Count > 0 then
                            let at = draws[(i + 7) % draws.Length] % kept.Count
                            let taken = machine.Failed kept[at].Number

                            if taken.Length <> kept.Count - at then
                                failwith "it took back more or fewer decisions than there were"

                            kept.RemoveRange(at, taken.Length)

                            let again = if tellsAgain then Array.concat parts[..i] else [||]
                            kept.AddRange((machine.Tell again).Decided)

                    List.ofSeq (Seq.map said kept), frontier machine

                let usual = play (fun _ -> false) false
                let drawn i = draws[i % draws.Length] % 3 = 0
                usual = play drawn false && usual = play drawn true)

    let private acts = [|
        Act.Message
        Act.Topic
        Act.Join
        Act.Leave
        Act.Invite
        Act.Kick
        Act.Power
    |]

    /// An event on the prepared extremities, drawn from a number, and the events that it cites.
    let private composed (stage: Stage) (eventBase: EventBase) (prepared: Prepared) (i: int) (n: int) =
        let members = eventBase.State.OfType "m.room.member"
        let who (n: int) = members[n % members.Length].StateKey

        let draft =
            Composing.draft stage eventBase (who (n / 7)) (who (n / 77)) n acts[n % acts.Length]

        let cited = Composing.authEvents stage eventBase draft
        // Identifiers here are not hashes.
        let pdu =
            Draft.toPdu stage.Rules.Version {
                (match draft.StateKey with
                 | null -> Draft.message draft.Sender draft.Type []
                 | key -> Draft.state draft.Sender draft.Type key []) with
                    Id = $"$made{i}"
                    Room = stage.RoomId
                    Content = [ for struct (k, v) in draft.Content.Members -> k, v ]
                    Prev = List.ofArray prepared.PreviousIds
                    Auth = [ for e in cited -> e.EventId ]
                    Depth = prepared.Depth
                    Time = int64 i
            }

        pdu, cited

    /// Makes an event on one machine; if the rules allow it, that machine adopts it and the other one receives it.
    /// The result: whether both machines agree.
    let private agreeOnAdopted (stage: Stage) (here: RoomMachine) (elsewhere: RoomMachine) (i: int) (n: int) =
        let prepared = here.Resolve()

        match prepared.StateBefore with
        | null -> false
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
            }

            let pdu, cited = composed stage eventBase prepared i n

            not (Composing.isAllowed stage eventBase pdu cited (Composing.signers pdu))
            || match (here.Adopt(prepared, stage.Rules.Read pdu, -1)).Decided with
               | null -> false
               | adopted ->
                   let received =
                       elsewhere.Tell [| IncomingProperties.received stage.Rules.Version pdu |]

                   received.Decided.Length = 1
                   && said received.Decided[0] = said adopted
                   && frontier here = frontier elsewhere

    /// An event made here gets the same verdict here as on the servers that receive it.
    let adoptingIsReceiving (version: RoomVersion) =
        Property.forAll
            "room.machine.adopting-is-receiving"
            "An event that is built on `Prepare`, allowed by its state and adopted has the same verdict, states, \
             number and extremities as when it is received."
            (Gen.zip3 (room version) (Gen.choose (0, 1_000_000)) numbers)
            (fun (events, seed, draws) ->
                let stage = {
                    Rules = AuthRules version
                    Format = EventFormat version
                    RoomId = events[0].RoomId
                    Servers = [| "one"; "two" |]
                }

                // Only a part of the room, so that it has one extremity or several.
                let begun =
                    events[.. 3 + seed % max 1 (events.Length - 3) |> min (events.Length - 1)]

                let fresh () =
                    let store = Store "here" in machineOver version stage.RoomId store store

                let here, elsewhere = fresh (), fresh ()
                let inputs = begun |> Array.map (IncomingProperties.received version)
                here.Tell inputs |> ignore
                elsewhere.Tell inputs |> ignore

                List.indexed draws
                |> List.forall (fun (i, n) -> agreeOnAdopted stage here elsewhere i n))

    /// Eviction changes no decision.
    let evictionChangesNothing (version: RoomVersion) =
        Property.forAll
            "room.machine.eviction-changes-nothing"
            "A machine made anew from the room's header, whenever the old one can be evicted, makes the same \
             decisions as the old one."
            (Gen.zip3 (room version) (Gen.choose (0, 1_000_000)) numbers)
            (fun (events, seed, draws) ->
                let parts = partsOf version seed events

                let play (evicts: int -> bool) =
                    let store = Store "here"
                    let mutable machine = machineOver version events[0].RoomId store store
                    let decided = List<DecidedEvent>()
                    let mutable evicted = 0

                    for i in 0 .. parts.Length - 1 do
                        let output = machine.Tell parts[i]
                        decided.AddRange output.Decided
                        keep store output.Decided

                        if output.Decided.Length > 0 then
                            machine.Durable (Array.last output.Decided).Number

                        if evicts i && machine.CanBeEvicted then
                            evicted <- evicted + 1
                            machine <- machineOver version events[0].RoomId store store

                    List.ofSeq (Seq.map said decided), frontier machine

                play (fun _ -> false) = play (fun i -> draws[i % draws.Length] % 2 = 0))

    /// A call that throws has no effect.
    let failingMidway (version: RoomVersion) =
        Property.forAll
            "room.machine.failing-midway"
            "A call in which a look-up in the history fails leaves the machine as it was: the same inputs again lead \
             to the same requests, decisions and drops."
            (Gen.zip3 (room version) (Gen.choose (0, 1_000_000)) numbers)
            (fun (events, seed, draws) ->
                // Some events are withheld, so that the machine requests them, waits and gives up.
                let shown =
                    events
                    |> Array.filter (fun e ->
                        e.PrevEvents.Length = 0 || draws[int e.EventId[1] % draws.Length] % 4 > 0)

                let parts = partsOf version seed shown

                let play (fails: int -> int) =
                    let store = Store "here"
                    let history = FailingHistory store
                    let machine = machineOver version events[0].RoomId history store
                    let outputs = List<_>()
                    let mutable last: PeerRequest[] = [||]

                    let give i (inputs: Input[]) =
                        history.Left <- fails i
                        history.HasFailed <- false

                        let output =
                            try
                                machine.Tell inputs
                            with :? System.IO.IOException ->
                                machine.Tell inputs

                        history.Left <- -1

                        outputs.Add(
                            List.ofArray output.Requests,
                            [ for d in output.Decided -> said d ],
                            List.ofArray output.Dropped
                        )

                        last <- Array.append last output.Requests
                        // Half of the decisions are durable.
                        let half = output.Decided[.. output.Decided.Length / 2 - 1]
                        keep store half

                        if half.Length > 0 then
                            machine.Durable (Array.last half).Number

                    for i in 0 .. parts.Length - 1 do
                        give i parts[i]

                    let mutable i = parts.Length

                    while last.Length > 0 && i < 400 do
                        let next = last[0]
                        last <- Array.tail last
                        give i [| Input.Responded(next.Number, Response.Nothing) |]
                        i <- i + 1

                    List.ofSeq outputs, frontier machine

                play (fun _ -> -1) = play (fun i -> draws[i % draws.Length] % 40))

    /// The differences of the decisions add up to the current state.
    let differencesLead (version: RoomVersion) =
        Property.forAll
            "room.machine.differences-lead"
            "The differences between the current states before and after each decision, applied in order, give the \
             current state; numbers rise one by one."
            (Gen.zip (room version) (Gen.choose (0, 1_000_000)))
            (fun (events, seed) ->
                let store = Store "here"
                let machine = machineOver version events[0].RoomId store store

                let decided =
                    partsOf version seed events
                    |> Array.collect (fun part -> (machine.Tell part).Decided)

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
                        if not d.WasOutlier then
                            d.Ordinal
                ]

                StateTree.AreSame(followed, machine.CurrentState)
                && chained
                && ordinals = [ for i in 1 .. ordinals.Length -> uint32 i ])

    /// All of them, for one version.
    let all (version: RoomVersion) : Property list =
        [
            failedThenAgain version
            adoptingIsReceiving version
            evictionChangesNothing version
            failingMidway version
            differencesLead version
        ]
        |> List.map (fun property -> {
            property with
                Name = $"{property.Name}.{version.Id}"
        })
