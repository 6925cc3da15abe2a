namespace Matrix.Cli.Rules.Site

open Giraffe.ViewEngine
open Giraffe.ViewEngine.Accessibility
open Matrix.Rules
open Matrix.Rules.Printing

/// The page of a version with all of its tables.
[<RequireQualifiedAccess>]
module internal VersionPage =

    let private row (section: Section) (hasNumbers: bool) (r: Row) : XmlNode =
        tr [ _id (Pieces.anchor r) ] [
            if hasNumbers then
                if r.Number = "" then
                    td [] []
                else
                    th [ _scope "row" ] [ Pieces.linkTo ("#" + Pieces.anchor r) [ str r.Number ] ]

            td [ _class ("depth" + string (min r.Depth 4)) ] [
                div [ _class "rule" ] [
                    div [] [
                        p [] [ str r.Text ]
                        p [ _class "name" ] [
                            Pieces.code r.Id
                            match Pieces.proposals (Document.proposals section r) with
                            | [] -> ()
                            | some ->
                                str " "
                                yield! Pieces.separated ", " some
                        ]
                    ]
                    yield! Pieces.decision r
                ]
            ]
        ]

    let private section (s: Section) : XmlNode =
        let hasNumbers = s.Rows |> List.exists (fun r -> r.Number <> "")

        section [ _id (Areas.name s.Area); _ariaLabelledBy (Areas.name s.Area + "-heading") ] [
            h2 [ _id (Areas.name s.Area + "-heading") ] [ str (Areas.title s.Area) ]
            p [ _class "sources" ] (str "Source: " :: Pieces.separated "; " (Pieces.sources s.Rows))
            table [ _class (if hasNumbers then "rules numbered" else "rules") ] [
                caption [] [ str (Areas.title s.Area + ", " + string s.Rows.Length + " rows") ]
                thead [] [
                    tr [] [
                        if hasNumbers then
                            th [ _scope "col" ] [ str "No." ]

                        th [ _scope "col" ] [ str "Rule, with its condition and outcome" ]
                    ]
                ]
                tbody [] (s.Rows |> List.map (row s hasNumbers))
            ]
        ]

    let private list (style: string) (items: XmlNode list list) =
        ul [ _class style ] [ for item in items -> li [] item ]

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
            h1 [] [ str ("Room version " + version.Id) ]
            p [ _class "lead" ] [
                str (Prose.heading version + ". ")
                Pieces.linkTo (Pieces.claimsFile version) [ str "What is claimed of it." ]
            ]

            if not version.Amendments.IsEmpty then
                h2 [] [ str "Amendments" ]
                Pieces.amendments version.Amendments

            if not others.IsEmpty then
                h2 [] [ str "Compared" ]

                list "inline" [
                    for words, a, b in others -> [ Pieces.linkTo (Pieces.diffFile a b) [ str words ] ]
                ]

            h2 [] [ str "Areas" ]

            list "inline" [
                for s in document.Sections -> [ Pieces.linkTo ("#" + Areas.name s.Area) [ str (Areas.title s.Area) ] ]
            ]

            yield! document.Sections |> List.map section
        ]
