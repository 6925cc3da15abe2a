namespace Matrix.Rules

/// One change that an amendment makes.
[<RequireQualifiedAccess>]
type Change =
    | Setting of Setting
    /// A change of the steps of state resolution.
    | Resolution of ResolutionEdit
    | Redaction of RedactionEdit
    | Authorization of Edit
    | Selection of SelectionEdit
    /// A change of the rules that handle redactions.
    | Handling of Edit

/// A named change of the rules: one proposal, or the part of a proposal that entered a version.
type Amendment = {
    /// The proposal, such as "MSC2403".
    Msc: string
    /// What it is about, in a few words.
    Title: string
    /// The change and its reason, in a paragraph.
    Why: string
    /// The rows that it adds, removes or changes, by area and name, such as `authorization/member.knock`. The lint
    /// checks them against `Changes`.
    Touches: string list
    Changes: Change list
} with

    /// The address of the proposal's discussion.
    member this.Link = Links.proposal this.Msc

/// Whether servers should use a version for new rooms.
[<RequireQualifiedAccess>]
type Stability =
    | Stable
    | Unstable

/// A room version as declared: its parent and its amendments.
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

/// A room version with all amendments applied.
type RoomVersion = {
    Id: string
    /// The version that it is based on; None for the root.
    Parent: string option
    Stability: Stability
    /// The amendments of this version itself.
    Amendments: Amendment list
    Misprints: (string * string) list
    /// The version whose page in the specification describes this one: itself or, for an unstable version, the nearest
    /// ancestor that has a page.
    Page: string
    Settings: Settings
    Redaction: RedactionTable
    Selections: Selection list
    /// The authorization rules, in order.
    Authorization: Rule list
    /// The rules, in order, that decide whether an accepted redaction is applied.
    Handling: Rule list
}
