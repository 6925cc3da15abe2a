namespace Matrix.Properties.SmallWorlds

open Matrix.Rules.Printing
open Matrix.Core.Auth
open Matrix.Core.Json
open Matrix.Properties.Generators

/// A case that two versions decide differently.
[<NoEquality; NoComparison>]
type DecidedApart = {
    /// What the report says about the case.
    Words: string list
    Weight: int
    /// Its world, and the choices there.
    World: World
    Case: int[]
    First: AuthCase
    FirstDecision: Decision
    Second: AuthCase
    SecondDecision: Decision
} with

    /// Whether both accept or both reject it, by different clauses.
    member this.IsSameVerdict = this.FirstDecision.IsOk = this.SecondDecision.IsOk

/// A room with two states that two versions resolve differently.
type ResolvedApart = {
    /// The room, drawn in the first version.
    FirstFork: Forks.Fork
    /// The same room, drawn in the second version.
    Fork: Forks.Fork
    /// The type and state key at which they differ.
    Key: string * string
    /// The event there in the first version; none if there is no entry.
    First: string option
    Second: string option
    /// The room, and the result in each version, in words.
    Words: string * string * string
}

/// A case that shows how two versions differ.
[<RequireQualifiedAccess; NoEquality; NoComparison>]
type ShownCase =
    | Decided of DecidedApart
    /// An event, and its redacted form in each version.
    | Redacted of event: JsonObject * first: JsonObject * second: JsonObject
    /// A case in words, and the result in each version.
    | InWords of given: string * first: string * second: string
    /// A room with two states, and the states that they resolve to.
    | Resolved of ResolvedApart

/// A row that differs, and a case that shows it; none if none was found.
[<NoEquality; NoComparison>]
type Witnessed = {
    Change: RowChange
    Case: ShownCase option
}

/// Which row of a table decided.
[<RequireQualifiedAccess>]
module internal Clauses =

    /// Whether a rule's name is that of the row, or of a rule inside it.
    let isWithin (row: string) (rule: string) : bool =
        rule = row || rule.StartsWith(row + ".", System.StringComparison.Ordinal)

    /// Whether the row of this name decided, or a rule inside it.
    let within (row: string) (decision: Decision) : bool = isWithin row decision.Clause
