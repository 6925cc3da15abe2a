namespace Matrix.Cli.Rules

open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Properties.SmallWorlds

type DiffArguments =
    | [<MainCommand; ExactlyOnce>] Versions of A: string * B: string
    | [<Unique>] Area of AREA: string
    | [<Unique>] Witness
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Versions _ -> "the room versions that are compared, such as 11 12."
            | Area _ -> "one area only, as for show."
            | Witness -> "with each difference the smallest event and state in which the two disagree, found by search."
            | Format _ -> OutputFormat.TextUnlessSaid

module internal DiffCommand =
    /// What shows a row that means something else, if that was asked for.
    type private Shows = (Row -> Shown option) option

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

    let run (arguments: ParseResults<DiffArguments>) : Ending =
        let a, b = arguments.GetResult DiffArguments.Versions

        match RoomVersions.find a, RoomVersions.find b, RoomVersions.areas (arguments.TryGetResult DiffArguments.Area) with
        | Error ending, _, _
        | _, Error ending, _
        | _, _, Error ending -> ending
        | Ok a, Ok b, Ok areas ->
            let difference = Difference.between areas a b

            let shows: Shows =
                if arguments.Contains Witness then
                    Some(Cases.byRow (Differences.search areas a b))
                else
                    None

            /// The lines beneath a change.
            let beneath (change: RowChange) =
                match shows with
                | Some shown when not (RowChanges.isWordingOnly change) -> Cases.lines a b (shown (RowChanges.row change))
                | _ -> []

            match arguments.GetResult(DiffArguments.Format, Text) with
            | Text -> Printing.lines (Text.ofDifferenceWith beneath difference)
            | Json -> json shows difference
            | Markdown -> Printing.plain (Markdown.ofDifferenceWith beneath difference)

            Done
