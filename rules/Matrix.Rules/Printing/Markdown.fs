namespace Matrix.Rules.Printing

open Matrix.Rules

/// Versions and differences as Markdown, for `rules/printed`.
[<RequireQualifiedAccess>]
module Markdown =

    let private escaped (text: string) : string =
        text.Replace("\\", "\\\\").Replace("|", "\\|").Replace("<", "\\<").Replace("*", "\\*").Replace("_", "\\_")

    let private code (text: string) : string = "`" + text + "`"

    let private amendment (a: Amendment) : string =
        "- ["
        + a.Msc
        + "]("
        + a.Link
        + ") **"
        + escaped a.Title
        + ".** "
        + escaped a.Why

    let private proposals (amendments: Amendment list) : string =
        amendments
        |> List.distinctBy _.Msc
        |> List.map (fun a -> "[" + a.Msc + "](" + a.Link + ")")
        |> String.concat ", "

    let private row (s: Section) (r: Row) : string =
        let by = proposals (Document.proposals s r)

        String.replicate r.Depth "  "
        + "- "
        + (if r.Number = "" then "" else "**" + r.Number + "** ")
        + code r.Id
        + " "
        + escaped r.Text
        + (match Rows.decision r with
           | "" -> ""
           | decision -> " *" + escaped decision + "*")
        + (if by = "" then "" else " (" + by + ")")

    let private section (beneath: Row -> string list) (s: Section) : string list = [
        ""
        "## " + Areas.title s.Area
        ""
        match s.Rows |> List.map _.Link |> List.distinct with
        | [] -> ()
        | links ->
            String.concat
                ", "
                (links
                 |> List.map (fun link ->
                     if link.StartsWith "http" then
                         "<" + link + ">"
                     else
                         code link))

            ""
        for r in s.Rows do
            row s r

            for text in beneath r do
                String.replicate (r.Depth + 1) "  " + "- > " + escaped text
    ]

    /// A version as Markdown, with further lines below a row.
    let ofDocumentWith (beneath: Row -> string list) (document: Document) : string list = [
        "# " + escaped (Prose.heading document.Version)

        if not document.Version.Amendments.IsEmpty then
            ""
            "What it amends:"
            ""

            for a in document.Version.Amendments do
                amendment a

        for s in document.Sections do
            yield! section beneath s
    ]

    /// A version, without further lines.
    let ofDocument (document: Document) : string list = ofDocumentWith (fun _ -> []) document

    let private cell (r: Row) : string =
        (if r.Number = "" then "" else "**" + r.Number + "** ")
        + escaped r.Text
        + (match Rows.decision r with
           | "" -> ""
           | decision -> "<br>*" + escaped decision + "*")

    let private change (d: AreaDifference) (c: RowChange) : string =
        let id = (RowChanges.row c).Id

        let left, right =
            match c with
            | RowChange.Added after -> "", cell after
            | RowChange.Removed before -> cell before, ""
            | RowChange.Changed(before, after)
            | RowChange.Reworded(before, after)
            | RowChange.Moved(before, after) -> cell before, cell after

        let by = d.Amendments |> Map.tryFind id |> Option.defaultValue [] |> proposals

        "| "
        + code id
        + "<br>"
        + Prose.kind c
        + (if by = "" then "" else "<br>" + by)
        + " | "
        + left
        + " | "
        + right
        + " |"

    let private area (beneath: RowChange -> string list) (difference: Difference) (d: AreaDifference) : string list = [
        ""
        "## " + Areas.title d.Area

        if not d.Changes.IsEmpty then
            ""

            "| "
            + Prose.tally d.Changes
            + " | "
            + difference.From.Id
            + " | "
            + difference.To.Id
            + " |"

            "| --- | --- | --- |"

            for c in d.Changes do
                change d c

        for c in d.Changes do
            match beneath c with
            | [] -> ()
            | lines ->
                ""
                code (RowChanges.row c).Id
                ""

                for text in lines do
                    "- " + escaped text

        match Prose.renumbered d with
        | "" -> ()
        | words ->
            ""
            escaped words
    ]

    /// A difference, with further lists of lines below its changes.
    let ofDifferenceWith (beneath: RowChange -> string list) (d: Difference) : string list = [
        "# From room version " + d.From.Id + " to room version " + d.To.Id

        if not d.Amendments.IsEmpty then
            ""
            "Amendments that only one of them has:"
            ""

            for a in d.Amendments do
                amendment a

        if d.Areas.IsEmpty then
            ""
            "No row differs."

        for a in d.Areas do
            yield! area beneath d a
    ]

    /// A difference, without further lines.
    let ofDifference (d: Difference) : string list = ofDifferenceWith (fun _ -> []) d
