namespace Matrix.Cli.Rules

open System.Text.Json
open Argu
open Matrix.Cli.Output
open Matrix.Cli.Rules.SpecPages
open Matrix.Rules.Printing

type DriftArguments =
    | [<MainCommand; ExactlyOnce>] Repository of PATH: string
    | [<Mandatory; Unique>] Between of OLD: string * NEW: string
    | [<Unique>] Base of COMMIT: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Repository _ -> "a clone of the specification's repository, bare or not."
            | Between _ -> "the two commits, tags or branches whose pages are compared, the older one first."
            | Base _ -> Editions.BaseHelp
            | Format _ -> OutputFormat.TextByDefault

module internal DriftCommand =

    let private kind (entry: DriftEntry) =
        match entry.Kind with
        | DriftKind.Added -> "added"
        | DriftKind.Removed -> "removed"
        | DriftKind.Changed -> "changed"

    let private what (entry: DriftEntry) =
        match entry.Rows, entry.Before |> Option.orElse entry.After with
        | [], Some side when side.Item.Contains "list " -> "a list item"
        | [], Some side when side.Item.StartsWith "property " -> "a property"
        | [], _ -> "a sentence"
        | rows, _ -> String.concat ", " rows

    let private heading (entry: DriftEntry) =
        what entry
        + ": "
        + kind entry
        + " in "
        + (if entry.Versions.Length > 1 then
               "versions "
           else
               "version ")
        + String.concat ", " entry.Versions

    let private place (entry: DriftEntry) =
        entry.Page + (if entry.Section = "" then "" else "#" + entry.Section)

    let private text (report: DriftReport) =
        let line style text : PrintedLine = { Style = style; Text = text }

        let side name (side: DriftSide option) =
            match side with
            | None -> []
            | Some side ->
                Prose.wrap 100 (side.Text + " (" + side.Item + ")")
                |> List.mapi (fun i text ->
                    line
                        Style.Plain
                        ((if i = 0 then
                              ("  " + name + ":").PadRight 11
                          else
                              String.replicate 11 " ")
                         + text))

        let entry (entry: DriftEntry) = [
            line Style.Plain ""

            line
                (match entry.Kind with
                 | DriftKind.Added -> Style.Added
                 | DriftKind.Removed -> Style.Removed
                 | DriftKind.Changed -> Style.Changed)
                (heading entry)

            line Style.Detail ("  " + place entry)
            yield! side "before" entry.Before
            yield! side "after" entry.After
        ]

        Printing.lines [
            if report.Entries.IsEmpty then
                line Style.Plain "No rule's sentence changed, and no list item was added or removed."

            for version in report.NewVersions do
                line Style.Added ("room version " + version + ": a new page")

            for version in report.LostVersions do
                line Style.Removed ("room version " + version + ": its page is gone")

            for e in report.Entries do
                yield! entry e

            if not report.Others.IsEmpty then
                line Style.Plain ""
                line Style.Heading "Other sentences of these sections, which no rule states"

                for e in report.Others do
                    yield! entry e
        ]

    let private markdown (report: DriftReport) =
        let cell (side: DriftSide option) =
            match side with
            | None -> ""
            | Some side -> side.Text.Replace("|", "\\|") + "<br>*" + side.Item + "*"

        let table (entries: DriftEntry list) = [
            "| rule | change | before | after |"
            "| --- | --- | --- | --- |"
            for e in entries do
                let versions = String.concat ", " e.Versions
                $"| {what e} | {kind e}<br>{place e}<br>{versions} | {cell e.Before} | {cell e.After} |"
        ]

        Printing.plain [
            "# Changed sentences"
            ""
            for version in report.NewVersions do
                "- room version " + version + ": a new page"

            for version in report.LostVersions do
                "- room version " + version + ": its page is gone"

            if report.Entries.IsEmpty then
                "No rule's sentence changed, and no list item was added or removed."
            else
                ""
                yield! table report.Entries

            if not report.Others.IsEmpty then
                ""
                "## Other sentences of these sections"
                ""
                yield! table report.Others
        ]

    let private json (before: Specification) (after: Specification) (report: DriftReport) =
        let side (json: Utf8JsonWriter) (name: string) (side: DriftSide option) =
            match side with
            | None -> json.WriteNull name
            | Some side ->
                json.WriteStartObject name
                json.WriteString("item", side.Item)
                json.WriteString("text", side.Text)
                json.WriteEndObject()

        Printing.json (fun json ->
            json.WriteString("before", before.Repository.Commit)
            json.WriteString("after", after.Repository.Commit)
            Printing.texts json "new_versions" report.NewVersions
            Printing.texts json "lost_versions" report.LostVersions

            for name, entries in [ "changes", report.Entries; "others", report.Others ] do
                Printing.listOf json name entries (fun e ->
                    json.WriteStartObject()
                    Printing.texts json "rules" e.Rows
                    json.WriteString("kind", kind e)
                    json.WriteString("page", e.Page)
                    json.WriteString("section", e.Section)
                    Printing.texts json "versions" e.Versions
                    side json "before" e.Before
                    side json "after" e.After
                    json.WriteEndObject()))

    /// Names the rules whose sentences differ between two commits of the specification.
    let run (arguments: ParseResults<DriftArguments>) : Ending =
        let path = arguments.GetResult DriftArguments.Repository
        let older, newer = arguments.GetResult DriftArguments.Between

        match
            Editions.addressed path (arguments.TryGetResult DriftArguments.Base),
            Editions.at path older,
            Editions.at path newer
        with
        | Error ending, _, _
        | _, Error ending, _
        | _, _, Error ending -> ending
        | Ok addressed, Ok before, Ok after ->
            let report = Drift.between addressed before after

            match arguments.GetResult(DriftArguments.Format, Text) with
            | Text -> text report
            | Json -> json before after report
            | Markdown -> markdown report

            Done
