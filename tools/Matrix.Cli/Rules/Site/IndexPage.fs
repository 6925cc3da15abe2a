namespace Matrix.Cli.Rules.Site

open Giraffe.ViewEngine
open Giraffe.ViewEngine.Accessibility
open Matrix.Rules
open Matrix.Rules.Printing

/// The first page: the family of versions, the tables that they share, and every difference.
[<RequireQualifiedAccess>]
module internal IndexPage =

    let private head (scope: string) (inside: XmlNode list) = th [ _scope scope ] inside

    let private versionRow (diffs: (RoomVersion * RoomVersion) list) (version: RoomVersion) : XmlNode =
        tr [] [
            head "row" [ Pieces.linkTo (Pieces.versionFile version) [ str version.Id ] ]
            td [] [
                match version.Amendments with
                | [] -> str "The root of all versions."
                | some ->
                    ul [ _class "bare" ] [
                        for a in some -> li [] [ Pieces.linkTo a.Link [ str a.Msc ]; str (" " + a.Title) ]
                    ]
            ]
            td [] [
                match
                    diffs
                    |> List.tryFind (fun (a, b) -> b.Id = version.Id && version.Parent = Some a.Id)
                with
                | Some(a, b) -> Pieces.linkTo (Pieces.diffFile a b) [ str ("from " + a.Id) ]
                | None ->
                    str (
                        version.Parent
                        |> Option.map (fun p -> "based on " + p)
                        |> Option.defaultValue "—"
                    )
            ]
        ]

    let private cell (counts: Map<string * string, int>) (older: RoomVersion) (newer: RoomVersion) : XmlNode =
        match counts.TryFind(older.Id, newer.Id) with
        | None -> td [] []
        | Some n ->
            let words = "From " + older.Id + " to " + newer.Id + ": " + string n + " rows"

            td [] [
                a [ _href (Pieces.diffFile older newer); _ariaLabel words; _title words ] [ str (string n) ]
            ]

    let private matrix (versions: RoomVersion list) (counts: Map<string * string, int>) : XmlNode =
        let older =
            versions
            |> List.filter (fun a -> counts |> Map.exists (fun (x, _) _ -> x = a.Id))

        let newer =
            versions
            |> List.filter (fun b -> counts |> Map.exists (fun (_, y) _ -> y = b.Id))

        div [ _class "wide"; _roleRegion; _ariaLabel "Differences"; _tabindex "0" ] [
            table [ _class "matrix" ] [
                caption [] [
                    str "The number of rows that differ, from the version on the left to the one on top."
                ]
                thead [] [
                    tr [] [
                        head "col" [ str "From" ]
                        for b in newer do
                            head "col" [ str (Pieces.shortName b) ]
                    ]
                ]
                tbody [] [
                    for a in older ->
                        tr [] [
                            head "row" [ str (Pieces.shortName a) ]
                            for b in newer do
                                cell counts a b
                        ]
                ]
            ]
        ]

    let private shared (versions: RoomVersion list) : XmlNode =
        table [ _class "shared" ] [
            caption [] [ str "The tables of the stable versions, compared." ]
            thead [] [
                tr [] [
                    head "col" [ str "Table" ]
                    head "col" [ str "Distinct" ]
                    head "col" [ str "Shared by" ]
                ]
            ]
            tbody [] [
                for t in Family.sharedTables versions ->
                    tr [] [
                        head "row" [ str t.Title ]
                        td [] [ str (string t.Groups.Length) ]
                        td [] [
                            for i, group in List.indexed t.Groups do
                                if i > 0 then
                                    str " "

                                span [ _class "group" ] [ str (String.concat ", " group) ]
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
            h1 [] [ str "The room versions of Matrix" ]
            p [ _class "lead" ] [
                str
                    "Every rule of every room version: its text, its outcome, the proposals that changed it, and the \
                     smallest case in which two versions disagree."
            ]
            div [ _class "columns" ] [
                section [ _ariaLabelledBy "family-heading" ] [
                    h2 [ _id "family-heading" ] [ str "The family" ]
                    div [ _class "picture family" ] [ FamilyPicture.draw Pieces.versionFile versions ]
                ]
                div [] [
                    h2 [] [ str "Every difference" ]
                    if diffs.IsEmpty then
                        p [] [ str "Nothing to compare." ]
                    else
                        matrix versions counts

                    h2 [] [ str "What they share" ]
                    shared (versions |> List.filter (fun v -> v.Stability = Stability.Stable))
                ]
            ]
            h2 [] [ str "The versions" ]
            table [ _class "versions" ] [
                caption [] [ str "Each version is its parent plus its amendments." ]
                thead [] [
                    tr [] [
                        head "col" [ str "Version" ]
                        head "col" [ str "Amends" ]
                        head "col" [ str "Difference" ]
                    ]
                ]
                tbody [] (versions |> List.map (versionRow diffs))
            ]
        ]
