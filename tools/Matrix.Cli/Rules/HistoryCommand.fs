namespace Matrix.Cli.Rules

open Argu
open Matrix.Cli.Output
open Matrix.Rules
open Matrix.Rules.Printing

type HistoryArguments =
    | [<MainCommand; ExactlyOnce>] Clause of CLAUSE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Clause _ -> "the name of a clause or of any other row, such as member.join.restricted."
            | Format _ -> OutputFormat.TextByDefault

module internal HistoryCommand =

    let private sides (change: RowChange) : Row option * Row option =
        match change with
        | RowChange.Added after -> None, Some after
        | RowChange.Removed before -> Some before, None
        | RowChange.Changed(before, after)
        | RowChange.Reworded(before, after)
        | RowChange.Moved(before, after) -> Some before, Some after

    let private numbered (row: Row) =
        if row.Number = "" then
            row.Text
        else
            row.Number + " " + row.Text

    /// A side of a change in lines: its text, then its condition and outcome.
    let private side (name: string) (row: Row option) : PrintedLine list =
        match row with
        | None -> []
        | Some row ->
            let wrapped style (text: string) =
                Prose.wrap 100 text |> List.map (fun line -> style, line)

            [
                yield! wrapped Style.Plain (numbered row)

                match Rows.decision row with
                | "" -> ()
                | decision -> yield! wrapped Style.Detail decision
            ]
            |> List.mapi (fun i (style, line) -> {
                Style = style
                Text =
                    (if i = 0 then
                         ("  " + name + ":").PadRight 11
                     else
                         String.replicate 11 " ")
                    + line
            })

    /// Versions with the same number together: "3.1 in 1, 2".
    let private numbers (history: History) : string =
        history.Numbers
        |> List.groupBy snd
        |> List.map (fun (number, versions) ->
            let ids = versions |> List.map (fun (v, _) -> v.Id) |> String.concat ", "
            (if number = "" then "without a number" else number) + " in " + ids)
        |> String.concat "; "

    let private heading (entry: HistoryEntry) =
        let by = Prose.proposals entry.Amendments

        let kind =
            match entry.Version.Parent, entry.Change with
            | None, _ -> "in the first version"
            | _, change -> Prose.kind change

        "version " + entry.Version.Id + ": " + kind + (if by = "" then "" else " " + by)

    let private asText (history: History) : PrintedLine list =
        let plain style text = { Style = style; Text = text }

        [
            plain Style.Title (history.Id + "  [" + Areas.name history.Area + "]")
            plain Style.Plain (numbers history)

            for entry in history.Entries do
                let before, after = sides entry.Change
                plain Style.Plain ""
                plain Style.Heading (heading entry)

                for amendment in entry.Amendments do
                    plain Style.Detail ("  " + amendment.Msc + ": " + amendment.Title + ". " + amendment.Link)

                yield! side "before" before
                yield! side "after" after
        ]

    let private asMarkdown (history: History) : string list = [
        "# " + history.Id
        ""
        numbers history + "."
        ""
        "| version | change | before | after |"
        "| --- | --- | --- | --- |"
        for entry in history.Entries do
            let before, after = sides entry.Change

            let cell (row: Row option) =
                match row with
                | None -> ""
                | Some row ->
                    (numbered row).Replace("|", "\\|")
                    + "<br>*"
                    + (Rows.decision row).Replace("|", "\\|")
                    + "*"

            let by =
                entry.Amendments
                |> List.map (fun a -> $"[{a.Msc}]({a.Link})")
                |> String.concat ", "

            $"| {entry.Version.Id} | {Prose.kind entry.Change}<br>{by} | {cell before} | {cell after} |"
    ]

    let private asJson (history: History) =
        Printing.json (fun json ->
            json.WriteString("id", history.Id)
            json.WriteString("area", Areas.name history.Area)

            Printing.listOf json "versions" history.Numbers (fun (version, number) ->
                json.WriteStartObject()
                json.WriteString("version", version.Id)
                Printing.textOrNull json "number" number
                json.WriteEndObject())

            Printing.listOf json "changes" history.Entries (fun entry ->
                let before, after = sides entry.Change

                let row (name: string) (row: Row option) =
                    match row with
                    | None -> json.WriteNull name
                    | Some row ->
                        json.WriteStartObject name
                        Printing.rowMembers json [] row
                        json.WriteEndObject()

                json.WriteStartObject()
                json.WriteString("version", entry.Version.Id)
                json.WriteString("kind", Prose.kind entry.Change)
                Printing.listOf json "amendments" entry.Amendments (Printing.amendment json)
                row "before" before
                row "after" after
                json.WriteEndObject()))

    let run (arguments: ParseResults<HistoryArguments>) : Ending =
        let id = arguments.GetResult HistoryArguments.Clause

        match History.tryFind id with
        | None ->
            let near =
                History.names ()
                |> List.filter (fun name -> name.Contains(id, System.StringComparison.OrdinalIgnoreCase))
                |> List.truncate 5

            match near with
            | [] -> Misused $"no room version has a clause '{id}': `mx rules show` lists the clauses"
            | near ->
                Misused(
                    sprintf "no room version has a clause '%s': expected, for example, %s" id (String.concat ", " near)
                )
        | Some history ->
            match arguments.GetResult(HistoryArguments.Format, Text) with
            | Text -> Printing.lines (asText history)
            | Json -> asJson history
            | Markdown -> Printing.plain (asMarkdown history)

            Done
