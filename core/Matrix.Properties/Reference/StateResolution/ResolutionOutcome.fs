namespace Matrix.Properties.Reference.StateResolution

open Matrix.Properties.Generators

/// The results of the steps. The steps that a version of the algorithm does not have are empty.
type ResolutionOutcome = {
    AuthDifference: Set<string>
    Subgraph: Set<string>
    PowerOrder: string list
    MainlineOrder: string list
    /// The events of both orders that passed.
    Applied: string list
    /// The events that did not pass, in order.
    Refused: string list
    /// Version 1: the keys in conflict, with the events in the order in which they were tried, and the one that stands.
    Settled: ((string * string) * string list * string) list
    Resolved: StateMap
}
