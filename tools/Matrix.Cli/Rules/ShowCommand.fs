namespace Matrix.Cli.Rules

open System.Text.Json
open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Cli.Rules.SpecPages
open Matrix.Properties.Vectors
open Matrix.Rules
open Matrix.Rules.Printing

type ShowArguments =
    | [<MainCommand; ExactlyOnce>] Version of VERSION: string
    | [<Unique>] Area of AREA: string
    | [<Unique>] Page of PATH: string
    | [<Unique>] Revision of COMMIT: string
    | [<Unique>] Base of COMMIT: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Version _ -> "the room version, such as 12."
            | Area _ ->
                "one area only: rooms, ids, format, limits, json, hashes, signatures, keys, power, selection, auth, \
                 redaction, state or policy."
            | Page _ -> "a clone of the specification's repository: prints each rule beside its sentence there."
            | Revision _ -> "with --page, the commit, tag or branch whose pages are read. Default: HEAD."
            | Base _ -> SpecPages.Editions.BaseHelp
            | Format _ -> OutputFormat.TextByDefault

module internal ShowCommand =
    let private rows (json: Utf8JsonWriter) (beside: Beside) name (section: Section) =
        Printing.listOf json name section.Rows (fun row ->
            json.WriteStartObject()
            Printing.rowMembers json (Document.proposals section row) row
            Beside.members json (beside row)
            json.WriteEndObject())

    /// `clauses` are the authorization rules, or the rows of a single requested area; `areas` are all others.
    let private json (beside: Beside) (document: Document) =
        let version = document.Version
        let rows json = rows json beside

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

    /// What is printed with each row: its sentence, if a repository is named.
    let private besideOf (arguments: ParseResults<ShowArguments>) (version: RoomVersion) : Result<Beside, Ending> =
        match arguments.TryGetResult ShowArguments.Page with
        | None ->
            if
                arguments.Contains ShowArguments.Revision
                || arguments.Contains ShowArguments.Base
            then
                Error(Misused "--revision and --base need --page")
            else
                Ok(fun _ -> None)
        | Some path ->
            Editions.addressed path (arguments.TryGetResult ShowArguments.Base)
            |> Result.bind (fun addressed ->
                Editions.at path (arguments.GetResult(ShowArguments.Revision, "HEAD"))
                |> Result.map (fun target -> Beside.ofVersion (Tracing(addressed, target)) version))

    let run (arguments: ParseResults<ShowArguments>) : Ending =
        let id = arguments.GetResult ShowArguments.Version

        match RoomVersions.find id, RoomVersions.areas (arguments.TryGetResult ShowArguments.Area) with
        | Error ending, _
        | _, Error ending -> ending
        | Ok version, Ok areas ->
            match besideOf arguments version with
            | Error ending -> ending
            | Ok beside ->
                let document = Document.ofVersion areas version
                let lines row = Beside.lines (beside row)

                match arguments.GetResult(ShowArguments.Format, Text) with
                | Text -> Printing.lines (Text.ofDocumentWith lines document)
                | Json -> json beside document
                | Markdown -> Printing.plain (Markdown.ofDocumentWith lines document)

                Done
