namespace Matrix.Cli.Rules

open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Properties.Vectors
open Matrix.Rules
open Matrix.Rules.Printing

type ShowArguments =
    | [<MainCommand; ExactlyOnce>] Version of VERSION: string
    | [<Unique>] Area of AREA: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Version _ -> "the room version, such as 12."
            | Area _ ->
                "one area only: rooms, ids, format, limits, json, hashes, signatures, keys, power, selection, auth, \
                 redaction, state or policy."
            | Format _ -> OutputFormat.TextByDefault

module internal ShowCommand =
    let private rows (json: System.Text.Json.Utf8JsonWriter) name (section: Section) =
        Printing.listOf json name section.Rows (fun row ->
            json.WriteStartObject()
            Printing.rowMembers json (Document.proposals section row) row
            json.WriteEndObject())

    /// `clauses` are the authorization rules, or the rows of a single requested area; `areas` are all others.
    let private json (document: Document) =
        let version = document.Version

        let first =
            match document.Sections with
            | [ one ] -> one.Area
            | _ -> Area.Authorization

        Printing.json (fun json ->
            json.WriteString("version", version.Id)
            json.WriteString("area", Areas.name first)
            json.WriteString("stability", Printing.stability version)
            Printing.textOrNull json "parent" (version.Parent |> Option.defaultValue "")
            Printing.listOf json "amendments" version.Amendments (Printing.amendment json)

            for s in document.Sections do
                if s.Area = first then
                    rows json "clauses" s

                // The data, as docs/rules-json.md describes it.
                match s.Area with
                | Area.Authorization -> Printing.raw json "rules" (RuleTrees.ofRules version.Authorization)
                | Area.Redaction ->
                    Printing.raw json "handling" (RuleTrees.ofRules version.Handling)
                    Printing.raw json "redaction" (RuleTrees.ofRedaction version.Redaction)
                | Area.Selection -> Printing.raw json "selection" (RuleTrees.ofSelections version.Selections)
                | _ -> ()

            if document.Sections.Length > 1 then
                Printing.raw json "settings" (RuleTrees.ofSettings version.Settings)

            Printing.listOf json "areas" (document.Sections |> List.filter (fun s -> s.Area <> first)) (fun s ->
                json.WriteStartObject()
                json.WriteString("area", Areas.name s.Area)
                json.WriteString("title", Areas.title s.Area)
                rows json "clauses" s
                json.WriteEndObject()))

    let run (arguments: ParseResults<ShowArguments>) : Ending =
        let id = arguments.GetResult ShowArguments.Version

        match RoomVersions.find id, RoomVersions.areas (arguments.TryGetResult ShowArguments.Area) with
        | Error ending, _
        | _, Error ending -> ending
        | Ok version, Ok areas ->
            let document = Document.ofVersion areas version

            match arguments.GetResult(ShowArguments.Format, Text) with
            | Text -> Printing.lines (Text.ofDocument document)
            | Json -> json document
            | Markdown -> Printing.plain (Markdown.ofDocument document)

            Done
