namespace Matrix.Cli.Rules

open System
open System.IO
open Argu
open Matrix.Cli.Output
open Matrix.Rules
open Matrix.Rules.Printing

type MscArguments =
    | [<MainCommand; ExactlyOnce>] Amendment of NAME: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Amendment _ -> "the proposal, such as MSC4291, or the amendment's file."

/// Drafts of proposals, from amendments.
module internal MscCommand =

    /// One amendment of a version, with the tables before and after it alone.
    type private Draft = {
        Version: RoomVersion
        Parent: RoomVersion
        Amended: RoomVersion
        Amendment: Amendment
    }

    let private drafts: Draft list = [
        for version in Versions.withUnstable do
            match version.Parent |> Option.bind Versions.tryFindUnstable with
            | Some parent ->
                for amendment in version.Amendments do
                    {
                        Version = version
                        Parent = parent
                        // A proposal starts from the parent, whatever else came into the version with it.
                        Amended = Flatten.apply { parent with Misprints = [] } amendment
                        Amendment = amendment
                    }
            | None -> ()
    ]

    /// `MSC4291`, `4291` and `Msc4291.fs` name the same proposal.
    let private number (name: string) =
        let name =
            Path.GetFileNameWithoutExtension name
            |> Option.ofObj
            |> Option.defaultValue name

        if name.StartsWith("MSC", StringComparison.OrdinalIgnoreCase) then
            name[3..]
        else
            name

    /// A draft has what the specification says; policies are this server's own.
    let private areas = Areas.all |> List.except [ Area.Policy ]

    let private outer (at: string) =
        match at.LastIndexOf '.' with
        | -1 -> ""
        | i -> at[.. i - 1]

    let rec private outers (at: string) =
        match outer at with
        | "" -> []
        | outer -> outer :: outers outer

    /// The rows whose lists have an altered row, by their names.
    let private owners (rows: Row list) (altered: Set<string>) : Set<string> =
        let ids = Map.ofList [ for row in rows -> row.At, row.Id ]

        rows
        |> List.filter (fun row -> altered.Contains row.Id)
        |> List.choose (fun row -> Map.tryFind (outer row.At) ids)
        |> set

    /// The rows to show: altered ones, the numbered rows of lists that are altered on either side, and all rows around
    /// them.
    let private context (rows: Row list) (altered: Set<string>) (owners: Set<string>) : Row list =
        let lists =
            rows |> List.filter (fun row -> owners.Contains row.Id) |> List.map _.At |> set

        let isShown (row: Row) =
            altered.Contains row.Id
            || owners.Contains row.Id
            || (row.Number <> "" && lists.Contains(outer row.At))

        let around =
            rows |> List.filter isShown |> List.collect (fun row -> outers row.At) |> set

        rows |> List.filter (fun row -> isShown row || around.Contains row.At)

    /// A row as a list item. Markdown counts lists from their first number.
    let private item (mark: string) (row: Row) : string =
        let bullet =
            match row.Number.LastIndexOf '.' with
            | _ when row.Number = "" -> "-"
            | i -> row.Number[i + 1 ..] + "."

        String.replicate row.Depth "    "
        + bullet.PadRight 4
        + (if mark = "" then "" else "**" + mark + "** ")
        + row.Text
        + (if row.Value = "" then "" else " *" + row.Value + "*")

    /// A list of rows, with an ellipsis where rows of the outermost list are left out.
    let private list (all: Row list) (marks: Map<string, string>) (owners: Set<string>) : string list =
        let shown = context all (marks |> Map.keys |> set) owners

        let index =
            Map.ofList [
                for i, row in List.indexed (all |> List.filter (fun r -> r.Depth = 0)) -> row.Id, i
            ]

        [
            let mutable last = None

            for row in shown do
                match Map.tryFind row.Id index with
                | Some i ->
                    match last with
                    | Some before when i > before + 1 ->
                        ""
                        "…"
                        ""
                    | _ -> ()

                    last <- Some i
                | None -> ()

                item (marks |> Map.tryFind row.Id |> Option.defaultValue "") row
        ]

    let private marks (choose: RowChange -> (Row * string) option) (changes: RowChange list) =
        changes
        |> List.choose choose
        |> List.map (fun (row, mark) -> row.Id, mark)
        |> Map.ofList

    let private before change =
        match change with
        | RowChange.Added _ -> None
        | RowChange.Removed row -> Some(row, "[removed]")
        | RowChange.Changed(row, _)
        | RowChange.Reworded(row, _) -> Some(row, "[changed]")
        | RowChange.Moved(row, _) -> Some(row, "[moved]")

    let private after change =
        match change with
        | RowChange.Added row -> Some(row, "[new]")
        | RowChange.Removed _ -> None
        | RowChange.Changed(_, row)
        | RowChange.Reworded(_, row) -> Some(row, "[changed]")
        | RowChange.Moved(_, row) -> Some(row, "[moved]")

    let private section (draft: Draft) (area: AreaDifference) : string list =
        let sides =
            [
                "Before, in version " + draft.Parent.Id + ":", draft.Parent, before
                "After:", draft.Amended, after
            ]
            |> List.map (fun (title, version, choose) ->
                title, Rows.ofArea version area.Area, marks choose area.Changes)

        // Both sides show the lists that one of them alters.
        let owners =
            sides
            |> List.map (fun (_, rows, marks) -> owners rows (marks |> Map.keys |> set))
            |> Set.unionMany

        [
            ""
            "### " + Areas.title area.Area
            for title, rows, marks in sides do
                let lines = list rows marks owners
                ""
                title
                ""
                yield! (if lines.IsEmpty then [ "(nothing)" ] else lines)

            match
                area.Renumbered
                |> List.filter (fun (_, a, b) -> not (a.Contains '.' || b.Contains '.'))
            with
            | [] -> ()
            | (_, first, renamed) :: _ as outermost ->
                let _, last, lastNew = List.last outermost
                ""

                if outermost.Length = 1 then
                    $"Rule {first} becomes {renamed}."
                else
                    $"Rules {first} to {last} become {renamed} to {lastNew}."
        ]

    let private lines (draft: Draft) : string list =
        let difference =
            Difference.between areas { draft.Parent with Misprints = [] } draft.Amended

        [
            "# " + draft.Amendment.Msc + ": " + draft.Amendment.Title
            ""
            draft.Amendment.Why
            ""
            $"## Changes to room version {draft.Parent.Id}, for room version {draft.Version.Id}"
            for area in difference.Areas do
                if not area.Changes.IsEmpty then
                    yield! section draft area
        ]

    /// Prints the rules that an amendment changes, before and after, as a proposal has them.
    let run (arguments: ParseResults<MscArguments>) : Ending =
        let name = arguments.GetResult MscArguments.Amendment

        match drafts |> List.filter (fun d -> number d.Amendment.Msc = number name) with
        | [] ->
            let known =
                drafts
                |> List.map _.Amendment.Msc
                |> List.distinct
                |> List.sort
                |> String.concat ", "

            Misused $"no amendment '{name}': expected one of {known}"
        | found ->
            found
            |> List.map lines
            |> List.reduce (fun a b -> a @ [ "" ] @ b)
            |> Printing.plain

            Done
