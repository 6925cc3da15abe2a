namespace Matrix.Properties.SmallWorlds

open Matrix.Rules.Printing
open Matrix.Core.Auth
open Matrix.Core.Json
open Matrix.Properties.Generators

/// A case that two versions decide differently.
type DecidedApart = {
    /// What is to be said of the case.
    Words: string list
    Weight: int
    First: AuthCase
    FirstDecision: Decision
    Second: AuthCase
    SecondDecision: Decision
} with

    /// Whether both accept or both reject it, by different clauses.
    member this.IsSameVerdict = this.FirstDecision.IsOk = this.SecondDecision.IsOk

/// A room of which two servers hold different states, which two versions resolve differently.
type ResolvedApart = {
    /// The room, drawn in the first version.
    FirstFork: Forks.Fork
    /// The same room, drawn in the second version.
    Fork: Forks.Fork
    /// The type and state key at which they do.
    Key: string * string
    /// What stands there then; none if nothing does.
    First: string option
    Second: string option
    /// The room, and what becomes of it in each, in words.
    Words: string * string * string
}

/// Something that shows how two versions differ.
[<RequireQualifiedAccess>]
type Shown =
    | Decided of DecidedApart
    /// An event, and what redaction leaves of it in each.
    | Redacted of event: JsonObject * first: JsonObject * second: JsonObject
    /// What is given, and what becomes of it in each.
    | Told of given: string * first: string * second: string
    /// A room of which two servers hold different states, and what these resolve to.
    | Resolved of ResolvedApart

/// A row that differs, and what shows it; none if nothing was found that does.
type Witnessed = {
    Change: RowChange
    Shown: Shown option
}

/// Which rows of a table decide.
[<RequireQualifiedAccess>]
module internal Clauses =

    /// Whether the row of this name decided, or a rule inside it.
    let within (row: string) (decision: Decision) : bool =
        decision.Clause = row
        || decision.Clause.StartsWith(row + ".", System.StringComparison.Ordinal)
