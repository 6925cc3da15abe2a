namespace Matrix.Properties.Simulation

open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.Room.Incoming
open Matrix.Core.State
open Matrix.Core.StateRes
open Matrix.Properties.Reference

/// Servers that do one thing wrong: the simulation has to notice each.
[<RequireQualifiedAccess>]
module Mutants =

    /// Where states differ, what was heard first stands.
    let firstHeardWins: Conduct =
        fun _ _ _ -> {
            Practices.usual with
                Resolve = fun _ trees -> Ok trees[0]
        }

    /// An event that the current state forbids is built upon like any other.
    let softFailureIgnored: Conduct =
        fun _ server _ ->
            if server = 0 then
                {
                    Practices.usual with
                        NotInCurrentState = fun _ -> Verdict.Accepted
                }
            else
                Practices.usual

    /// What peers tell of states counts for more than what the server could work out.
    let believesLiars: Conduct =
        fun _ _ _ -> {
            Practices.usual with
                BelievesStates = true
        }

    /// All that an event rests on, and all that rests below.
    let private graphOf (stage: Stage) (store: Store) : StateResReference.Graph =
        let known = [
            for id in store.Ids do
                match store.Find id with
                | null -> ()
                | known -> known
        ]

        {
            Version = stage.Rules.Version
            Events = Map [ for known in known -> known.EventId, known.Event.Pdu ]
            Rejected =
                set [
                    for known in known do
                        if known.IsRejected then
                            known.EventId
                ]
        }

    /// In the auth difference of one server, the chains of what the states agree on are not left out.
    let sharedPastCounts: Conduct =
        fun stage server store ->
            if server <> 0 then
                Practices.usual
            else
                {
                    Practices.usual with
                        Resolve =
                            fun usual trees ->
                                let states = [
                                    for tree in trees -> Map [ for e in tree.Entries() -> (e.Type, e.StateKey), e.EventId ]
                                ]

                                let graph = graphOf stage store

                                // An event decided a moment ago is in no store yet: then as usual.
                                if states |> List.forall (Map.forall (fun _ id -> graph.Events.ContainsKey id)) then
                                    let outcome =
                                        StateResReference.resolveWith StateResReference.authDifferenceOfDifferences graph states

                                    Ok(
                                        StateTree.OfEntries(
                                            [|
                                                for KeyValue((eventType, key), id) in outcome.Resolved ->
                                                    StateEntry.Of(eventType, key, id, 0u)
                                            |],
                                            false
                                        )
                                    )
                                else
                                    usual trees
                }

    /// Each by its name, with what it does wrong.
    let all: (string * string * Conduct) list = [
        "first-heard-wins", "where states differ, what was heard first stands", firstHeardWins
        "soft-failure-ignored", "an event that the current state forbids is built upon", softFailureIgnored
        "believes-liars", "what a peer tells of a state counts for more than what the server works out", believesLiars
        "shared-past-counts", "the auth difference counts the chains of what the states agree on", sharedPastCounts
    ]
