namespace Matrix.Properties.Properties

open FsCheck.FSharp
open FsCheck
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.StateRes
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Scenarios

/// The result of a resolver.
type ResolverResult = {
    Outcome: ResolutionOutcome
    /// The entries it decided on: those at keys where the states disagree.
    Entries: ResolvedEntry list
}

/// A resolver under test: that of the host, or one with a defect.
type Resolving = {
    Version: RoomVersion
    /// Resolves states of a room.
    In: RoomGraph -> StateMap list -> ResolverResult
}

/// The resolvers under test.
[<RequireQualifiedAccess>]
module Resolving =

    /// The host's resolver.
    let production (version: RoomVersion) : Resolving =
        let rules = AuthRules version

        {
            Version = version
            In =
                fun graph ->
                    let resolve = StatesAsSource.resolve rules graph

                    fun states ->
                        match resolve states with
                        | Ok answer -> {
                            Outcome = StatesAsSource.outcome states answer
                            Entries = List.ofArray answer.Entries
                          }
                        | Error error -> failwith $"%A{error}"
        }

    /// A resolver given by a definition, correct or not.
    let defined (version: RoomVersion) (resolve: RoomGraph -> StateMap list -> ResolutionOutcome) : Resolving = {
        Version = version
        In =
            fun graph states ->
                let outcome = resolve graph states
                let unconflicted, _ = ConflictedState.split states

                {
                    Outcome = outcome
                    Entries = [
                        for KeyValue((eventType, key), id) in outcome.Resolved do
                            if unconflicted.TryFind(eventType, key) <> Some id then
                                {
                                    Type = eventType
                                    StateKey = key
                                    EventId = id
                                }
                    ]
                }
    }

/// A conflict, and a resolver's result.
type Conflict = {
    Graph: RoomGraph
    Rules: AuthRules
    States: StateMap list
    Result: ResolverResult
    /// Resolves other states of the same room with the same resolver.
    Resolve: StateMap list -> StateMap
} with

    /// The result of each step.
    member this.Steps: ResolutionOutcome = this.Result.Outcome

    /// The resolved state.
    member this.Resolved: StateMap = this.Result.Outcome.Resolved

/// Drawn conflicts.
[<RequireQualifiedAccess>]
module Conflict =

    /// The conflict between states of a room, and the resolver's result.
    let ofStates (resolving: Resolving) (rules: AuthRules) (graph: RoomGraph) (states: StateMap list) : Conflict =
        let resolve = resolving.In graph

        {
            Graph = graph
            Rules = rules
            States = states
            Result = resolve states
            Resolve = fun states -> (resolve states).Outcome.Resolved
        }

    /// The property that a law holds for a resolver's results.
    let property (resolving: Resolving) : Law<Conflict> -> Property =
        let rules = AuthRules resolving.Version

        let shrink (attempts, stale) =
            seq {
                for fewer in ForkGen.shrink attempts -> fewer, stale
                for i in 0 .. List.length stale - 1 -> attempts, List.removeAt i stale
            }

        Law.property resolving.Version ForkGen.forked shrink (fun (attempts, stale) ->
            let room = ForkGen.rejecting (ForkGen.play resolving.Version attempts) stale
            ofStates resolving rules room.Graph (ForkGen.statesOf room stale))

    /// Whether the states differ: otherwise there is nothing to resolve, and so no step.
    let isOne (conflict: Conflict) : bool =
        (List.distinct conflict.States).Length > 1

    /// A law about the steps of conflicts that meet a premise.
    let lawOfSteps
        (name: string)
        (meaning: string)
        (premise: Conflict -> ResolutionOutcome -> bool)
        (holds: Conflict -> ResolutionOutcome -> bool)
        : Law<Conflict> =
        Law.about name meaning (fun conflict -> isOne conflict && premise conflict conflict.Steps) (fun conflict ->
            holds conflict conflict.Steps)
