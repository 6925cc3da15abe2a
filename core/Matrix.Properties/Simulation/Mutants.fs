namespace Matrix.Properties.Simulation

open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.State
open Matrix.Core.StateRes
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Generators

/// Servers with one defect: the simulation has to notice each.
[<RequireQualifiedAccess>]
module Mutants =

    /// Where states differ, the event received first wins.
    let firstHeardWins: Behaviours =
        fun _ _ _ -> {
            Behaviour.usual with
                Resolve = fun _ trees -> Ok trees[0]
        }

    /// An event that the current state forbids is built upon like any other.
    let softFailureIgnored: Behaviours =
        fun _ server _ ->
            if server = 0 then
                {
                    Behaviour.usual with
                        NotInCurrentState = fun _ -> Verdict.Accepted
                }
            else
                Behaviour.usual

    /// States from peers replace states that the server could compute.
    let believesPeers: Behaviours =
        fun _ _ _ -> {
            Behaviour.usual with
                BelievesStates = true
        }

    /// A fetched state is resolved with the states after the previous events that are known.
    let joinsStates: Behaviours =
        fun _ _ _ -> {
            Behaviour.usual with
                JoinsStates = true
        }

    /// The auth chains of some events.
    let private graphOf (room: SimulatedRoom) (find: string -> KnownEvent | null) (ids: seq<string>) : RoomGraph =
        let met = Dictionary<string, KnownEvent>()
        let pending = Stack<string>(ids)

        while pending.Count > 0 do
            let id = pending.Pop()

            if not (met.ContainsKey id) then
                match find id with
                | null -> ()
                | known ->
                    met.Add(id, known)

                    for cited in known.Event.Pdu.AuthEvents do
                        pending.Push cited

        {
            Version = room.Rules.Version
            Events = Map [ for KeyValue(id, known) in met -> id, known.Event.Pdu ]
            Rejected =
                set [
                    for KeyValue(id, known) in met do
                        if known.IsRejected then
                            id
                ]
        }

    /// The auth difference of one server includes the auth chains of unconflicted events.
    let sharedPastCounts: Behaviours =
        fun room server find ->
            if server <> 0 then
                Behaviour.usual
            else
                {
                    Behaviour.usual with
                        Resolve =
                            fun _ trees ->
                                let states = [
                                    for tree in trees ->
                                        Map [ for e in tree.Entries() -> (e.Type, e.StateKey), e.EventId ]
                                ]

                                let graph = graphOf room find (states |> Seq.collect Map.values)

                                let outcome = Version2.resolveWith AuthDifference.ofDifferences graph states

                                Ok(
                                    StateTree.OfEntries(
                                        [|
                                            for KeyValue((eventType, key), id) in outcome.Resolved ->
                                                StateEntry.Of(eventType, key, id, 0u)
                                        |],
                                        false
                                    )
                                )
                }

    /// A failed flush leaves the extremities as they were after it.
    let failedFlushKeepsExtremities: Behaviours =
        fun _ _ _ -> {
            Behaviour.usual with
                RestoresExtremities = false
        }

    /// Each defect: its name, its description, and the behaviours of servers that have it.
    let all: (string * string * Behaviours) list = [
        "failed-flush-keeps-extremities",
        "a failed flush leaves the extremities as they were after it",
        failedFlushKeepsExtremities
        "first-heard-wins", "where states differ, the event received first wins", firstHeardWins
        "soft-failure-ignored", "an event that the current state forbids is built upon", softFailureIgnored
        "believes-peers", "a state from a peer replaces the state that the server computes", believesPeers
        "joins-states", "a fetched state is resolved with those after known previous events", joinsStates
        "shared-past-counts", "the auth difference includes the auth chains of unconflicted events", sharedPastCounts
    ]
