/// State resolution 1, 2 and 2.1 as the pages define them, on whole auth chains. Slow. Each step is a file.
/// v1.19 rooms/v12#state-resolution
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.StateResolution.StateResReference

open Matrix.Rules
open Matrix.Properties.Generators

/// Resolves as the version's page says.
let resolve (graph: RoomGraph) (states: StateMap list) : ResolutionOutcome =
    if graph.Version.Settings.StateResolution.IsByType then
        Version1.resolveBy Version1.steps graph states
    else
        Version2.resolveBy (Version2.stepsOf graph.Version) graph states
