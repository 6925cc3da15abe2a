namespace Matrix.Properties.Properties

open FsCheck.FSharp
open Matrix.Rules
open Matrix.Core.State
open Matrix.Core.StateRes
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Scenarios

/// Properties of state resolution as a whole, in all versions of the algorithm.
[<RequireQualifiedAccess>]
module StateResProperties =

    /// The resolver agrees with the literal definition.
    let isTheDefinition: Law<Conflict> =
        Law.named
            "state-res.is-the-definition"
            "The resolver finds the same as the literal definition at each step, and resolves to the same state."
            (fun conflict ->
                let literal = StateResReference.resolve conflict.Graph conflict.States

                if Conflict.isOne conflict then
                    conflict.Steps = literal
                else
                    // There is nothing to resolve, and so no step.
                    conflict.Resolved = literal.Resolved)

    /// The order of the states does not matter.
    let anyOrder: Law<Conflict> =
        Law.named
            "state-res.any-order"
            "States given in another order, or twice, resolve to the same state."
            (fun conflict ->
                [
                    List.rev conflict.States
                    conflict.States.Tail @ [ conflict.States.Head ]
                    conflict.States @ [ conflict.States.Head ]
                ]
                |> List.forall (fun states -> conflict.Resolve states = conflict.Resolved))

    /// Equal states resolve to themselves.
    let equalStates: Law<Conflict> =
        Law.named "state-res.equal-states" "Equal states resolve to themselves." (fun conflict ->
            conflict.States
            |> List.forall (fun state -> conflict.Resolve [ state; state ] = state))

    /// Resolution invents no events.
    let fromTheInputs: Law<Conflict> =
        Law.about
            "state-res.from-the-inputs"
            "The resolved state contains only events of the states, of the auth difference and of the conflicted \
             subgraph."
            Conflict.isOne
            (fun conflict ->
                let allowed =
                    Set.unionMany [
                        conflict.States |> Seq.collect _.Values |> Set.ofSeq
                        conflict.Steps.AuthDifference
                        conflict.Steps.Subgraph
                    ]

                conflict.Resolved.Values |> Seq.forall allowed.Contains)

    /// Entries that all states share are kept.
    let agreementStays: Law<Conflict> =
        Law.about
            "state-res.agreement-stays"
            "An entry that all states share is in the resolved state."
            Conflict.isOne
            (fun conflict ->
                let unconflicted, _ = ConflictedState.split conflict.States

                unconflicted
                |> Map.forall (fun key id -> conflict.Resolved.TryFind key = Some id)
                && conflict.Result.Entries
                   |> List.forall (fun e -> not (unconflicted.ContainsKey(e.Type, e.StateKey))))

    /// An event stands at its own key.
    let entriesAreAtTheirKeys: Law<Conflict> =
        Law.named
            "state-res.entries-at-their-keys"
            "Each event of the resolved state stands at its own type and state key, and no key has two events."
            (fun conflict ->
                let entries = conflict.Result.Entries
                let keys = entries |> List.map (fun e -> e.Type, e.StateKey)

                (List.distinct keys).Length = keys.Length
                && entries
                   |> List.forall (fun e ->
                       let event = conflict.Graph.Events[e.EventId]
                       event.Type = e.Type && string event.StateKey = e.StateKey))

    /// All laws.
    let laws: Law<Conflict> list = [
        isTheDefinition
        anyOrder
        equalStates
        fromTheInputs
        agreementStays
        entriesAreAtTheirKeys
    ]

    /// Comparing states as trees agrees with comparing them as maps.
    let treesAreStates (compared: StateTree[] -> StatesToResolve) (version: RoomVersion) : Property =
        Property.forAll
            $"state-res.trees-are-states.{version.Id}"
            "States given as trees differ at the keys where they differ as maps, and agree on the rest."
            ForkGen.forked
            (fun (attempts, stale) ->
                let states = ForkGen.statesOf (ForkGen.play version attempts) stale

                let tree (state: StateMap) =
                    StateTree.OfEntries(
                        [|
                            for KeyValue((eventType, key), id) in state -> StateEntry.Of(eventType, key, id, 0u)
                        |],
                        false
                    )

                let trees = states |> List.map tree |> Array.ofList |> compared
                let maps = StatesAsSource.states states

                let key (e: ConflictedEntry) =
                    e.Type, e.StateKey, List.ofArray e.Events

                set (Array.map key trees.Conflicted) = set (Array.map key maps.Conflicted)
                && states.Head
                   |> Map.forall (fun (eventType, stateKey) id -> trees.Shared.Find(eventType, stateKey) = id))

    /// All of them, for a version.
    let all (version: RoomVersion) : Property list =
        (laws |> List.map (Conflict.property (Resolving.production version)))
        @ [ treesAreStates TreesToResolve.ofTrees version ]
