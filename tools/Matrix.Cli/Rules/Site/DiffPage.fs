namespace Matrix.Cli.Rules.Site

open Giraffe.ViewEngine
open Giraffe.ViewEngine.Accessibility
open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Core.Json
open Matrix.Properties.SmallWorlds
open Matrix.Cli.Output

/// The page of the differences between two versions, with their witnesses.
[<RequireQualifiedAccess>]
module internal DiffPage =

    let private side (version: RoomVersion) (row: Row option) : XmlNode =
        div [ _class "side" ] [
            h4 [] [
                match row with
                | None -> str ("Room version " + version.Id)
                | Some r ->
                    Pieces.linkTo (Pieces.versionFile version + "#" + Pieces.anchor r) [
                        str ("Room version " + version.Id + (if r.Number = "" then "" else ", " + r.Number))
                    ]
            ]
            match row with
            | None -> p [ _class "none" ] [ str "Nothing." ]
            | Some r ->
                p [] [ str r.Text ]
                yield! Pieces.decision r
        ]

    let private outcome (style: string) (head: string) (words: XmlNode list) =
        div [] [ dt [ _class style ] [ str head ]; dd [] words ]

    let private said (decided: Matrix.Core.Auth.Decision) (version: RoomVersion) =
        outcome (if decided.IsOk then "good" else "bad") (version.Id + " " + Cases.verb decided + " it") [
            str (Cases.why version decided)
        ]

    let private json (o: JsonObject) =
        Pieces.code (CanonicalJson.text (Json.Object o))

    let private witness (id: string) (a: RoomVersion) (b: RoomVersion) (shown: ShownCase option) : XmlNode =
        match shown with
        | None -> p [ _class "none" ] [ str Cases.nothing ]
        | Some(ShownCase.InWords(given, first, second)) ->
            figure [ _class "case" ] [
                figcaption [] [ str ("Given " + given + ":") ]
                dl [] [ outcome "" a.Id [ str first ]; outcome "" b.Id [ str second ] ]
            ]
        | Some(ShownCase.Resolved apart) ->
            let given, first, second = apart.Words

            figure [ _class "case drawn" ] [
                figcaption [] [ strong [] [ str "The smallest room that shows it: " ]; str (given + ".") ]
                div [ _class "picture" ] [ RoomPicture.draw id a b apart ]
                div [ _class "told" ] [ dl [] [ outcome "" a.Id [ str first ]; outcome "" b.Id [ str second ] ] ]
            ]
        | Some(ShownCase.Redacted(event, first, second)) ->
            figure [ _class "case" ] [
                figcaption [] [ str "What redaction leaves of "; json event ]
                dl [] [ outcome "" a.Id [ json first ]; outcome "" b.Id [ json second ] ]
            ]
        | Some(ShownCase.Decided apart) ->
            figure [ _class "case drawn" ] [
                figcaption [] [
                    strong [] [ str "The smallest case that shows it: " ]
                    str (Cases.words apart + ".")
                    if apart.IsSameVerdict then
                        str " Both have the same verdict, for different reasons."
                ]
                div [ _class "picture" ] [ CasePicture.draw id a b apart ]
                div [ _class "told" ] [
                    dl [] [ said apart.FirstDecision a; said apart.SecondDecision b ]
                    details [] [
                        summary [] [ str "The event and the state" ]
                        ul [] [
                            for line in
                                Cases.lines a b shown
                                |> List.filter (fun l -> l.StartsWith "event: " || l.StartsWith "state: ") do
                                li [] [ Pieces.code (line.Substring 7) ]

                            for line in Cases.facts apart.Second do
                                li [] [ str ("The event in " + b.Id + ": " + line + ".") ]
                        ]
                    ]
                ]
            ]

    let private change
        (d: AreaDifference)
        (a: RoomVersion)
        (b: RoomVersion)
        (shown: Row -> ShownCase option)
        (change: RowChange)
        : XmlNode =
        let row = RowChanges.row change

        let before, after =
            match change with
            | RowChange.Added after -> None, Some after
            | RowChange.Removed before -> Some before, None
            | RowChange.Changed(before, after)
            | RowChange.Reworded(before, after)
            | RowChange.Moved(before, after) -> Some before, Some after

        let kind = Prose.kind change

        article [ _id (Pieces.anchor row); _class ("change " + kind.Replace(' ', '-')) ] [
            h3 [] [
                Pieces.code row.Id
                str " "
                span [ _class ("kind " + kind.Replace(' ', '-')) ] [ str kind ]
                match Pieces.proposals (d.Amendments |> Map.tryFind row.Id |> Option.defaultValue []) with
                | [] -> ()
                | some ->
                    str " "
                    span [ _class "by" ] (Pieces.separated ", " some)
            ]
            div [ _class "sides" ] [ side a before; side b after ]
            if not (RowChanges.isWordingOnly change) then
                witness ("case-" + Pieces.anchor row) a b (shown row)
        ]

    let private area (a: RoomVersion) (b: RoomVersion) (shown: Row -> ShownCase option) (d: AreaDifference) : XmlNode =
        let id = Areas.name d.Area

        section [ _id id; _ariaLabelledBy (id + "-heading") ] [
            h2 [ _id (id + "-heading") ] [ str (Areas.title d.Area) ]
            if not d.Changes.IsEmpty then
                p [ _class "sources" ] [ str (Prose.tally d.Changes + ".") ]

            yield! d.Changes |> List.map (change d a b shown)

            match Prose.renumbered d with
            | "" -> ()
            | words -> p [ _class "renumbered" ] [ str words ]
        ]

    /// The page; `versions` are those of the site.
    let write (versions: RoomVersion list) (a: RoomVersion) (b: RoomVersion) : string =
        let difference = Difference.between Areas.all a b
        let shown = Cases.byRow (Differences.search Areas.all a b)
        let title = "From room version " + a.Id + " to " + b.Id
        let drawn = difference.Areas |> List.exists (fun d -> d.Area = Area.Authorization)

        Pieces.page title versions [
            h1 [] [ str title ]
            p [ _class "lead" ] [
                str "Compared: "
                Pieces.linkTo (Pieces.versionFile a) [ str ("room version " + a.Id) ]
                str " and "
                Pieces.linkTo (Pieces.versionFile b) [ str ("room version " + b.Id) ]
                str "."
            ]

            if difference.Areas.IsEmpty then
                p [] [ str "No row differs." ]
            else
                h2 [] [ str "Where they differ" ]

                ul [ _class "inline" ] [
                    for d in difference.Areas ->
                        li [] [
                            Pieces.linkTo ("#" + Areas.name d.Area) [ str (Areas.title d.Area) ]
                            str (
                                match d.Changes with
                                | [] -> " (numbers only)"
                                | some -> " (" + string some.Length + ")"
                            )
                        ]
                ]

            if not difference.Amendments.IsEmpty then
                h2 [] [ str "Amendments of only one of them" ]
                Pieces.amendments difference.Amendments

            if drawn then
                p [ _class "legend" ] [
                    str
                        "In the pictures, the event to decide is below and the state above it. Solid lines lead to its \
                         auth events, dotted lines to auth events of only one version, dashed lines to its previous \
                         events."
                ]

            yield! difference.Areas |> List.map (area a b shown)
        ]
