namespace Matrix.Cli.Output

open System
open System.IO

/// The output format of a command.
type OutputFormat =
    | Text
    | Json
    | Markdown

/// The help of `--format`.
module internal OutputFormat =
    [<Literal>]
    let TextByDefault = "output format. Default: text."

/// A value of a report.
type internal Cell =
    | Word of string
    | Count of int64
    /// Bytes: with a unit in text, exact in JSON.
    | Size of int64
    | Truth of bool

/// Rows with the same columns. A column's name is also its name in JSON.
type internal Table = {
    Name: string
    Columns: string list
    Rows: Cell list list
}

/// A command's result: named values, then tables.
type internal Report = {
    Facts: (string * Cell) list
    Tables: Table list
}

module internal Report =
    let private inv = Globalization.CultureInfo.InvariantCulture

    let private size (bytes: int64) =
        let units = [ 1L <<< 30, "GiB"; 1L <<< 20, "MiB"; 1L <<< 10, "KiB" ]

        match units |> List.tryFind (fun (unit, _) -> bytes >= unit) with
        | Some(unit, name) -> String.Format(inv, "{0:F1} {1}", float bytes / float unit, name)
        | None -> String.Format(inv, "{0} B", bytes)

    let private shown cell =
        match cell with
        | Word text -> Ending.printable text
        | Count number -> number.ToString(inv)
        | Size bytes -> size bytes
        | Truth flag -> if flag then "yes" else "no"

    let private isNumber cell =
        match cell with
        | Count _
        | Size _ -> true
        | Word _
        | Truth _ -> false

    let private title (name: string) = name.Replace('_', ' ')

    let private writeText (out: TextWriter) report =
        for name, cell in report.Facts do
            out.WriteLine $"{Terminal.bold (title name)}: {shown cell}"

        for table in report.Tables |> List.filter (fun table -> not table.Rows.IsEmpty) do
            let rows = table.Rows |> List.map (List.map shown)

            let widths =
                List.map title table.Columns :: rows
                |> List.transpose
                |> List.map (List.map String.length >> List.max)

            let line pad cells =
                let padded = List.zip widths cells |> List.mapi pad
                (String.Join("  ", padded)).TrimEnd()

            let rightColumns =
                match table.Rows with
                | first :: _ -> first |> List.map isNumber
                | [] -> table.Columns |> List.map (fun _ -> false)

            let pad at (width, text: string) =
                if rightColumns[at] then
                    text.PadLeft width
                else
                    text.PadRight width

            out.WriteLine()

            // A single table needs no title.
            if report.Tables.Length > 1 then
                out.WriteLine(Terminal.bold (title table.Name + ":"))

            out.WriteLine(Terminal.bold (line pad (List.map title table.Columns)))

            for row in rows do
                out.WriteLine(line pad row)

    let private writeMarkdown (out: TextWriter) report =
        let escaped (text: string) =
            text.Replace("\\", "\\\\").Replace("|", "\\|")

        let line cells =
            "| " + String.Join(" | ", List.map escaped cells) + " |"

        for name, cell in report.Facts do
            out.WriteLine $"- {title name}: {escaped (shown cell)}"

        for table in report.Tables do
            out.WriteLine()
            out.WriteLine $"## {title table.Name}"
            out.WriteLine()
            out.WriteLine(line (List.map title table.Columns))
            out.WriteLine("|" + String.replicate table.Columns.Length " --- |")

            for row in table.Rows do
                out.WriteLine(line (List.map shown row))

    let private member' (json: Text.Json.Utf8JsonWriter) (name: string) cell =
        match cell with
        | Word text -> json.WriteString(name, text)
        | Count number
        | Size number -> json.WriteNumber(name, number)
        | Truth flag -> json.WriteBoolean(name, flag)

    /// Writes named values as members of an object.
    let members (json: Text.Json.Utf8JsonWriter) (facts: (string * Cell) list) =
        for name, cell in facts do
            member' json name cell

    let private writeJson (out: TextWriter) report =
        JsonText.ofWriting (fun json ->
            json.WriteStartObject()
            members json report.Facts

            for table in report.Tables do
                json.WriteStartArray table.Name

                for row in table.Rows do
                    json.WriteStartObject()
                    List.iter2 (member' json) table.Columns row
                    json.WriteEndObject()

                json.WriteEndArray()

            json.WriteEndObject())
        |> out.WriteLine

    /// Prints a report to standard output.
    let print format report =
        match format with
        | Text -> writeText Console.Out report
        | Json -> writeJson Console.Out report
        | Markdown -> writeMarkdown Console.Out report
