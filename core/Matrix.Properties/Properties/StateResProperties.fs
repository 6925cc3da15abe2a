namespace Matrix.Properties.Properties

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.State
open Matrix.Core.StateRes
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Reference

/// What holds of state resolution 2 and 2.1.
[<RequireQualifiedAccess>]
module StateResProperties =

    type private Conflict = {
        Room: ForkGen.Room
        States: StateResReference.StateMap list
        Answer: Resolution
    }

    let private ofConflicts
        name
        meaning
        (version: RoomVersion)
        (holds: (StateResReference.StateMap list -> Resolution) -> Conflict -> bool)
        =
        let rules = AuthRules version

        let resolver =
            match StateResolver.Of rules with
            | null -> invalidArg (nameof version) "has another state resolution"
            | resolver -> resolver

        let shrink (attempts, stale) =
            seq {
                for fewer in ForkGen.shrink attempts -> fewer, stale
                for i in 0 .. List.length stale - 1 -> attempts, List.removeAt i stale
            }

        Property.forAllShrink $"{name}.{version.Id}" meaning ForkGen.forked shrink (fun (attempts, stale) ->
            let room = ForkGen.play version attempts
            let source = StatesAsSource.source rules room.Graph

            let resolve states =
                match resolver.Resolve(StatesAsSource.states states, source, ResolutionLimits.usual) with
                | Ok answer -> answer
                | Error error -> failwith $"%A{error}"

            let states = ForkGen.statesOf room stale

            holds resolve {
                Room = room
                States = states
                Answer = resolve states
            })

    /// The resolver is the definition.
    let isTheDefinition (version: RoomVersion) : Property =
        ofConflicts
            "state-res.is-the-definition"
            "The resolver finds at each step what the literal definition finds, and resolves to the same state."
            version
            (fun _ conflict ->
                let literal = StateResReference.resolve conflict.Room.Graph conflict.States
                let steps = conflict.Answer.Steps
                let differ = (List.distinct conflict.States).Length > 1

                StatesAsSource.whole conflict.States conflict.Answer = literal.Resolved
                && (not differ
                    || (set steps.AuthDifference = literal.AuthDifference
                        && set steps.Subgraph = literal.Subgraph
                        && List.ofArray steps.PowerOrder = literal.PowerOrder
                        && List.ofArray steps.MainlineOrder = literal.MainlineOrder)))

    /// The order of the states does not matter.
    let anyOrder (version: RoomVersion) : Property =
        ofConflicts
            "state-res.any-order"
            "States given in another order, or twice, resolve to the same state."
            version
            (fun resolve conflict ->
                let answer = StatesAsSource.whole conflict.States conflict.Answer

                let others = [
                    List.rev conflict.States
                    conflict.States.Tail @ [ conflict.States.Head ]
                    conflict.States @ [ conflict.States.Head ]
                ]

                others
                |> List.forall (fun states -> StatesAsSource.whole states (resolve states) = answer))

    /// Equal states are their own resolution.
    let equalStates (version: RoomVersion) : Property =
        ofConflicts "state-res.equal-states" "Equal states resolve to themselves." version (fun resolve conflict ->
            conflict.States
            |> List.forall (fun state -> StatesAsSource.whole [ state; state ] (resolve [ state; state ]) = state))

    /// Nothing comes from nowhere.
    let fromTheInputs (version: RoomVersion) : Property =
        ofConflicts
            "state-res.from-the-inputs"
            "The resolved state has events of the states, of the auth difference and of the conflicted subgraph only."
            version
            (fun _ conflict ->
                let allowed =
                    Set.unionMany [
                        conflict.States |> Seq.collect _.Values |> Set.ofSeq
                        set conflict.Answer.Steps.AuthDifference
                        set conflict.Answer.Steps.Subgraph
                    ]

                conflict.Answer.Entries |> Array.forall (fun e -> allowed.Contains e.EventId))

    /// What all states have stays.
    let agreementStays (version: RoomVersion) : Property =
        ofConflicts "state-res.agreement-stays" "What all states have at a key stays there." version (fun _ conflict ->
            let unconflicted, _ = StateResReference.split conflict.States

            conflict.Answer.Entries
            |> Array.forall (fun e -> not (unconflicted.ContainsKey(e.Type, e.StateKey))))

    /// Trees differ where their contents differ.
    let treesAreStates (version: RoomVersion) : Property =
        ofConflicts
            "state-res.trees-are-states"
            "States given as trees differ where they differ as maps, and agree on the rest."
            version
            (fun _ conflict ->
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
        treesAreStates version
    ]
