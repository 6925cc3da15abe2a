namespace Matrix.Rules.Printing

open Matrix.Rules

/// The kind of a line, for terminals with colours.
[<RequireQualifiedAccess>]
type Style =
    | Title
    | Heading
    | Plain
    /// The data, below the sentence.
    | Detail
    | Added
    | Removed
    | Changed

/// A line of text.
type PrintedLine = { Style: Style; Text: string }

/// Functions that the text renderings share.
[<RequireQualifiedAccess>]
module Prose =

    /// Lines of at most `width` characters, broken between words.
    let wrap (width: int) (text: string) : string list =
        (([], ""), text.Split ' ')
        ||> Array.fold (fun (finished, line) word ->
            if line = "" then
                finished, word
            elif line.Length + 1 + word.Length <= width then
                finished, line + " " + word
            else
                line :: finished, word)
        |> fun (finished, line) -> List.rev (line :: finished)

    /// The heading of a version.
    let heading (version: RoomVersion) : string =
        let based =
            match version.Parent with
            | Some parent -> ", based on " + parent
            | None -> ", the root of all others"

        let stability =
            match version.Stability with
            | Stability.Stable -> "stable"
            | Stability.Unstable -> "unstable: no server uses it unless its configuration names it"

        "Room version " + version.Id + based + " (" + stability + ")"

    /// The names of proposals, in brackets; "" for none.
    let proposals (amendments: Amendment list) : string =
        match amendments with
        | [] -> ""
        | some -> "(" + (some |> List.map _.Msc |> List.distinct |> String.concat ", ") + ")"

    /// The kind of a change, in a word.
    let kind (change: RowChange) : string =
        match change with
        | RowChange.Added _ -> "added"
        | RowChange.Removed _ -> "removed"
        | RowChange.Changed _ -> "changed"
        | RowChange.Reworded _ -> "wording only"
        | RowChange.Moved _ -> "moved"

    /// The number of changes of each kind: "3 added, 1 removed".
    let tally (changes: RowChange list) : string =
        changes
        |> List.countBy kind
        |> List.map (fun (kind, n) -> string n + " " + kind)
        |> String.concat ", "

    /// The rows that differ only in their number; "" for none.
    let renumbered (area: AreaDifference) : string =
        match area.Renumbered with
        | [] -> ""
        | [ id, before, after ] -> id + " is the same under another number: " + before + ", then " + after + "."
        | many ->
            let shown =
                many
                |> List.truncate 3
                |> List.map (fun (id, before, after) -> id + " " + before + " -> " + after)

            string many.Length
            + " more rows are the same under another number: "
            + String.concat ", " shown
            + (if many.Length > 3 then ", ..." else ".")

/// Versions and differences as lines of text.
[<RequireQualifiedAccess>]
module Text =

    let private width = 110

    let private line style text : PrintedLine = { Style = style; Text = text }

    let private blank = line Style.Plain ""

    let private amendment (a: Amendment) : PrintedLine list = [
        line Style.Plain ("  " + a.Msc + "  " + a.Title)
        for why in Prose.wrap (width - 6) a.Why do
            line Style.Detail ("      " + why)
        line Style.Detail ("      " + a.Link)
    ]

    let private row (numbers: int) (beneath: string list) (proposals: Amendment list) (r: Row) : PrintedLine list =
        let indent = String.replicate r.Depth "  "
        let number = r.Number.PadRight numbers
        let margin = indent + String.replicate number.Length " "
        let by = Prose.proposals proposals
        let name = "[" + r.Id + "]" + (if by = "" then "" else " " + by)

        [
            match Prose.wrap (width - margin.Length) (r.Text + " " + name) with
            | first :: rest ->
                line Style.Plain (indent + number + first)

                for more in rest do
                    line Style.Plain (margin + more)
            | [] -> ()

            match Rows.decision r with
            | "" -> ()
            | decision ->
                for more in Prose.wrap (width - margin.Length - 2) decision do
                    line Style.Detail (margin + "  " + more)

            for text in beneath do
                match Prose.wrap (width - margin.Length - 4) text with
                | first :: rest ->
                    line Style.Changed (margin + "  > " + first)

                    for more in rest do
                        line Style.Changed (margin + "    " + more)
                | [] -> ()
        ]

    let private section (beneath: Row -> string list) (s: Section) : PrintedLine list = [
        blank
        line Style.Heading (Areas.title s.Area + "  [" + Areas.name s.Area + "]")

        for link in s.Rows |> List.map _.Link |> List.distinct do
            line Style.Detail link

        blank

        let numbers =
            match s.Rows |> List.map _.Number.Length |> List.max with
            | 0 -> 0
            | widest -> widest + 2

        for r in s.Rows do
            yield! row numbers (beneath r) (Document.proposals s r) r
    ]

    /// A version, for `mx rules show`, with further lines below a row.
    let ofDocumentWith (beneath: Row -> string list) (document: Document) : PrintedLine list = [
        line Style.Title (Prose.heading document.Version)

        if not document.Version.Amendments.IsEmpty then
            blank
            line Style.Heading "What it amends"

            for a in document.Version.Amendments do
                yield! amendment a

        for s in document.Sections do
            yield! section beneath s
    ]

    /// A version, without further lines.
    let ofDocument (document: Document) : PrintedLine list = ofDocumentWith (fun _ -> []) document

    let private side (r: Row) : string list =
        let column = 52

        [
            yield! Prose.wrap column ((if r.Number = "" then "" else r.Number + " ") + r.Text)
            match Rows.decision r with
            | "" -> ()
            | decision -> yield! Prose.wrap (column - 2) decision |> List.map (fun more -> "  " + more)
        ]

    let private beside (left: string list) (right: string list) : string list =
        let length = max left.Length right.Length

        let padded (lines: string list) =
            lines @ List.replicate (length - lines.Length) ""

        List.map2
            (fun (l: string) (r: string) -> ("  " + l.PadRight 53 + "| " + r).TrimEnd())
            (padded left)
            (padded right)

    let private change (proposals: Amendment list) (beneath: string list) (c: RowChange) : PrintedLine list =
        let r = RowChanges.row c
        let by = Prose.proposals proposals

        let mark, style, left, right =
            match c with
            | RowChange.Added after -> "+", Style.Added, [], side after
            | RowChange.Removed before -> "-", Style.Removed, side before, []
            | RowChange.Changed(before, after)
            | RowChange.Reworded(before, after)
            | RowChange.Moved(before, after) -> "~", Style.Changed, side before, side after

        [
            blank
            line style (mark + " " + r.Id + ": " + Prose.kind c + (if by = "" then "" else " " + by))
            for text in beside left right do
                line Style.Plain text

            for text in beneath do
                match Prose.wrap (width - 4) text with
                | first :: rest ->
                    line Style.Detail ("  > " + first)

                    for more in rest do
                        line Style.Detail ("      " + more)
                | [] -> ()
        ]

    let private area (beneath: RowChange -> string list) (d: AreaDifference) : PrintedLine list = [
        blank
        line
            Style.Heading
            (Areas.title d.Area
             + "  ["
             + Areas.name d.Area
             + "]"
             + (if d.Changes.IsEmpty then
                    ""
                else
                    ": " + Prose.tally d.Changes))

        for c in d.Changes do
            yield! change (d.Amendments |> Map.tryFind (RowChanges.row c).Id |> Option.defaultValue []) (beneath c) c

        match Prose.renumbered d with
        | "" -> ()
        | words ->
            blank

            for text in Prose.wrap width words do
                line Style.Detail text
    ]

    /// A difference, for `mx rules diff`: the first version on the left, the second on the right, with further lines
    /// below a change.
    let ofDifferenceWith (beneath: RowChange -> string list) (d: Difference) : PrintedLine list = [
        line Style.Title ("From room version " + d.From.Id + " to room version " + d.To.Id)

        if not d.Amendments.IsEmpty then
            blank
            line Style.Heading "Amendments that only one of them has"

            for a in d.Amendments do
                yield! amendment a

        if d.Areas.IsEmpty then
            blank
            line Style.Plain "No row differs."

        for a in d.Areas do
            yield! area beneath a
    ]

    /// A difference, without further lines.
    let ofDifference (d: Difference) : PrintedLine list = ofDifferenceWith (fun _ -> []) d
