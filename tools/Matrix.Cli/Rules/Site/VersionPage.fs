namespace Matrix.Cli.Rules.Site

open Matrix.Rules
open Matrix.Rules.Printing

/// The page of a version with all of its tables.
[<RequireQualifiedAccess>]
module internal VersionPage =

    let private row (section: Section) (hasNumbers: bool) (r: Row) : Html =
        Html.element "tr" [ "id", Pieces.anchor r ] [
            if hasNumbers then
                if r.Number = "" then
                    Html.plain "td" []
                else
                    Html.element "th" [ "scope", "row" ] [ Html.link ("#" + Pieces.anchor r) [ Words r.Number ] ]

            Html.classed "td" ("depth" + string (min r.Depth 4)) [
                Html.classed "div" "rule" [
                    Html.plain "div" [
                        Html.plain "p" [ Words r.Text ]
                        Html.classed "p" "name" [
                            Html.code r.Id
                            match Pieces.proposals (Document.proposals section r) with
                            | [] -> ()
                            | some ->
                                Words " "
                                yield! Html.separated ", " some
                        ]
                    ]
                    yield! Pieces.decision r
                ]
            ]
        ]

    let private section (s: Section) : Html =
        let hasNumbers = s.Rows |> List.exists (fun r -> r.Number <> "")

        Html.element "section" [ "id", Areas.name s.Area; "aria-labelledby", Areas.name s.Area + "-heading" ] [
            Html.element "h2" [ "id", Areas.name s.Area + "-heading" ] [ Words(Areas.title s.Area) ]
            Html.classed "p" "sources" (Words "Source: " :: Html.separated "; " (Pieces.sources s.Rows))
            Html.classed "table" (if hasNumbers then "rules numbered" else "rules") [
                Html.plain "caption" [ Words(Areas.title s.Area + ", " + string s.Rows.Length + " rows") ]
                Html.plain "thead" [
                    Html.plain "tr" [
                        if hasNumbers then
                            Html.element "th" [ "scope", "col" ] [ Words "No." ]

                        Html.element "th" [ "scope", "col" ] [ Words "Rule, with its condition and outcome" ]
                    ]
                ]
                Html.plain "tbody" (s.Rows |> List.map (row s hasNumbers))
            ]
        ]

    let private list (style: string) (items: Html list list) =
        Html.classed "ul" style [ for item in items -> Html.plain "li" item ]

    /// The page; `versions` are those of the site, and `diffs` the pairs with a page.
    let write (versions: RoomVersion list) (diffs: (RoomVersion * RoomVersion) list) (version: RoomVersion) : string =
        let document = Document.ofVersion Areas.all version

        let others =
            diffs
            |> List.choose (fun (a, b) ->
                if a.Id = version.Id then Some("to " + b.Id, a, b)
                elif b.Id = version.Id then Some("from " + a.Id, a, b)
                else None)

        Pieces.page ("Room version " + version.Id) versions [
            Html.plain "h1" [ Words("Room version " + version.Id) ]
            Html.classed "p" "lead" [ Words(Prose.heading version + ".") ]

            if not version.Amendments.IsEmpty then
                Html.plain "h2" [ Words "Amendments" ]
                Pieces.amendments version.Amendments

            if not others.IsEmpty then
                Html.plain "h2" [ Words "Compared" ]

                list "inline" [
                    for words, a, b in others -> [ Html.link (Pieces.diffFile a b) [ Words words ] ]
                ]

            Html.plain "h2" [ Words "Areas" ]

            list "inline" [
                for s in document.Sections -> [ Html.link ("#" + Areas.name s.Area) [ Words(Areas.title s.Area) ] ]
            ]

            yield! document.Sections |> List.map section
        ]
