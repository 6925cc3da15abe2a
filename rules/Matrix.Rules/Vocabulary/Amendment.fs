namespace Matrix.Rules

/// One change that an amendment makes.
[<RequireQualifiedAccess>]
type Change =
    | Setting of Setting
    /// Of the steps of state resolution.
    | Resolution of ResolutionEdit
    | Redaction of RedactionEdit
    | Authorization of Edit
    | Selection of SelectionEdit
    /// Of the rules that handle redactions.
    | Handling of Edit

/// A named change of the rules: one proposal, or the part of it that entered a version.
type Amendment = {
    /// The proposal, such as "MSC2403".
    Msc: string
    /// What it is about, in a few words.
    Title: string
    /// What it changes and why, in a paragraph.
    Why: string
    /// The rows that it adds, removes or changes, by area and name, such as `authorization/member.knock`. A lint holds
    /// this equal to what `Changes` do.
    Touches: string list
    Changes: Change list
} with

    /// Where the proposal is discussed.
    member this.Link = Links.proposal this.Msc

/// Whether servers should use a version for new rooms.
[<RequireQualifiedAccess>]
type Stability =
    | Stable
    | Unstable

/// A room version as it is declared: its parent and what it amends.
type VersionDeclaration = {
    /// Such as "12".
    Id: string
    /// The version that it is based on.
    Parent: string
    Stability: Stability
    Amendments: Amendment list
    /// Rules whose number on the version's page is not their position: name and number as printed.
    Misprints: (string * string) list
}

/// A room version with all amendments applied: what readers use.
type RoomVersion = {
    Id: string
    /// The version that it is based on; None for the root.
    Parent: string option
    Stability: Stability
    /// What this version itself amends.
    Amendments: Amendment list
    Misprints: (string * string) list
    /// The version whose page in the specification describes this one: itself, or for an unstable one the nearest that has a page.
    Page: string
    Settings: Settings
    Redaction: RedactionTable
    Selections: Selection list
    /// The authorization rules, in order.
    Authorization: Rule list
    /// Whether a redaction that was accepted is applied to the event that it names, in order.
    Handling: Rule list
}
