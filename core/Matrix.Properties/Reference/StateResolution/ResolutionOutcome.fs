namespace Matrix.Properties.Reference.StateResolution

open Matrix.Properties.Generators

/// What each step found; each version of the algorithm has its own.
type ResolutionOutcome = {
    AuthDifference: Set<string>
    Subgraph: Set<string>
    PowerOrder: string list
    MainlineOrder: string list
    /// Of both orders: what passed.
    Applied: string list
    /// What was tried and did not pass, in order.
    Refused: string list
    /// Version 1: the keys in conflict, with the events in the order in which they were tried, and the one that stands.
    Settled: ((string * string) * string list * string) list
    Resolved: StateMap
}
