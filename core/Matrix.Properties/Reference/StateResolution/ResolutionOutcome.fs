namespace Matrix.Properties.Reference.StateResolution

open Matrix.Properties.Generators

/// The results of the steps. Steps that a version of the algorithm lacks have empty results.
type ResolutionOutcome = {
    AuthDifference: Set<string>
    Subgraph: Set<string>
    PowerOrder: string list
    MainlineOrder: string list
    /// The events of both orders that passed.
    Applied: string list
    /// The events that did not pass, in order.
    Refused: string list
    /// Version 1: each key in conflict, its events in the order in which they were tried, and the resolved event.
    Settled: ((string * string) * string list * string) list
    Resolved: StateMap
}
