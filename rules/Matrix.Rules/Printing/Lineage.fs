namespace Matrix.Rules.Printing

open Matrix.Rules

/// The change of one row from one version to another.
[<RequireQualifiedAccess>]
type RowChange =
    | Added of Row
    | Removed of Row
    /// Its data differs, and usually its words.
    | Changed of before: Row * after: Row
    /// Only its words differ.
    | Reworded of before: Row * after: Row
    /// It is the same, at another position among its neighbours.
    | Moved of before: Row * after: Row

/// Compares tables row by row.
[<RequireQualifiedAccess>]
module RowChanges =

    /// The name of the row that is altered.
    let row (change: RowChange) : Row =
        match change with
        | RowChange.Added row
        | RowChange.Removed row -> row
        | RowChange.Changed(_, after)
        | RowChange.Reworded(_, after)
        | RowChange.Moved(_, after) -> after

    /// Whether the change does not change any decision.
    let isWordingOnly (change: RowChange) : bool =
        match change with
        | RowChange.Reworded _ -> true
        | _ -> false

    let private parentOf (at: string) : string =
        match at.LastIndexOf '.' with
        | -1 -> ""
        | i -> at.Substring(0, i)

    /// The greatest set of rows that keep their order. All others moved.
    let private keepOrder (order: (string * int) list) : Set<string> =
        // Longest increasing subsequence, by the index in the other list. Lists are short.
        let best =
            ([], order)
            ||> List.fold (fun (runs: (int * string list) list) (id, place) ->
                let longest =
                    runs
                    |> List.filter (fun (last, _) -> last < place)
                    |> List.map snd
                    |> List.fold (fun a b -> if List.length b > List.length a then b else a) []

                (place, id :: longest) :: runs)

        best
        |> List.map snd
        |> List.fold (fun a b -> if List.length b > List.length a then b else a) []
        |> set

    let private moved (before: Row list) (after: Row list) : Set<string> =
        let idAt (rows: Row list) =
            Map.ofList [ for r in rows -> r.At, r.Id ]

        let parents (rows: Row list) =
            let ids = idAt rows

            Map.ofList [
                for r in rows -> r.Id, (ids.TryFind(parentOf r.At) |> Option.defaultValue "")
            ]

        let parentsBefore, parentsAfter = parents before, parents after
        let places = Map.ofList [ for i, r in List.indexed before -> r.Id, i ]

        let common =
            after
            |> List.filter (fun r -> parentsBefore.TryFind r.Id = parentsAfter.TryFind r.Id)

        let elsewhere =
            after
            |> List.filter (fun r -> parentsBefore.ContainsKey r.Id && parentsBefore[r.Id] <> parentsAfter[r.Id])
            |> List.map _.Id

        let outOfOrder =
            common
            |> List.groupBy (fun r -> parentsAfter[r.Id])
            |> List.collect (fun (_, siblings) ->
                let order = siblings |> List.map (fun r -> r.Id, places[r.Id])

                if List.pairwise order |> List.forall (fun ((_, a), (_, b)) -> a < b) then
                    []
                else
                    let kept = keepOrder order
                    siblings |> List.map _.Id |> List.filter (kept.Contains >> not))

        set (elsewhere @ outOfOrder)

    /// The changes of one area's rows, in the reading order of the newer table. Removed rows are at their old position.
    let between (before: Row list) (after: Row list) : RowChange list =
        let old = Map.ofList [ for r in before -> r.Id, r ]
        let current = Map.ofList [ for r in after -> r.Id, r ]
        let moved = moved before after

        let removedAfter =
            // Removed rows, by the remaining row that preceded them.
            let mutable anchor = ""

            [
                for r in before do
                    if current.ContainsKey r.Id then
                        anchor <- r.Id
                    else
                        anchor, RowChange.Removed r
            ]
            |> List.groupBy fst
            |> List.map (fun (anchor, rows) -> anchor, rows |> List.map snd)
            |> Map.ofList

        let removed anchor =
            removedAfter.TryFind anchor |> Option.defaultValue []

        removed ""
        @ [
            for r in after do
                match old.TryFind r.Id with
                | None -> RowChange.Added r
                | Some was when not (Rows.sameMeaning was r) -> RowChange.Changed(was, r)
                | Some was when moved.Contains r.Id -> RowChange.Moved(was, r)
                | Some was when was.Text <> r.Text -> RowChange.Reworded(was, r)
                | Some _ -> ()

                yield! removed r.Id
        ]

/// The descent of a version, and the amendments on the way.
[<RequireQualifiedAccess>]
module Lineage =

    /// The versions from the root to this one.
    let rec versions (version: RoomVersion) : RoomVersion list =
        match version.Parent |> Option.bind Versions.tryFindUnstable with
        | Some parent -> versions parent @ [ version ]
        | None -> [ version ]

    /// Every amendment on the way, with the versions before and after it, and the version that made it.
    let private steps (version: RoomVersion) : (Amendment * RoomVersion * RoomVersion) list =
        versions version
        |> List.pairwise
        |> List.collect (fun (parent, child) ->
            let start = { parent with Page = child.Page }

            child.Amendments
            |> List.mapFold
                (fun before amendment ->
                    let after = Flatten.apply before amendment
                    (amendment, before, after), after)
                start
            |> fst)

    /// Whether an area can differ between two versions. A table that is the same object prints the same.
    let private mayDiffer (before: RoomVersion) (after: RoomVersion) (area: Area) : bool =
        let same a b = LanguagePrimitives.PhysicalEquality a b

        match area with
        | Area.Authorization -> not (same before.Authorization after.Authorization)
        | Area.Selection -> not (same before.Selections after.Selections)
        | Area.Redaction ->
            not (
                same before.Redaction after.Redaction
                && same before.Settings after.Settings
                && same before.Handling after.Handling
                && same before.Authorization after.Authorization
            )
        | _ -> not (same before.Settings after.Settings)

    /// The amendments that altered each row of an area on the way to a version, the newest last.
    let amendments (version: RoomVersion) (area: Area) : Map<string, Amendment list> =
        (Map.empty, steps version)
        ||> List.fold (fun found (amendment, before, after) ->
            if mayDiffer before after area then
                (found, RowChanges.between (Rows.ofArea before area) (Rows.ofArea after area))
                ||> List.fold (fun found change ->
                    let id = (RowChanges.row change).Id
                    let earlier = found |> Map.tryFind id |> Option.defaultValue []
                    found |> Map.add id (earlier @ [ amendment ]))
            else
                found)

    /// The amendments on the way to only one of the two versions: first the newer ones', then the older ones'.
    let apart (a: RoomVersion) (b: RoomVersion) : Amendment list =
        let on v = versions v |> List.collect _.Amendments
        let onA, onB = on a, on b

        (onB |> List.filter (fun x -> not (List.contains x onA)))
        @ (onA |> List.filter (fun x -> not (List.contains x onB)))
