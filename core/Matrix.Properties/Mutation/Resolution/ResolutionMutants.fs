namespace Matrix.Properties.Mutation

open Matrix.Rules
open Matrix.Properties.Generators
open Matrix.Properties.Reference.StateResolution

/// Everything that can be changed in a version's state resolution, one at a time. Changed steps are resolved by the
/// literal definition: the core's resolver is not made of parts that can be replaced.
[<RequireQualifiedAccess>]
module ResolutionMutants =

    let private ofSteps (version: RoomVersion) : ResolutionMutant list =
        let algorithm = version.Settings.StateResolution
        let steps = Version2.stepsOf version

        [
            for row, what, changed in OrderOfSteps.all algorithm do
                {
                    Rule = row
                    Mutation = what
                    Algorithm = Some changed
                    Resolve = Version2.resolveBy { steps with Order = changed.Steps }
                }

            let changes =
                ConflictMutants.all
                @ (if algorithm.Has(ResolutionStep.Gather ConflictedPart.Subgraph) then
                       ConflictMutants.ofSubgraph
                   else
                       [])
                @ OrderingMutants.all
                @ CheckMutants.all

            for change in changes do
                {
                    Rule = change.Row
                    Mutation = change.What
                    Algorithm = None
                    Resolve = fun graph states -> Version2.resolveBy (change.Change graph states steps) graph states
                }
        ]

    let private ofPasses: ResolutionMutant list = [
        for row, what, change in PassMutants.all do
            {
                Rule = row
                Mutation = what
                Algorithm = None
                Resolve = Version1.resolveBy (change Version1.steps)
            }
    ]

    /// All mutants of a version's state resolution.
    let all (version: RoomVersion) : ResolutionMutant list =
        if version.Settings.StateResolution.IsByType then
            ofPasses
        else
            ofSteps version
