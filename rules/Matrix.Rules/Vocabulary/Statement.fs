namespace Matrix.Rules

/// The subject of a row. Each has a table of its own in print.
[<RequireQualifiedAccess>]
type Area =
    | Rooms
    | Identifiers
    | Format
    | Limits
    | Json
    | Hashes
    | Signatures
    | Keys
    | PowerLevels
    | Selection
    | Authorization
    | Redaction
    | StateResolution
    | Policy

/// A row of a version's rules that is not an authorization rule.
type Statement = {
    /// Dotted and stable, such as `hashes.content.removed`.
    Name: string
    /// The number on the page; "" where the page has none.
    Number: string
    /// The sentence, in our words.
    Text: string
    /// The version's value, from the data; "" if the text says everything. Two versions differ in this row if the value
    /// differs.
    Value: string
    /// When the row applies.
    When: Condition
    Link: string
    Inside: Statement list
}

/// Constructors of statements.
[<RequireQualifiedAccess>]
module Statement =

    /// A row without a value.
    let plain (link: string) (name: string) (text: string) : Statement = {
        Name = name
        Number = ""
        Text = text
        Value = ""
        When = Condition.Always
        Link = link
        Inside = []
    }

    /// A row with a value that depends on the version.
    let valued (link: string) (name: string) (text: string) (value: string) : Statement = {
        plain link name text with
            Value = value
    }

    /// Rows with the page's numbers, from 1.
    let numbered (statements: Statement list) : Statement list =
        statements |> List.mapi (fun i s -> { s with Number = string (i + 1) })

    /// The row with other rows inside.
    let holding (inside: Statement list) (statement: Statement) : Statement = { statement with Inside = inside }

    /// All rows, in reading order.
    let rec all (statements: Statement list) : Statement list =
        statements |> List.collect (fun s -> s :: all s.Inside)
