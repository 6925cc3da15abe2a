namespace Matrix.Properties.Mutation

open Matrix.Rules

/// The table of a version that a mutant changes.
[<RequireQualifiedAccess>]
type Subject =
    | Authorization
    | Selection
    /// The rules by which redactions are handled.
    | Handling
    /// The table of what redaction keeps.
    | Redaction
    | Setting

    /// As reports write it.
    member this.Word = (string this).ToLowerInvariant()

/// A version with one thing changed.
type Mutant = {
    Subject: Subject
    /// The rule, selection, event type or setting.
    Rule: string
    /// What was done to it.
    Mutation: string
    /// The version with the changed table.
    Table: RoomVersion
    /// A condition that must hold for mutant and version to decide differently: a cheap test before the whole table is evaluated.
    DiffersOnlyIf: Condition
    /// Only events that these rules, or rules inside them, decide can be decided differently. Empty: any event that reaches the rule.
    DecidedBy: string list
} with

    /// Its name, the same in every version that has the mutant.
    member this.Id = $"{this.Subject.Word}/{this.Rule}: {this.Mutation}"
