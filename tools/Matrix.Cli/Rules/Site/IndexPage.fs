namespace Matrix.Cli.Rules.Site

open Matrix.Rules
open Matrix.Rules.Printing

/// The first page: the family of versions, the tables that they share, and every difference.
[<RequireQualifiedAccess>]
module internal IndexPage =

    let private head (scope: string) (inside: Html list) =
        Html.element "th" [ "scope", scope ] inside

    let private versionRow (diffs: (RoomVersion * RoomVersion) list) (version: RoomVersion) : Html =
        Html.plain "tr" [
            head "row" [ Html.link (Pieces.versionFile version) [ Words version.Id ] ]
            Html.plain "td" [
                match version.Amendments with
                | [] -> Words "The root of all versions."
                | some ->
                    Html.classed "ul" "bare" [
                        for a in some -> Html.plain "li" [ Html.link a.Link [ Words a.Msc ]; Words(" " + a.Title) ]
                    ]
            ]
            Html.plain "td" [
                match
                    diffs
                    |> List.tryFind (fun (a, b) -> b.Id = version.Id && version.Parent = Some a.Id)
                with
                | Some(a, b) -> Html.link (Pieces.diffFile a b) [ Words("from " + a.Id) ]
                | None ->
                    Words(
                        version.Parent
                        |> Option.map (fun p -> "based on " + p)
                        |> Option.defaultValue "—"
                    )
            ]
        ]

    let private cell (counts: Map<string * string, int>) (a: RoomVersion) (b: RoomVersion) : Html =
        match counts.TryFind(a.Id, b.Id) with
        | None -> Html.plain "td" []
        | Some n ->
            let words = "From " + a.Id + " to " + b.Id + ": " + string n + " rows"

            Html.plain "td" [
                Html.element "a" [ "href", Pieces.diffFile a b; "aria-label", words; "title", words ] [
                    Words(string n)
                ]
            ]

    let private matrix (versions: RoomVersion list) (counts: Map<string * string, int>) : Html =
        let older =
            versions
            |> List.filter (fun a -> counts |> Map.exists (fun (x, _) _ -> x = a.Id))

        let newer =
            versions
            |> List.filter (fun b -> counts |> Map.exists (fun (_, y) _ -> y = b.Id))

        Html.element "div" [
            "class", "wide"
            "role", "region"
            "aria-label", "Differences"
            "tabindex", "0"
        ] [
            Html.classed "table" "matrix" [
                Html.plain "caption" [
                    Words "The number of rows that differ, from the version on the left to the one on top."
                ]
                Html.plain "thead" [
                    Html.plain "tr" [
                        head "col" [ Words "From" ]
                        for b in newer do
                            head "col" [ Words(Pieces.shortName b) ]
                    ]
                ]
                Html.plain "tbody" [
                    for a in older ->
                        Html.plain "tr" [
                            head "row" [ Words(Pieces.shortName a) ]
                            for b in newer do
                                cell counts a b
                        ]
                ]
            ]
        ]

    let private shared (versions: RoomVersion list) : Html =
        Html.classed "table" "shared" [
            Html.plain "caption" [ Words "The tables of the stable versions, compared." ]
            Html.plain "thead" [
                Html.plain "tr" [
                    head "col" [ Words "Table" ]
                    head "col" [ Words "Distinct" ]
                    head "col" [ Words "Shared by" ]
                ]
            ]
            Html.plain "tbody" [
                for t in Family.sharedTables versions ->
                    Html.plain "tr" [
                        head "row" [ Words t.Title ]
                        Html.plain "td" [ Words(string t.Groups.Length) ]
                        Html.plain "td" [
                            for i, group in List.indexed t.Groups do
                                if i > 0 then
                                    Words " "

                                Html.classed "span" "group" [ Words(String.concat ", " group) ]
                        ]
                    ]
            ]
        ]

    /// The page; `counts` has the number of differing rows of each pair with a page.
    let write (versions: RoomVersion list) (diffs: (RoomVersion * RoomVersion) list) : string =
        let counts =
            Map [
                for a, b in diffs ->
                    (a.Id, b.Id), (Difference.between Areas.all a b).Areas |> List.sumBy _.Changes.Length
            ]

        Pieces.page "The room versions of Matrix" versions [
            Html.plain "h1" [ Words "The room versions of Matrix" ]
            Html.classed "p" "lead" [
                Words
                    "Every rule of every room version: its text, its outcome, the proposals that changed it, and the \
                     smallest case in which two versions disagree."
            ]
            Html.classed "div" "columns" [
                Html.element "section" [ "aria-labelledby", "family-heading" ] [
                    Html.element "h2" [ "id", "family-heading" ] [ Words "The family" ]
                    Html.classed "div" "picture family" [ FamilyPicture.draw Pieces.versionFile versions ]
                ]
                Html.plain "div" [
                    Html.plain "h2" [ Words "Every difference" ]
                    if diffs.IsEmpty then
                        Html.plain "p" [ Words "Nothing to compare." ]
                    else
                        matrix versions counts

                    Html.plain "h2" [ Words "What they share" ]
                    shared (versions |> List.filter (fun v -> v.Stability = Stability.Stable))
                ]
            ]
            Html.plain "h2" [ Words "The versions" ]
            Html.classed "table" "versions" [
                Html.plain "caption" [ Words "Each version is its parent plus its amendments." ]
                Html.plain "thead" [
                    Html.plain "tr" [
                        head "col" [ Words "Version" ]
                        head "col" [ Words "Amends" ]
                        head "col" [ Words "Difference" ]
                    ]
                ]
                Html.plain "tbody" (versions |> List.map (versionRow diffs))
            ]
        ]
