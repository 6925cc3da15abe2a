namespace Matrix.Properties.Properties

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.StateRes
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Reference

/// A generated conflict, as the properties of state resolution look at it.
type internal Conflict = {
    Graph: StateResReference.Graph
    States: StateResReference.StateMap list
    /// The resolver's answer.
    Answer: Resolution
    /// The resolver, for other states of the same room.
    Resolve: StateResReference.StateMap list -> Resolution
}

/// How properties of conflicts are written.
[<RequireQualifiedAccess>]
module internal Conflict =

    /// A property of all conflicts of a version.
    let all name meaning (version: RoomVersion) (holds: Conflict -> bool) : Property =
        let rules = AuthRules version
        let resolver = StateResolver.Of rules

        let shrink (attempts, stale) =
            seq {
                for fewer in ForkGen.shrink attempts -> fewer, stale
                for i in 0 .. List.length stale - 1 -> attempts, List.removeAt i stale
            }

        Property.forAllShrink $"{name}.{version.Id}" meaning ForkGen.forked shrink (fun (attempts, stale) ->
            let room = ForkGen.rejecting (ForkGen.play version attempts) stale
            let source = StatesAsSource.source rules room.Graph

            let resolve states =
                match resolver.Resolve(StatesAsSource.states states, source, ResolutionLimits.usual) with
                | Ok answer -> answer
                | Error error -> failwith $"%A{error}"

            let states = ForkGen.statesOf room stale

            holds {
                Graph = room.Graph
                States = states
                Answer = resolve states
                Resolve = resolve
            })
