namespace Matrix.Properties.Properties

open Matrix.Rules
open Matrix.Core.State
open Matrix.Core.StateRes
open Matrix.Properties
open Matrix.Properties.Reference

/// What holds of state resolution as a whole, in all versions of the algorithm.
[<RequireQualifiedAccess>]
module StateResProperties =

    /// The resolver is the definition.
    let isTheDefinition (version: RoomVersion) : Property =
        Conflict.all
            "state-res.is-the-definition"
            "The resolver finds at each step what the literal definition finds, and resolves to the same state."
            version
            (fun conflict ->
                let literal = StateResReference.resolve conflict.Graph conflict.States
                let steps = conflict.Answer.Steps
                let differ = (List.distinct conflict.States).Length > 1

                let settled = [
                    for s in steps.Settled -> (s.Type, s.StateKey), List.ofArray s.Order, s.Chosen
                ]

                StatesAsSource.whole conflict.States conflict.Answer = literal.Resolved
                && (not differ
                    || (set steps.AuthDifference = literal.AuthDifference
                        && set steps.Subgraph = literal.Subgraph
                        && List.ofArray steps.PowerOrder = literal.PowerOrder
                        && List.ofArray steps.MainlineOrder = literal.MainlineOrder
                        && List.ofArray steps.Applied = literal.Applied
                        && settled = literal.Settled)))

    /// The order of the states does not matter.
    let anyOrder (version: RoomVersion) : Property =
        Conflict.all
            "state-res.any-order"
            "States given in another order, or twice, resolve to the same state."
            version
            (fun conflict ->
                let answer = StatesAsSource.whole conflict.States conflict.Answer

                let others = [
                    List.rev conflict.States
                    conflict.States.Tail @ [ conflict.States.Head ]
                    conflict.States @ [ conflict.States.Head ]
                ]

                others
                |> List.forall (fun states -> StatesAsSource.whole states (conflict.Resolve states) = answer))

    /// Equal states are their own resolution.
    let equalStates (version: RoomVersion) : Property =
        Conflict.all "state-res.equal-states" "Equal states resolve to themselves." version (fun conflict ->
            conflict.States
            |> List.forall (fun state -> StatesAsSource.whole [ state; state ] (conflict.Resolve [ state; state ]) = state))

    /// Nothing comes from nowhere.
    let fromTheInputs (version: RoomVersion) : Property =
        Conflict.all
            "state-res.from-the-inputs"
            "The resolved state has events of the states, of the auth difference and of the conflicted subgraph only."
            version
            (fun conflict ->
                let allowed =
                    Set.unionMany [
                        conflict.States |> Seq.collect _.Values |> Set.ofSeq
                        set conflict.Answer.Steps.AuthDifference
                        set conflict.Answer.Steps.Subgraph
                    ]

                conflict.Answer.Entries |> Array.forall (fun e -> allowed.Contains e.EventId))

    /// What all states have stays.
    let agreementStays (version: RoomVersion) : Property =
        Conflict.all "state-res.agreement-stays" "What all states have at a key stays there." version (fun conflict ->
            let unconflicted, _ = StateResReference.split conflict.States

            conflict.Answer.Entries
            |> Array.forall (fun e -> not (unconflicted.ContainsKey(e.Type, e.StateKey))))

    /// An entry is where it belongs.
    let entriesAreAtTheirKeys (version: RoomVersion) : Property =
        Conflict.all
            "state-res.entries-at-their-keys"
            "Each event of the resolved state stands at its own type and state key, and no key has two."
            version
            (fun conflict ->
                let keys = conflict.Answer.Entries |> Array.map (fun e -> e.Type, e.StateKey)

                (Array.distinct keys).Length = keys.Length
                && conflict.Answer.Entries
                   |> Array.forall (fun e ->
                       let event = conflict.Graph.Events[e.EventId]
                       event.Type = e.Type && string event.StateKey = e.StateKey))

    /// Trees differ where their contents differ.
    let treesAreStates (version: RoomVersion) : Property =
        Conflict.all
            "state-res.trees-are-states"
            "States given as trees differ where they differ as maps, and agree on the rest."
            version
            (fun conflict ->
                let tree (state: StateResReference.StateMap) =
                    StateTree.OfEntries(
                        [|
                            for KeyValue((eventType, key), id) in state -> StateEntry.Of(eventType, key, id, 0u)
                        |],
                        false
                    )

                let trees =
                    conflict.States |> List.map tree |> Array.ofList |> TreesToResolve.ofTrees

                let maps = StatesAsSource.states conflict.States

                let key (e: ConflictedEntry) =
                    e.Type, e.StateKey, List.ofArray e.Events

                set (Array.map key trees.Conflicted) = set (Array.map key maps.Conflicted)
                && conflict.States.Head
                   |> Map.forall (fun (eventType, stateKey) id -> trees.Shared.Find(eventType, stateKey) = id))

    /// All of them, for a version.
    let all (version: RoomVersion) : Property list = [
        isTheDefinition version
        anyOrder version
        equalStates version
        fromTheInputs version
        agreementStays version
        entriesAreAtTheirKeys version
        treesAreStates version
    ]
