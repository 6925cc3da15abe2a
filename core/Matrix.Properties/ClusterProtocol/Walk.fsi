namespace Matrix.Properties.ClusterProtocol

/// The result of a walk.
type Walked = {
    /// How many steps it took.
    Steps: int
    /// How many of them were faults.
    Faults: int
    Counterexample: Counterexample option
}

/// Random walks through worlds that are too large to explore.
[<RequireQualifiedAccess>]
module Walk =

    /// A world as large as these numbers.
    val world: rooms: int -> requests: int -> faults: int -> gives: int -> World

    /// Takes random steps, then random steps without faults and gives until everything is served. Any law may fail on
    /// the way. The same seed gives the same walk. The steps of a counterexample are necessary: without any one of
    /// them, the law does not fail.
    val run: world: World -> guards: Guards -> seed: uint64 -> steps: int -> Walked
