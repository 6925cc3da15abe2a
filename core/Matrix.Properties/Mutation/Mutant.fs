namespace Matrix.Properties.Mutation

open Matrix.Rules

/// Which of a version's tables a mutant has otherwise.
[<RequireQualifiedAccess>]
type Subject =
    | Authorization
    | Selection
    /// The rules by which redactions are handled.
    | Handling
    /// What redaction leaves.
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
    /// The table that resulted.
    Table: RoomVersion
    /// What must hold of an event that reaches the rule for the two to decide differently: a cheap test before the whole table is asked.
    DiffersOnlyIf: Condition
    /// Only what these rules, or rules inside them, decide can be decided differently; anything that reaches the rule if empty.
    DecidedBy: string list
} with

    /// What it is called: one name in every version that has the mutant.
    member this.Id = $"{this.Subject.Word}/{this.Rule}: {this.Mutation}"
