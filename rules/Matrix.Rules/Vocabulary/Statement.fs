namespace Matrix.Rules

/// What a row is about; each has a table of its own in print.
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

/// One line of a version's rules that is no authorization rule.
type Statement = {
    /// Dotted, and never changed, such as `hashes.content.removed`.
    Name: string
    /// The number on the page; "" where the page has none.
    Number: string
    /// What it says, in our words.
    Text: string
    /// What varies, as the data has it; "" where the text says all. Two versions differ here if this differs, whatever the words.
    Value: string
    /// When it applies; `Always` where nothing else is said.
    When: Condition
    Link: string
    Inside: Statement list
}

/// How statements are written.
[<RequireQualifiedAccess>]
module Statement =

    /// A line whose text says all.
    let plain (link: string) (name: string) (text: string) : Statement = {
        Name = name
        Number = ""
        Text = text
        Value = ""
        When = Condition.Always
        Link = link
        Inside = []
    }

    /// A line with something that the versions choose.
    let valued (link: string) (name: string) (text: string) (value: string) : Statement = {
        plain link name text with
            Value = value
    }

    /// Lines as the page numbers them, from 1.
    let numbered (statements: Statement list) : Statement list =
        statements |> List.mapi (fun i s -> { s with Number = string (i + 1) })

    /// The line with others inside.
    let holding (inside: Statement list) (statement: Statement) : Statement = { statement with Inside = inside }

    /// All of them, in reading order.
    let rec all (statements: Statement list) : Statement list =
        statements |> List.collect (fun s -> s :: all s.Inside)
