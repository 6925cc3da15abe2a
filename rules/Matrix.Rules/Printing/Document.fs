namespace Matrix.Rules.Printing

open Matrix.Rules

/// The rows of one area, and the amendments that formed each.
type Section = {
    Area: Area
    Rows: Row list
    /// By row, the newest last.
    Amendments: Map<string, Amendment list>
}

/// A room version in print: the source of every rendering.
type Document = {
    Version: RoomVersion
    Sections: Section list
}

/// Prints versions.
[<RequireQualifiedAccess>]
module Document =

    /// One area of a version.
    let section (version: RoomVersion) (area: Area) : Section = {
        Area = area
        Rows = Rows.ofArea version area
        Amendments = Lineage.amendments version area
    }

    /// A version in these areas.
    let ofVersion (areas: Area list) (version: RoomVersion) : Document = {
        Version = version
        Sections = areas |> List.map (section version)
    }

    /// The amendments that altered a row, the newest last.
    let proposals (section: Section) (row: Row) : Amendment list =
        section.Amendments |> Map.tryFind row.Id |> Option.defaultValue []

/// The differences between two versions in one area.
type AreaDifference = {
    Area: Area
    Changes: RowChange list
    /// Rows that differ only in their number: name, number before, number after.
    Renumbered: (string * string * string) list
    /// By row, the amendments that caused the difference.
    Amendments: Map<string, Amendment list>
}

/// The differences between two versions.
type Difference = {
    From: RoomVersion
    To: RoomVersion
    /// The amendments that only one of them has.
    Amendments: Amendment list
    /// Areas without any difference are left out.
    Areas: AreaDifference list
}

/// Compares versions.
[<RequireQualifiedAccess>]
module Difference =

    let private area (apart: Amendment list) (a: RoomVersion) (b: RoomVersion) (area: Area) : AreaDifference =
        let before, after = Rows.ofArea a area, Rows.ofArea b area
        let changes = RowChanges.between before after
        let altered = changes |> List.map (RowChanges.row >> _.Id) |> set
        let numbers = Map.ofList [ for r in before -> r.Id, r.Number ]
        let ofA, ofB = Lineage.amendments a area, Lineage.amendments b area

        let made id =
            let found (m: Map<string, Amendment list>) = m.TryFind id |> Option.defaultValue []

            List.distinct (found ofB @ found ofA)
            |> List.filter (fun x -> List.contains x apart)

        {
            Area = area
            Changes = changes
            Renumbered = [
                for r in after do
                    match numbers.TryFind r.Id with
                    | Some number when number <> r.Number && not (altered.Contains r.Id) -> r.Id, number, r.Number
                    | _ -> ()
            ]
            Amendments = Map.ofSeq (altered |> Seq.map (fun id -> id, made id))
        }

    /// The differences between two versions, in these areas.
    let between (areas: Area list) (a: RoomVersion) (b: RoomVersion) : Difference =
        let apart = Lineage.apart a b

        {
            From = a
            To = b
            Amendments = apart
            Areas =
                areas
                |> List.map (area apart a b)
                |> List.filter (fun d -> not (d.Changes.IsEmpty && d.Renumbered.IsEmpty))
        }
