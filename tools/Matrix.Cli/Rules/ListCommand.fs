namespace Matrix.Cli.Rules

open Argu
open Matrix.Cli.Output
open Matrix.Rules
open Matrix.Rules.Printing

type ListArguments =
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Format _ -> OutputFormat.TextByDefault

module internal ListCommand =
    // All are functions: a value would be computed at each start of mx.
    let private versions () = Versions.withUnstable

    // Only stable versions are counted: an unstable one would add tables of its own.
    let private shared () = Family.sharedTables Versions.all

    let private counted (table: SharedTable) =
        string table.Groups.Length + " distinct"

    let private groups (table: SharedTable) =
        table.Groups |> List.map (String.concat " ") |> String.concat " | "

    let private amends (version: RoomVersion) =
        version.Amendments |> List.map (fun a -> a.Msc + " " + a.Title)

    let private report () : Report = {
        Facts = []
        Tables = [
            {
                Name = "versions"
                Columns = [ "version"; "stability"; "based_on"; "amendments" ]
                Rows = [
                    for v in versions () ->
                        [
                            Word v.Id
                            Word(Printing.stability v)
                            Word(v.Parent |> Option.defaultValue "-")
                            Word(
                                match amends v with
                                | [] -> "-"
                                | some -> String.concat "; " some
                            )
                        ]
                ]
            }
            {
                Name = "shared_tables"
                Columns = [ "table"; "distinct"; "shared_by" ]
                Rows = [
                    for t in shared () -> [ Word t.Title; Word(string t.Groups.Length); Word(groups t) ]
                ]
            }
        ]
    }

    let private text () =
        let out style text : PrintedLine = { Style = style; Text = text }

        Printing.lines [
            for v in versions () do
                out Style.Heading (Prose.heading v)

                for a in v.Amendments do
                    out Style.Plain ("  " + a.Msc + "  " + a.Title)

            out Style.Plain ""

            for t in shared () do
                out Style.Plain (t.Title + ": " + counted t)
                out Style.Detail ("  " + groups t)
        ]

    let private json () =
        let shared = shared ()

        Printing.json (fun json ->
            Printing.listOf json "versions" (versions ()) (fun v ->
                json.WriteStartObject()
                json.WriteString("version", v.Id)
                json.WriteString("stability", Printing.stability v)
                Printing.textOrNull json "parent" (v.Parent |> Option.defaultValue "")
                Printing.listOf json "amendments" v.Amendments (Printing.amendment json)

                json.WriteStartObject "tables"

                if v.Stability = Stability.Stable then
                    for t in shared do
                        json.WriteNumber(t.Name, Family.groupOf v.Id t)

                json.WriteEndObject()
                json.WriteEndObject())

            Printing.listOf json "tables" shared (fun t ->
                json.WriteStartObject()
                json.WriteString("table", t.Name)
                json.WriteString("title", t.Title)
                json.WriteNumber("distinct", t.Groups.Length)
                json.WriteStartArray "shared_by"

                for group in t.Groups do
                    json.WriteStartArray()

                    for id in group do
                        json.WriteStringValue id

                    json.WriteEndArray()

                json.WriteEndArray()
                json.WriteEndObject()))

    let run (arguments: ParseResults<ListArguments>) : Ending =
        match arguments.GetResult(ListArguments.Format, Text) with
        | Text -> text ()
        | Json -> json ()
        | Markdown -> Report.print Markdown (report ())

        Done
