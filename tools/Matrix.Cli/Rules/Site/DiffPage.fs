namespace Matrix.Cli.Rules.Site

open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Core.Json
open Matrix.Properties.SmallWorlds
open Matrix.Cli.Output

/// The page of the differences between two versions, with their witnesses.
[<RequireQualifiedAccess>]
module internal DiffPage =

    let private side (version: RoomVersion) (row: Row option) : Html =
        Html.classed "div" "side" [
            Html.plain "h4" [
                match row with
                | None -> Words("Room version " + version.Id)
                | Some r ->
                    Html.link (Pieces.versionFile version + "#" + Pieces.anchor r) [
                        Words("Room version " + version.Id + (if r.Number = "" then "" else ", " + r.Number))
                    ]
            ]
            match row with
            | None -> Html.classed "p" "none" [ Words "Nothing." ]
            | Some r ->
                Html.plain "p" [ Words r.Text ]
                yield! Pieces.decision r
        ]

    let private outcome (style: string) (head: string) (words: Html list) =
        Html.plain "div" [ Html.classed "dt" style [ Words head ]; Html.plain "dd" words ]

    let private said (decided: Matrix.Core.Auth.Decision) (version: RoomVersion) =
        outcome (if decided.IsOk then "good" else "bad") (version.Id + " " + Cases.verb decided + " it") [
            Words(Cases.why version decided)
        ]

    let private json (o: JsonObject) =
        Html.code (CanonicalJson.text (Json.Object o))

    let private witness (id: string) (a: RoomVersion) (b: RoomVersion) (shown: Shown option) : Html =
        match shown with
        | None -> Html.classed "p" "none" [ Words Cases.nothing ]
        | Some(Shown.InWords(given, first, second)) ->
            Html.classed "figure" "case" [
                Html.plain "figcaption" [ Words("Given " + given + ":") ]
                Html.plain "dl" [ outcome "" a.Id [ Words first ]; outcome "" b.Id [ Words second ] ]
            ]
        | Some(Shown.Resolved apart) ->
            let given, first, second = apart.Words

            Html.classed "figure" "case drawn" [
                Html.plain "figcaption" [
                    Html.plain "strong" [ Words "The smallest room that shows it: " ]
                    Words(given + ".")
                ]
                Html.classed "div" "picture" [ RoomPicture.draw id a b apart ]
                Html.classed "div" "told" [
                    Html.plain "dl" [ outcome "" a.Id [ Words first ]; outcome "" b.Id [ Words second ] ]
                ]
            ]
        | Some(Shown.Redacted(event, first, second)) ->
            Html.classed "figure" "case" [
                Html.plain "figcaption" [ Words "What redaction leaves of "; json event ]
                Html.plain "dl" [ outcome "" a.Id [ json first ]; outcome "" b.Id [ json second ] ]
            ]
        | Some(Shown.Decided apart) ->
            Html.classed "figure" "case drawn" [
                Html.plain "figcaption" [
                    Html.plain "strong" [ Words "The smallest case that shows it: " ]
                    Words(Cases.words apart + ".")
                    if apart.IsSameVerdict then
                        Words " Both have the same verdict, for different reasons."
                ]
                Html.classed "div" "picture" [ CasePicture.draw id a b apart ]
                Html.classed "div" "told" [
                    Html.plain "dl" [ said apart.FirstDecision a; said apart.SecondDecision b ]
                    Html.plain "details" [
                        Html.plain "summary" [ Words "The event and the state" ]
                        Html.plain "ul" [
                            for line in
                                Cases.lines a b shown
                                |> List.filter (fun l -> l.StartsWith "event: " || l.StartsWith "state: ") do
                                Html.plain "li" [ Html.code (line.Substring 7) ]

                            for line in Cases.facts apart.Second do
                                Html.plain "li" [ Words("The event in " + b.Id + ": " + line + ".") ]
                        ]
                    ]
                ]
            ]

    let private change
        (d: AreaDifference)
        (a: RoomVersion)
        (b: RoomVersion)
        (shown: Row -> Shown option)
        (change: RowChange)
        : Html =
        let row = RowChanges.row change

        let before, after =
            match change with
            | RowChange.Added after -> None, Some after
            | RowChange.Removed before -> Some before, None
            | RowChange.Changed(before, after)
            | RowChange.Reworded(before, after)
            | RowChange.Moved(before, after) -> Some before, Some after

        let kind = Prose.kind change

        Html.element "article" [ "id", Pieces.anchor row; "class", "change " + kind.Replace(' ', '-') ] [
            Html.plain "h3" [
                Html.code row.Id
                Words " "
                Html.classed "span" ("kind " + kind.Replace(' ', '-')) [ Words kind ]
                match Pieces.proposals (d.Amendments |> Map.tryFind row.Id |> Option.defaultValue []) with
                | [] -> ()
                | some ->
                    Words " "
                    Html.classed "span" "by" (Html.separated ", " some)
            ]
            Html.classed "div" "sides" [ side a before; side b after ]
            if not (RowChanges.isWordingOnly change) then
                witness ("case-" + Pieces.anchor row) a b (shown row)
        ]

    let private area (a: RoomVersion) (b: RoomVersion) (shown: Row -> Shown option) (d: AreaDifference) : Html =
        let id = Areas.name d.Area

        Html.element "section" [ "id", id; "aria-labelledby", id + "-heading" ] [
            Html.element "h2" [ "id", id + "-heading" ] [ Words(Areas.title d.Area) ]
            if not d.Changes.IsEmpty then
                Html.classed "p" "sources" [ Words(Prose.tally d.Changes + ".") ]

            yield! d.Changes |> List.map (change d a b shown)

            match Prose.renumbered d with
            | "" -> ()
            | words -> Html.classed "p" "renumbered" [ Words words ]
        ]

    /// The page; `versions` are those of the site.
    let write (versions: RoomVersion list) (a: RoomVersion) (b: RoomVersion) : string =
        let difference = Difference.between Areas.all a b
        let shown = Cases.byRow (Differences.search Areas.all a b)
        let title = "From room version " + a.Id + " to " + b.Id
        let drawn = difference.Areas |> List.exists (fun d -> d.Area = Area.Authorization)

        Pieces.page title versions [
            Html.plain "h1" [ Words title ]
            Html.classed "p" "lead" [
                Words "Compared: "
                Html.link (Pieces.versionFile a) [ Words("room version " + a.Id) ]
                Words " and "
                Html.link (Pieces.versionFile b) [ Words("room version " + b.Id) ]
                Words "."
            ]

            if difference.Areas.IsEmpty then
                Html.plain "p" [ Words "No row differs." ]
            else
                Html.plain "h2" [ Words "Where they differ" ]

                Html.classed "ul" "inline" [
                    for d in difference.Areas ->
                        Html.plain "li" [
                            Html.link ("#" + Areas.name d.Area) [ Words(Areas.title d.Area) ]
                            Words(
                                match d.Changes with
                                | [] -> " (numbers only)"
                                | some -> " (" + string some.Length + ")"
                            )
                        ]
                ]

            if not difference.Amendments.IsEmpty then
                Html.plain "h2" [ Words "Amendments of only one of them" ]
                Pieces.amendments difference.Amendments

            if drawn then
                Html.classed "p" "legend" [
                    Words
                        "In the pictures, the event to decide is below and the state above it. Solid lines lead to its \
                         auth events, dotted lines to auth events of only one version, dashed lines to its previous \
                         events."
                ]

            yield! difference.Areas |> List.map (area a b shown)
        ]
