namespace Matrix.Properties.Reference.Authorization

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event

/// One question; the state is read by type and state key.
type DecisionInput = {
    Version: RoomVersion
    Event: Pdu
    Find: string -> string -> Pdu option
    Facts: AuthFacts
}

/// A user's power.
[<RequireQualifiedAccess>]
type PowerOf =
    | Level of int64
    /// More than any level.
    | Infinite

/// The current entry of `ForEach`.
type internal Entry = {
    Key: string
    Old: int64 option
    New: int64 option
    /// The new value exists, differs from the old one, and does not count as a level.
    NewIsMalformed: bool
}

/// A question while its rules are evaluated.
type internal Context = {
    Case: DecisionInput
    Entry: Entry option
    /// The sender of the event that a redaction redacts.
    Redacted: string option
}
