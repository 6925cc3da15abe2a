namespace Matrix.Rules.Printing

open Matrix.Rules

/// One numbered line of a version's rules, for every rendering.
type Row = {
    Area: Area
    /// The dotted name, the same in every version.
    Id: string
    /// The position in the nested list, such as `4.3.1`.
    At: string
    /// The number on the page; "" if the page has none.
    Number: string
    /// How deep in the list, from 0.
    Depth: int
    /// The sentence, in our words.
    Text: string
    /// `allow`, `reject`, or "" for a line that decides nothing.
    Outcome: string
    /// The reason of a rejection.
    Reason: string
    /// The condition, from the data; "" for an unconditional line.
    When: string
    /// The version's value, from the data; "" if the text says everything.
    Value: string
    Link: string
}

/// Areas by name and title.
[<RequireQualifiedAccess>]
module Areas =

    /// Every area, in the order in which a version is printed.
    let all: Area list = [
        Area.Rooms
        Area.Identifiers
        Area.Format
        Area.Limits
        Area.Json
        Area.Hashes
        Area.Signatures
        Area.Keys
        Area.PowerLevels
        Area.Selection
        Area.Authorization
        Area.Redaction
        Area.StateResolution
        Area.Policy
    ]

    /// The area's name on the command line.
    let name (area: Area) : string =
        match area with
        | Area.Rooms -> "rooms"
        | Area.Identifiers -> "ids"
        | Area.Format -> "format"
        | Area.Limits -> "limits"
        | Area.Json -> "json"
        | Area.Hashes -> "hashes"
        | Area.Signatures -> "signatures"
        | Area.Keys -> "keys"
        | Area.PowerLevels -> "power"
        | Area.Selection -> "selection"
        | Area.Authorization -> "auth"
        | Area.Redaction -> "redaction"
        | Area.StateResolution -> "state"
        | Area.Policy -> "policy"

    /// The area's heading.
    let title (area: Area) : string =
        match area with
        | Area.Rooms -> "Rooms"
        | Area.Identifiers -> "Identifiers"
        | Area.Format -> "Event format"
        | Area.Limits -> "Limits"
        | Area.Json -> "Canonical JSON"
        | Area.Hashes -> "Hashes"
        | Area.Signatures -> "Signatures"
        | Area.Keys -> "Signing keys"
        | Area.PowerLevels -> "Power levels"
        | Area.Selection -> "Auth events selection"
        | Area.Authorization -> "Authorization rules"
        | Area.Redaction -> "Redactions"
        | Area.StateResolution -> "State resolution"
        | Area.Policy -> "Local policy, which the specification does not have"

    /// The area with this name.
    let tryFind (wanted: string) : Area option =
        all |> List.tryFind (fun area -> name area = wanted)

/// Makes rows of tables.
[<RequireQualifiedAccess>]
module Rows =

    let rec private ofStatements (area: Area) (prefix: string) (depth: int) (statements: Statement list) : Row list =
        statements
        |> List.mapi (fun i s ->
            let at = prefix + string (i + 1)

            {
                Area = area
                Id = s.Name
                At = at
                Number = s.Number
                Depth = depth
                Text = s.Text
                Outcome = ""
                Reason = ""
                When =
                    match s.When with
                    | Condition.Always -> ""
                    | condition -> "if " + Words.condition condition
                Value = s.Value
                Link = s.Link
            }
            :: ofStatements area (at + ".") (depth + 1) s.Inside)
        |> List.concat

    let private outcomeWords (rule: Rule) : string * string =
        match rule with
        | Rule.Clause(_, _, Outcome.Allow, _) -> "allow", ""
        | Rule.Clause(_, _, Outcome.Reject reason, _) -> "reject", Failures.words reason
        | Rule.Iff(_, _, _, reason) -> "allow", Failures.words reason
        | Rule.Scope _
        | Rule.ForEach _ -> "", ""

    let private ofRules (version: RoomVersion) : Row list =
        let link = Links.room version.Page "authorisation-rules"

        [
            for item in Rule.items version.Authorization ->
                let head, condition, (outcome, reason) =
                    match item.Part with
                    | Some part -> part.Head, "if " + Words.condition part.Condition, ("", "")
                    | None -> Rule.head item.Rule, Words.whenOf item.Rule, outcomeWords item.Rule

                {
                    Area = Area.Authorization
                    Id = head.Name
                    At = item.At
                    Number = Flatten.number version item
                    Depth = item.At |> Seq.filter (fun c -> c = '.') |> Seq.length
                    Text = head.Text
                    Outcome = outcome
                    Reason = reason
                    When = condition
                    Value = ""
                    Link = link
                }
        ]

    /// The rows of one area of a version, in reading order.
    let ofArea (version: RoomVersion) (area: Area) : Row list =
        let statements table = ofStatements area "" 0 (table version)

        match area with
        | Area.Authorization -> ofRules version
        | Area.Rooms -> statements Events.rooms
        | Area.Identifiers -> statements Events.identifiers
        | Area.Format -> statements Events.format
        | Area.Limits -> statements Events.limits
        | Area.Json -> statements Events.json
        | Area.Hashes -> statements (fun _ -> Events.hashes)
        | Area.Signatures -> statements Events.signatures
        | Area.Keys -> statements Events.keys
        | Area.PowerLevels -> statements Events.powerLevels
        | Area.Selection -> statements Events.selection
        | Area.Redaction -> statements Events.redaction
        | Area.StateResolution -> statements Resolving.statements
        | Area.Policy -> statements Policies.statements

    /// The data of a row in one line: condition and outcome; "" if the text says everything.
    let decision (row: Row) : string =
        let what =
            match row.Outcome, row.Reason with
            | "", _ -> row.Value
            | outcome, "" -> outcome
            | "reject", reason -> "reject, for " + reason
            | outcome, reason -> outcome + ", else reject, for " + reason

        match row.When, what with
        | "", what -> what
        | condition, "" -> condition
        | condition, what -> condition + ": " + what

    /// Whether two rows have the same data, whatever their words, numbers and links.
    let sameMeaning (a: Row) (b: Row) : bool =
        a.Outcome = b.Outcome
        && a.Reason = b.Reason
        && a.When = b.When
        && a.Value = b.Value
