/// Pieces that the pages of the site share.
module internal Matrix.Cli.Rules.Site.Pieces

open Matrix.Rules
open Matrix.Rules.Printing

/// The file of a version.
let versionFile (version: RoomVersion) = "version-" + version.Id + ".html"

/// The file of a difference.
let diffFile (a: RoomVersion) (b: RoomVersion) =
    "diff-" + a.Id + "-to-" + b.Id + ".html"

/// The anchor of a row on its version's page.
let anchor (row: Row) = Areas.name row.Area + "-" + row.Id

/// A short name: `11`, or `owned-state` for an unstable version.
let shortName (version: RoomVersion) = version.Id.Split '.' |> Array.last

/// The sources of an area's rows: links to pages of the specification, names of files in the repository.
let sources (rows: Row list) : Html list =
    rows
    |> List.map _.Link
    |> List.distinct
    |> List.map (fun address ->
        if address.StartsWith "http" then
            let section = address.Substring(address.IndexOf '#' + 1)
            let page = address.Substring(0, address.IndexOf "/#").Split '/' |> Array.last
            Html.link address [ Words(page + ", " + section.Replace('-', ' ')) ]
        else
            Html.code address)

/// Links to proposals.
let proposals (amendments: Amendment list) : Html list =
    amendments
    |> List.distinctBy _.Msc
    |> List.map (fun a -> Html.element "a" [ "href", a.Link; "title", a.Title ] [ Words a.Msc ])

/// Amendments, each with its reason.
let amendments (all: Amendment list) : Html =
    Html.classed "ul" "amendments" [
        for a in all ->
            Html.plain "li" [
                Html.plain "p" [
                    Html.link a.Link [ Words a.Msc ]
                    Words " "
                    Html.plain "strong" [ Words(a.Title + ".") ]
                ]
                Html.plain "p" [ Words a.Why ]
            ]
    ]

let private badge (outcome: string) =
    let style = if outcome = "allow" then "good" else "bad"
    Html.classed "span" ("badge " + style) [ Words outcome ]

/// A row's condition and outcome.
let decision (row: Row) : Html list =
    match row.When, row.Outcome, row.Reason, row.Value with
    | "", "", _, "" -> []
    | condition, outcome, reason, value -> [
        Html.classed "p" "decides" [
            if condition <> "" then
                Words(condition + (if outcome = "" && value = "" then "" else ": "))

            match outcome, reason with
            | "", _ -> Html.classed "span" "value" [ Words value ]
            | outcome, "" -> badge outcome
            | "reject", reason ->
                badge outcome
                Words(" " + reason)
            | outcome, reason ->
                badge outcome
                Words ", else "
                badge "reject"
                Words(" " + reason)
        ]
      ]

/// A whole page.
let page (title: string) (versions: RoomVersion list) (inside: Html list) : string =
    Html.document (
        Html.element "html" [ "lang", "en" ] [
            Html.plain "head" [
                Html.element "meta" [ "charset", "utf-8" ] []
                Html.element "meta" [ "name", "viewport"; "content", "width=device-width, initial-scale=1" ] []
                Html.element "meta" [ "name", "color-scheme"; "content", "light dark" ] []
                Element("title", [], [ Words title ])
                Html.element "link" [ "rel", "stylesheet"; "href", "site.css" ] []
            ]
            Html.plain "body" [
                Html.element "a" [ "class", "skip"; "href", "#content" ] [ Words "To the content" ]
                Html.plain "header" [
                    Html.element "nav" [ "aria-label", "Room versions" ] [
                        Html.element "a" [ "class", "home"; "href", "index.html" ] [ Words "Room versions" ]
                        for v in versions do
                            Words " "

                            Html.element "a" [ "href", versionFile v; "title", "Room version " + v.Id ] [
                                Words(shortName v)
                            ]
                    ]
                ]
                Html.element "main" [ "id", "content" ] inside
                Html.plain "footer" [
                    Html.plain "p" [
                        Words "Written by "
                        Html.code "mx rules html"
                        Words(" from the rules that the server runs. The words are ours; the normative text is ")
                        Html.link ("https://spec.matrix.org/" + Links.release + "/rooms/") [
                            Words("Matrix " + Links.release)
                        ]
                        Words "."
                    ]
                ]
            ]
        ]
    )
