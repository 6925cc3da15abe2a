namespace Matrix.Cli.Rules.Site

open System.Text

/// A piece of a page. The output is always well formed.
type internal Html =
    | Element of name: string * attributes: (string * string) list * inside: Html list
    | Words of string

[<RequireQualifiedAccess>]
module internal Html =

    let private isVoid name =
        List.contains name [ "meta"; "link"; "br" ]

    /// Elements after which a line may end, because white space makes no difference there.
    let private isBlock name =
        not (
            List.contains name [
                "a"
                "code"
                "span"
                "strong"
                "pre"
                "text"
                "title"
                "desc"
                "br"
                "summary"
                "dt"
                "dd"
            ]
        )

    let private escape (text: string) =
        text.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;").Replace("\"", "&quot;")

    let rec private append (out: StringBuilder) (html: Html) =
        match html with
        | Words text -> out.Append(escape text) |> ignore
        | Element(name, attributes, inside) ->
            out.Append('<').Append(name) |> ignore

            for key, value in attributes do
                out.Append(' ').Append(key).Append("=\"").Append(escape value).Append('"')
                |> ignore

            out.Append '>' |> ignore

            for piece in inside do
                append out piece

            if not (isVoid name) then
                out.Append("</").Append(name).Append('>') |> ignore

            if isBlock name then
                out.Append '\n' |> ignore

    /// A whole document.
    let document (html: Html) : string =
        let out = StringBuilder "<!DOCTYPE html>\n"
        append out html
        out.ToString()

    /// An element with attributes.
    let element name attributes inside = Element(name, attributes, inside)

    /// An element without attributes.
    let plain name inside = Element(name, [], inside)

    /// An element with a class.
    let classed name style inside =
        Element(name, [ "class", style ], inside)

    /// A link.
    let link address inside =
        Element("a", [ "href", address ], inside)

    /// A `code` element.
    let code text = Element("code", [], [ Words text ])

    /// Pieces with separators.
    let separated (between: string) (pieces: Html list) : Html list =
        pieces
        |> List.mapi (fun i piece -> if i = 0 then [ piece ] else [ Words between; piece ])
        |> List.concat
