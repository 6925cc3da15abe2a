namespace Matrix.Properties.ClusterProtocol

/// Steps that lead to a state in which a law does not hold.
type Counterexample = {
    Law: string
    /// What the law says.
    Meaning: string
    Trace: Step list
}

/// The result of an exploration.
type Explored = {
    /// How many states were found.
    States: int
    /// How many steps lead from one to another.
    Steps: int64
    /// The number of steps to the farthest state.
    Depth: int
    /// Whether there are no others.
    IsWhole: bool
    Counterexample: Counterexample option
}

/// Explores all interleavings of a world.
[<RequireQualifiedAccess>]
module Exploration =

    /// Every state, those that fewer steps lead to first, until a law does not hold or there are more states than
    /// `most`. So a counterexample is a shortest one. Whether every request ends is judged once all states are known.
    val run: world: World -> guards: Guards -> most: int -> Explored
