namespace Matrix.Rules.Printing

open Matrix.Rules

/// A version's change to a row.
type HistoryEntry = {
    Version: RoomVersion
    /// The row is new in the root, added, removed, changed, reworded or moved.
    Change: RowChange
    /// The amendments of this version that made the change; none for the root.
    Amendments: Amendment list
}

/// The history of a row through the versions.
type History = {
    Area: Area
    Id: string
    /// The versions that have the row, with its number on their page ("" for none).
    Numbers: (RoomVersion * string) list
    /// The changes to the row, parents before children.
    Entries: HistoryEntry list
}

/// The histories of rows.
[<RequireQualifiedAccess>]
module History =

    let private rowOf (id: string) (version: RoomVersion) (area: Area) : Row option =
        Rows.ofArea version area |> List.tryFind (fun row -> row.Id = id)

    let private entry (area: Area) (id: string) (version: RoomVersion) : HistoryEntry option =
        match version.Parent |> Option.bind Versions.tryFindUnstable with
        | None ->
            rowOf id version area
            |> Option.map (fun row -> {
                Version = version
                Change = RowChange.Added row
                Amendments = []
            })
        | Some parent ->
            Difference.between [ area ] parent version
            |> _.Areas
            |> List.tryPick (fun difference ->
                difference.Changes
                |> List.tryFind (fun change -> (RowChanges.row change).Id = id)
                |> Option.map (fun change -> {
                    Version = version
                    Change = change
                    Amendments = difference.Amendments |> Map.tryFind id |> Option.defaultValue []
                }))

    /// The history of the row of this name; None if no version has it.
    let tryFind (id: string) : History option =
        let versions = Versions.withUnstable

        Areas.all
        |> List.tryPick (fun area ->
            match
                versions
                |> List.choose (fun v -> rowOf id v area |> Option.map (fun row -> v, row.Number))
            with
            | [] -> None
            | numbers ->
                Some {
                    Area = area
                    Id = id
                    Numbers = numbers
                    Entries = versions |> List.choose (entry area id)
                })

    /// The names of all rows of all versions.
    let names () : string list =
        [
            for version in Versions.withUnstable do
                for area in Areas.all do
                    for row in Rows.ofArea version area -> row.Id
        ]
        |> List.distinct
