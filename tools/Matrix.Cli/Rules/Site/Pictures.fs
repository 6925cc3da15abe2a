namespace Matrix.Cli.Rules.Site

open Giraffe.ViewEngine
open Giraffe.ViewEngine.Accessibility
open System.Globalization
open Matrix.Rules
open Matrix.Rules.Printing

/// Shapes of pictures. Sizes are in pixels of a picture that is 372 wide, which fits a phone.
[<RequireQualifiedAccess>]
module internal Svg =

    /// The width of every picture.
    let width = 372

    /// A number as SVG writes it.
    let number (value: int) : string =
        value.ToString CultureInfo.InvariantCulture

    /// Cuts a text to a number of characters.
    let cut (length: int) (text: string) : string =
        if text.Length <= length then
            text
        else
            text.Substring(0, length - 1) + "…"

    /// Text at a point.
    let text (style: string) (x: int) (y: int) (words: string) : XmlNode =
        tag "text" [ _class style; attr "x" (number x); attr "y" (number y) ] [ str words ]

    /// A rectangle with round corners.
    let box (style: string) (x: int) (y: int) (width: int) (height: int) : XmlNode =
        tag "rect" [
            _class style
            attr "x" (number x)
            attr "y" (number y)
            attr "width" (number width)
            attr "height" (number height)
            attr "rx" "5"
        ] []

    /// A line along a path.
    let path (style: string) (commands: string) : XmlNode =
        tag "path" [ _class style; attr "d" commands ] []

    /// The tip of an arrow that points left (-1) or right (1) at a point.
    let tip (style: string) (direction: int) (x: int) (y: int) : XmlNode =
        let back = x - 6 * direction
        tag "polygon" [ _class style; attr "points" $"{x},{y} {back},{y - 4} {back},{y + 4}" ] []

    /// A picture with its title, and its description for screen readers.
    let picture (id: string) (height: int) (title: string) (description: string) (inside: XmlNode list) : XmlNode =
        tag
            "svg"
            [
                _roleImg
                attr "viewBox" $"0 0 {width} {height}"
                _ariaLabelledBy $"{id}-title {id}-text"
            ]
            (HtmlElements.title [ _id (id + "-title") ] [ str title ]
             :: tag "desc" [ _id (id + "-text") ] [ str description ]
             :: inside)

/// The tree of versions.
[<RequireQualifiedAccess>]
module internal FamilyPicture =

    let private lineHeight = 17

    /// Every version below its parent, with its amendments.
    let draw (addressOf: RoomVersion -> string) (versions: RoomVersion list) : XmlNode =
        let branch (version: RoomVersion) =
            match version.Stability with
            | Stability.Stable -> 0
            | Stability.Unstable -> 1

        let said (version: RoomVersion) = [
            for a in version.Amendments do
                yield! Prose.wrap 44 (a.Msc + " " + a.Title)
        ]

        let placed =
            versions
            |> List.mapFold
                (fun top version ->
                    let said = said version
                    (version, 14 + 24 * branch version, top + 14, said), top + 34 + lineHeight * said.Length)
                4
            |> fst

        let bottom =
            let _, _, y, said = List.last placed
            y + 12 + lineHeight * said.Length

        let placeOf = dict [ for version, x, y, _ in placed -> version.Id, (x, y) ]

        let edges = [
            for version, x, y, _ in placed do
                match version.Parent with
                | Some parent when placeOf.ContainsKey parent ->
                    let px, py = placeOf[parent]

                    if px = x then
                        Svg.path "edge" $"M{px} {py}V{y}"
                    else
                        Svg.path "edge branch" $"M{px} {py}Q{x} {py} {x} {py + 24}V{y}"
                | _ -> ()
        ]

        let nodes = [
            for version, x, y, said in placed do
                tag "circle" [
                    _class (if branch version = 0 then "stable" else "unstable")
                    attr "cx" (Svg.number x)
                    attr "cy" (Svg.number y)
                    attr "r" "7"
                ] []

                a [ _href (addressOf version) ] [
                    Svg.text
                        "head"
                        56
                        (y + 5)
                        (if branch version = 0 then
                             "Room version " + version.Id
                         else
                             version.Id)
                ]

                for i, line in List.indexed said do
                    Svg.text "small" 56 (y + 5 + lineHeight * (i + 1)) line
        ]

        let description =
            versions
            |> List.map (fun v ->
                match v.Parent with
                | Some parent -> v.Id + " is based on " + parent
                | None -> v.Id + " is the root")
            |> String.concat "; "

        Svg.picture "family" bottom "The family tree of room versions" (description + ".") (edges @ nodes)
