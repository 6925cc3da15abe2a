namespace Matrix.Cli.Rules

open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Properties.SmallWorlds

type DiffArguments =
    | [<MainCommand; Unique>] Versions of A: string * B: string
    | [<Unique>] Area of AREA: string
    | [<Unique>] Witness
    | [<Unique>] Stat
    | [<Unique>] Accepts
    | [<Unique>] Unless
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Versions _ ->
                "the two room versions to compare, such as 11 12. Each is "
                + TableArguments.Usage
            | Area _ -> "one area only: see `mx rules show --help`."
            | Witness -> "prints, with each difference, the smallest event and state on which the versions disagree."
            | Stat -> "prints counts only: rows added, removed, changed, reworded, moved and renumbered in each area."
            | Accepts ->
                "proves that B accepts every event that A accepts, or shows one that it rejects. Alone: all pairs."
            | Unless -> "finds, and proves, a condition outside of which both give every event the same verdict."
            | Format _ -> OutputFormat.TextByDefault

module internal DiffCommand =
    /// The witness of each row that differs, if requested.
    type private Shows = (Row -> ShownCase option) option

    let private json (shows: Shows) (d: Difference) =
        Printing.json (fun json ->
            let row (name: string) (row: Row option) =
                match row with
                | None -> json.WriteNull name
                | Some row ->
                    json.WriteStartObject name
                    Printing.rowMembers json [] row
                    json.WriteEndObject()

            json.WriteString("from", d.From.Id)
            json.WriteString("to", d.To.Id)
            Printing.listOf json "amendments" d.Amendments (Printing.amendment json)

            let all = [
                for a in d.Areas do
                    for c in a.Changes -> a, c
            ]

            Printing.listOf json "changes" all (fun (area, c) ->
                let id = (RowChanges.row c).Id
                let by = area.Amendments |> Map.tryFind id |> Option.defaultValue []

                let before, after =
                    match c with
                    | RowChange.Added after -> None, Some after
                    | RowChange.Removed before -> Some before, None
                    | RowChange.Changed(before, after)
                    | RowChange.Reworded(before, after)
                    | RowChange.Moved(before, after) -> Some before, Some after

                json.WriteStartObject()
                json.WriteString("area", Areas.name area.Area)
                json.WriteString("id", id)

                json.WriteString(
                    "kind",
                    (if RowChanges.isWordingOnly c then
                         "changed"
                     else
                         Prose.kind c)
                )

                json.WriteBoolean("wording_only", RowChanges.isWordingOnly c)
                Printing.textOrNull json "msc" (by |> List.map _.Msc |> List.distinct |> String.concat ", ")
                row "before" before
                row "after" after

                match shows with
                | Some shown when not (RowChanges.isWordingOnly c) ->
                    Cases.writeJson json d.From d.To (shown (RowChanges.row c))
                | _ -> ()

                json.WriteEndObject())

            let renumbered = [
                for a in d.Areas do
                    for id, before, after in a.Renumbered -> a.Area, id, before, after
            ]

            Printing.listOf json "renumbered" renumbered (fun (area, id, before, after) ->
                json.WriteStartObject()
                json.WriteString("area", Areas.name area)
                json.WriteString("id", id)
                json.WriteString("before", before)
                json.WriteString("after", after)
                json.WriteEndObject()))

    /// Counts by area.
    let private stat (format: OutputFormat) (d: Difference) =
        let kinds = [ "added"; "removed"; "changed"; "wording only"; "moved" ]

        let counted (areas: AreaDifference list) : Cell list =
            let changes = areas |> List.collect _.Changes

            [
                for kind in kinds do
                    Count(changes |> List.filter (fun c -> Prose.kind c = kind) |> List.length |> int64)

                Count(areas |> List.sumBy _.Renumbered.Length |> int64)
            ]

        Report.print format {
            Facts = [ "from", Word d.From.Id; "to", Word d.To.Id ]
            Tables = [
                {
                    Name = "areas"
                    Columns = "area" :: [ for kind in kinds -> kind.Replace(' ', '_') ] @ [ "renumbered" ]
                    Rows =
                        [ for area in d.Areas -> Word(Areas.name area.Area) :: counted [ area ] ]
                        @ (if d.Areas.Length > 1 then
                               [ Word "all" :: counted d.Areas ]
                           else
                               [])
                }
            ]
        }

    /// The lines below each change. A witness that was printed before is only referred to.
    let private beneath (shows: Shows) (d: Difference) : RowChange -> string list =
        match shows with
        | None -> fun _ -> []
        | Some shown ->
            let first = System.Collections.Generic.Dictionary<string list, string>()

            let lines =
                dict [
                    for area in d.Areas do
                        for change in area.Changes do
                            let row = RowChanges.row change

                            if not (RowChanges.isWordingOnly change) then
                                let found = shown row
                                let lines = Cases.lines d.From d.To found

                                (area.Area, row.Id),
                                match found, first.TryGetValue lines with
                                | Some _, (true, earlier) -> [ "the same case as for " + earlier ]
                                | _ ->
                                    first[lines] <- row.Id
                                    lines
                ]

            fun change ->
                let row = RowChanges.row change

                match lines.TryGetValue((row.Area, row.Id)) with
                | true, lines -> lines
                | _ -> []

    let private between (arguments: ParseResults<DiffArguments>) (a: string) (b: string) : Ending =
        let format = arguments.GetResult(DiffArguments.Format, Text)

        if arguments.Contains Stat && arguments.Contains Witness then
            Misused "--stat, --witness: expected one of them"
        else

            match
                TableArguments.find a,
                TableArguments.find b,
                RoomVersions.areas (arguments.TryGetResult DiffArguments.Area)
            with
            | Error ending, _, _
            | _, Error ending, _
            | _, _, Error ending -> ending
            | Ok a, Ok b, _ when arguments.Contains Accepts -> AcceptsCommand.pair format a b
            | Ok a, Ok b, _ when arguments.Contains Unless -> UnlessCommand.run format a b
            | Ok a, Ok b, Ok areas ->
                let difference = {
                    Difference.between areas a.Version b.Version with
                        From = a.Printed
                        To = b.Printed
                }

                let shows: Shows =
                    if arguments.Contains Witness then
                        Some(Cases.byRow (Differences.search areas a.Version b.Version))
                    else
                        None

                match format with
                | format when arguments.Contains Stat -> stat format difference
                | Text -> Printing.lines (Text.ofDifferenceWith (beneath shows difference) difference)
                | Json -> json shows difference
                | Markdown -> Printing.plain (Markdown.ofDifferenceWith (beneath shows difference) difference)

                Done

    let run (arguments: ParseResults<DiffArguments>) : Ending =
        let others =
            arguments.Contains Area || arguments.Contains Witness || arguments.Contains Stat

        match arguments.TryGetResult DiffArguments.Versions with
        | _ when arguments.Contains Accepts && others -> Misused "--accepts: expected without --area, --witness, --stat"
        | _ when arguments.Contains Unless && (others || arguments.Contains Accepts) ->
            Misused "--unless: expected without --area, --witness, --stat, --accepts"
        | Some(a, b) -> between arguments a b
        | None when arguments.Contains Accepts -> AcceptsCommand.all (arguments.GetResult(DiffArguments.Format, Text))
        | None -> Misused "expected two room versions, such as 11 12"
