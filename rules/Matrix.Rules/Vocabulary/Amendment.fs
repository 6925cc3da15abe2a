namespace Matrix.Rules

/// One change that an amendment makes.
[<RequireQualifiedAccess>]
type Change =
    | Setting of Setting
    | Redaction of RedactionEdit

/// A named change of the rules: one proposal, or the part of it that entered a version.
type Amendment = {
    /// The proposal, such as "MSC2403"; "" for what a version changed without one.
    Msc: string
    /// What it is about, in a few words.
    Title: string
    /// What it changes and why, in a paragraph.
    Why: string
    Changes: Change list
}

/// Whether servers should use a version for new rooms.
[<RequireQualifiedAccess>]
type Stability =
    | Stable
    | Unstable

/// A room version as it is declared: its parent and what it amends.
type VersionDeclaration = {
    /// Such as "12".
    Id: string
    /// The version that it is based on; None for the root.
    Parent: string option
    Stability: Stability
    Amendments: Amendment list
}

/// A room version with all amendments applied: what readers use.
type RoomVersion = {
    Id: string
    Parent: string option
    Stability: Stability
    /// What this version itself amends.
    Amendments: Amendment list
    Settings: Settings
    Redaction: RedactionTable
}
