namespace Matrix.Properties.ClusterProtocol

/// How several nodes write to one database, and how a shard comes from one of them to another. It is what records 161,
/// 162 and 164 decided, with PostgreSQL's locks as a model.
[<RequireQualifiedAccess>]
module Protocol =

    /// Every step that may come next, with the state after it. Total: there is no state in which it fails.
    val next: world: World -> guards: Guards -> state: State -> (Step * State) list

    /// Whether a node runs that may write, or may begin.
    val canBeServed: state: State -> bool

    /// Whether all is well: every request was answered, and every room is open at its owner.
    val isServed: state: State -> bool
