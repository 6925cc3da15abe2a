namespace Matrix.Properties.Mutation

open Matrix.Properties.SmallWorlds
open Matrix.Properties.Vectors
open Matrix.Rules

/// The result for a mutant.
[<RequireQualifiedAccess>]
type Status =
    /// A vector, or a case of the small worlds, distinguishes it from its version.
    | Killed
    /// Nothing distinguishes it, and the reviewed list says why nothing can.
    | Equivalent
    /// Nothing distinguishes it, and it is not listed.
    | Survived
    /// It is listed, but a vector or a case distinguishes it.
    | WronglyListed

/// The kind of check that distinguishes a mutant from its version.
[<RequireQualifiedAccess>]
type Origin =
    /// A test vector written by hand.
    | HandwrittenVector
    /// A test vector found by search.
    | GeneratedVector
    /// An invariant that the mutant's decisions break.
    | Invariant
    /// The outline of the pages: the order of the rules, and the outcome of each.
    | Outline
    /// A drawn room whose states the mutant resolves to another state.
    | Room
    /// A law of state resolution that the mutant breaks in that room.
    | Law

    /// Its name in reports.
    member this.Words =
        match this with
        | Origin.HandwrittenVector -> "handwritten vector"
        | Origin.GeneratedVector -> "generated vector"
        | Origin.Invariant -> "invariant"
        | Origin.Outline -> "outline"
        | Origin.Room -> "room"
        | Origin.Law -> "law"

/// The result for a mutant, in all versions that share it.
type Fate = {
    Id: string
    Subject: Subject
    Rule: string
    Mutation: string
    Versions: string list
    Status: Status
    /// What distinguished it; otherwise the worlds and the number of decisions searched, and why it is equivalent.
    By: string
    /// All kinds of checks that distinguish it. Invariants are checked only where the small worlds are searched.
    Origins: Origin list
    /// The result of the invariants alone, if they were checked.
    Noticed: Noticed option
} with

    /// Whether it needs a review.
    member this.IsFinding =
        this.Status = Status.Survived || this.Status = Status.WronglyListed

/// How far to search for a difference between a mutant and its version.
[<RequireQualifiedAccess>]
type Search =
    /// Only the vectors: every mutant that none of them distinguishes must be listed.
    | Vectors
    /// Also one case in `every` of the small worlds; 1 for all. Coarser portions are searched first.
    | Worlds of every: int64

/// Which mutants are tried, and against what.
type MutationPlan = {
    /// Vectors, by file.
    Files: (string * VectorFile) list
    /// Whether the vectors of a file were found by search.
    IsGenerated: string -> bool
    /// The worlds for authorization.
    Worlds: World list
    Search: Search
    /// The number of rooms that are drawn for state resolution in a version.
    Rooms: int
    /// Which tables are changed.
    Subjects: Subject list
    /// Whether mutants of the rule, selection, event type, setting or row of this name are tried.
    IsWanted: string -> bool
    /// The reviewed list of equivalent mutants.
    Equivalents: Equivalent list
}
