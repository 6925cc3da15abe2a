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
    /// The steps of state resolution.
    | StateResolution

    /// Its name in reports.
    member this.Word =
        match this with
        | Subject.Authorization -> "authorization"
        | Subject.Selection -> "selection"
        | Subject.Handling -> "handling"
        | Subject.Redaction -> "redaction"
        | Subject.Setting -> "setting"
        | Subject.StateResolution -> "state-resolution"

    /// All of them.
    static member All = [
        Subject.Authorization
        Subject.Selection
        Subject.Handling
        Subject.Redaction
        Subject.Setting
        Subject.StateResolution
    ]

/// A version with one thing changed in a table.
type Mutant = {
    Subject: Subject
    /// The rule, selection, event type or setting.
    Rule: string
    /// The change.
    Mutation: string
    /// The version with the changed table.
    Table: RoomVersion
    /// A condition that must hold wherever mutant and version decide differently. It is cheaper than evaluating the
    /// whole table.
    DiffersOnlyIf: Condition
    /// Only events decided by these rules, or by rules inside them, can be decided differently. Empty: any event that
    /// reaches the rule.
    DecidedBy: string list
} with

    /// The name of a mutant, the same in every version that has it.
    static member NameOf(subject: Subject, rule: string, mutation: string) = $"{subject.Word}/{rule}: {mutation}"

    /// Its name, the same in every version that has the mutant.
    member this.Id = Mutant.NameOf(this.Subject, this.Rule, this.Mutation)
