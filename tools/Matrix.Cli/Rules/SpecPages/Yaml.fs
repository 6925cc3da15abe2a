namespace Matrix.Cli.Rules.SpecPages

open System
open System.Text.RegularExpressions

/// A value of a schema's file.
[<RequireQualifiedAccess>]
type internal Yaml =
    | Text of string
    | Members of (string * Yaml) list
    | Items of Yaml list

/// The part of YAML that the specification's schemas are written in: nested members, lists, and texts of several lines.
/// Values in brackets are read as text.
module internal Yaml =

    let private indent (line: string) =
        line.Length - line.TrimStart(' ').Length

    let private isBlank (line: string) =
        let text = line.Trim()
        text = "" || text.StartsWith '#' || text = "---"

    let private member' =
        Regex("""^("[^"]*"|'[^']*'|[^\s'"#&*\[{-][^:]*|\$ref)\s*:(?:\s+(.*))?$""")

    /// A comment after a quoted text is dropped.
    let private unquoted (text: string) =
        let text = Regex.Replace(text.Trim(), "^(\"[^\"]*\"|'[^']*')\\s+#.*$", "$1")

        if
            text.Length > 1
            && (text[0] = '"' || text[0] = '\'')
            && text[text.Length - 1] = text[0]
        then
            text[1 .. text.Length - 2]
        else
            text

    /// The lines that are deeper than a line, or blank, and the others.
    let private deeper (depth: int) (lines: string list) =
        let inside =
            lines |> List.takeWhile (fun line -> line.Trim() = "" || indent line > depth)

        inside, List.skip inside.Length lines

    let private block (lines: string list) =
        let used = lines |> List.filter (fun line -> line.Trim() <> "")

        let depth =
            if used.IsEmpty then
                0
            else
                used |> List.map indent |> List.min

        lines
        |> List.map (fun line -> if line.Length > depth then line[depth..] else "")
        |> String.concat "\n"
        |> fun text -> text.Trim '\n'

    let rec private value (first: string) (inside: string list) : Yaml =
        if Regex.IsMatch(first, "^[|>][+-]?$") then
            Yaml.Text(block inside)
        elif first = "" then
            parse inside
        else
            first :: (inside |> List.map (fun line -> line.Trim()))
            |> List.filter ((<>) "")
            |> String.concat " "
            |> unquoted
            |> Yaml.Text

    /// Reads lines of one depth.
    and private parse (lines: string list) : Yaml =
        match lines |> List.skipWhile isBlank with
        | [] -> Yaml.Text ""
        | first :: _ as lines ->
            let depth = indent first

            if first.TrimStart().StartsWith "- " then
                let rec items (lines: string list) =
                    match lines |> List.skipWhile isBlank with
                    | line :: rest when indent line = depth && line.TrimStart().StartsWith "- " ->
                        let inside, after = deeper depth rest
                        let text = line.TrimStart()[2..]

                        let item =
                            if (member'.Match(text.Trim())).Success then
                                // The item's first member is at the depth of the others.
                                parse (String(' ', depth + 2) + text.TrimStart() :: inside)
                            else
                                value (text.Trim()) inside

                        item :: items after
                    | _ -> []

                Yaml.Items(items lines)
            else
                let rec members (lines: string list) =
                    match lines |> List.skipWhile isBlank with
                    | line :: rest when indent line = depth ->
                        let found = member'.Match(line.Trim())

                        if found.Success then
                            let inside, after =
                                // A list may be as deep as its member's name.
                                match deeper depth rest with
                                | [], next :: _ when indent next = depth && next.TrimStart().StartsWith "- " ->
                                    let inside =
                                        rest
                                        |> List.takeWhile (fun l ->
                                            l.Trim() = ""
                                            || indent l > depth
                                            || (indent l = depth && l.TrimStart().StartsWith "- "))

                                    inside, List.skip inside.Length rest
                                | both -> both

                            (unquoted found.Groups[1].Value, value (found.Groups[2].Value.Trim()) inside)
                            :: members after
                        else
                            members rest
                    | _ -> []

                Yaml.Members(members lines)

    /// Reads a file.
    let ofText (text: string) : Yaml = parse (List.ofArray (text.Split '\n'))

    /// The member of that name.
    let tryMember (name: string) (yaml: Yaml) : Yaml option =
        match yaml with
        | Yaml.Members members -> members |> List.tryFind (fst >> (=) name) |> Option.map snd
        | _ -> None

    /// The text of the member of that name; "" without one.
    let text (name: string) (yaml: Yaml) : string =
        match tryMember name yaml with
        | Some(Yaml.Text text) -> text
        | _ -> ""
