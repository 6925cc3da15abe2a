/// Pieces that the pages of the site share.
module internal Matrix.Cli.Rules.Site.Pieces

open Giraffe.ViewEngine
open Giraffe.ViewEngine.Accessibility
open Matrix.Rules
open Matrix.Rules.Printing

/// The file of a version.
let versionFile (version: RoomVersion) = "version-" + version.Id + ".html"

/// The file of the claims about a version.
let claimsFile (version: RoomVersion) = "claims-" + version.Id + ".html"

/// The file of a difference.
let diffFile (a: RoomVersion) (b: RoomVersion) =
    "diff-" + a.Id + "-to-" + b.Id + ".html"

/// The anchor of a row on its version's page.
let anchor (row: Row) = Areas.name row.Area + "-" + row.Id

/// A short name: `11`, or `owned-state` for an unstable version.
let shortName (version: RoomVersion) = version.Id.Split '.' |> Array.last

/// A link. Pages use it where a version is named `a`.
let linkTo (address: string) (inside: XmlNode list) : XmlNode = a [ _href address ] inside

/// A `code` element.
let code (text: string) : XmlNode = code [] [ str text ]

/// Pieces with separators.
let separated (between: string) (pieces: XmlNode list) : XmlNode list =
    pieces
    |> List.mapi (fun i piece -> if i = 0 then [ piece ] else [ str between; piece ])
    |> List.concat

/// The sources of an area's rows: links to pages of the specification, names of files in the repository.
let sources (rows: Row list) : XmlNode list =
    rows
    |> List.map _.Link
    |> List.distinct
    |> List.map (fun address ->
        if address.StartsWith "http" then
            let section = address.Substring(address.IndexOf '#' + 1)
            let page = address.Substring(0, address.IndexOf "/#").Split '/' |> Array.last
            linkTo address [ str (page + ", " + section.Replace('-', ' ')) ]
        else
            code address)

/// Links to proposals.
let proposals (amendments: Amendment list) : XmlNode list =
    amendments
    |> List.distinctBy _.Msc
    |> List.map (fun amendment -> a [ _href amendment.Link; _title amendment.Title ] [ str amendment.Msc ])

/// Amendments, each with its reason.
let amendments (all: Amendment list) : XmlNode =
    ul [ _class "amendments" ] [
        for a in all ->
            li [] [
                p [] [ linkTo a.Link [ str a.Msc ]; str " "; strong [] [ str (a.Title + ".") ] ]
                p [] [ str a.Why ]
            ]
    ]

let private badge (outcome: string) =
    let style = if outcome = "allow" then "good" else "bad"
    span [ _class ("badge " + style) ] [ str outcome ]

/// A row's condition and outcome.
let decision (row: Row) : XmlNode list =
    match row.When, row.Outcome, row.Reason, row.Value with
    | "", "", _, "" -> []
    | condition, outcome, reason, value -> [
        p [ _class "decides" ] [
            if condition <> "" then
                str (condition + (if outcome = "" && value = "" then "" else ": "))

            match outcome, reason with
            | "", _ -> span [ _class "value" ] [ str value ]
            | outcome, "" -> badge outcome
            | "reject", reason ->
                badge outcome
                str (" " + reason)
            | outcome, reason ->
                badge outcome
                str ", else "
                badge "reject"
                str (" " + reason)
        ]
      ]

/// A whole page.
let page (title: string) (versions: RoomVersion list) (inside: XmlNode list) : string =
    RenderView.AsString.htmlDocument (
        html [ _lang "en" ] [
            head [] [
                meta [ _charset "utf-8" ]
                meta [ _name "viewport"; _content "width=device-width, initial-scale=1" ]
                meta [ _name "color-scheme"; _content "light dark" ]
                HtmlElements.title [] [ str title ]
                link [ _rel "stylesheet"; _href "site.css" ]
            ]
            body [] [
                a [ _class "skip"; _href "#content" ] [ str "To the content" ]
                header [] [
                    nav [ _ariaLabel "Room versions" ] [
                        a [ _class "home"; _href "index.html" ] [ str "Room versions" ]
                        for v in versions do
                            str " "

                            a [ _href (versionFile v); _title ("Room version " + v.Id) ] [ str (shortName v) ]
                    ]
                ]
                main [ _id "content" ] inside
                footer [] [
                    p [] [
                        str "Written by "
                        code "mx rules html"
                        str (" from the rules that the server runs. The words are ours; the normative text is ")
                        linkTo ("https://spec.matrix.org/" + Links.release + "/rooms/") [
                            str ("Matrix " + Links.release)
                        ]
                        str "."
                    ]
                ]
            ]
        ]
    )
