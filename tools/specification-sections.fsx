// Makes the list of the specification's sections, `document#anchor` as https://spec.matrix.org has them, from a copy of
// https://github.com/matrix-org/matrix-spec at the tag of the release:
//
//     cd tests/Matrix.Cli.Tests/Architecture/Specification
//     dotnet fsi ../../../../tools/specification-sections.fsx MATRIX-SPEC all > sections.txt
//     dotnet fsi ../../../../tools/specification-sections.fsx MATRIX-SPEC required > required.txt
//
// The second is the part that the code of a homeserver must name. Only headings, paths and names are read.

open System
open System.Collections.Generic
open System.IO
open System.Text
open System.Text.RegularExpressions

let folder, wanted =
    match fsi.CommandLineArgs with
    | [| _; folder; ("all" | "required") as wanted |] -> folder, wanted
    | _ -> failwith "Give the folder of the specification, and `all` or `required`."

let content = Path.Combine(folder, "content")
let data = Path.Combine(folder, "data")

/// What a section is, as far as it matters for what must be named.
type Kind =
    | Heading of level: int
    | Endpoint
    | Edu
    | Other

/// The anchor of a text, as Hugo makes it for GitHub's style.
let anchorOf (text: string) =
    let anchor = StringBuilder()

    for c in text.Trim() do
        if c = '-' || c = ' ' then
            anchor.Append '-' |> ignore
        elif c = '_' || Char.IsLetterOrDigit c then
            anchor.Append(Char.ToLowerInvariant c) |> ignore

    anchor.ToString()

let attribute (name: string) (call: string) =
    let found = Regex.Match(call, $"\\b{name}=\"([^\"]*)\"")
    if found.Success then Some found.Groups[1].Value else None

/// The operations of one API: methods of `render-api.html`, and paths in order.
let endpoints (spec: string) (api: string) (anchorBase: string option) = [
    let lines = File.ReadAllLines(Path.Combine(data, "api", spec, api + ".yaml"))
    let at = lines |> Array.findIndex (fun line -> line.Trim() = "basePath:")

    let basePath =
        Regex.Match(lines[at + 1], "default: *\"?([^\"]*)\"?").Groups[1].Value.Trim()

    let mutable isPaths = false
    let mutable path = ""

    for line in lines do
        if line.Length > 0 && Char.IsLetter line[0] then
            isPaths <- line.StartsWith "paths:"
        elif isPaths then
            let found = Regex.Match(line, "^  [\"']?(/[^\"']*)[\"']?:\s*$")

            if found.Success then
                path <- found.Groups[1].Value

            let found = Regex.Match(line, "^    (get|post|put|delete):")

            if found.Success then
                let start = anchorBase |> Option.map (fun b -> b + "_") |> Option.defaultValue ""
                start + found.Groups[1].Value + anchorOf (basePath + path)
]

/// The title of a schema: its own, that of a part, or that of the first schema that it refers to.
let rec titleOf (path: string) =
    let lines = File.ReadAllLines(Path.Combine(data, path + ".yaml"))

    let value (name: string) (line: string) =
        line.Substring(line.IndexOf name + name.Length).Trim().Trim('"', '\'')

    match
        lines
        |> Array.tryFind (fun line -> line.StartsWith "title:" || line.StartsWith "    title:")
    with
    | Some line -> value "title:" line
    | None ->
        let other = lines |> Array.find (fun line -> line.Contains "$ref:") |> value "$ref:"
        titleOf (Path.Combine(Path.GetDirectoryName path, Path.ChangeExtension(other, null)))

let eventSchemas =
    Directory.GetFiles(Path.Combine(data, "event-schemas", "schema"), "*.yaml")
    |> Array.map Path.GetFileNameWithoutExtension
    |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))

/// The types of messages, without those that modules of their own describe.
let messageTypes =
    eventSchemas
    |> Array.filter (fun name -> name.StartsWith "m.room.message$")
    |> Array.map (fun name -> name["m.room.message$".Length ..])
    |> Array.except [ "m.server_notice"; "m.key.verification.request" ]

/// The sections of a page, in order, with the module that each is in.
let sections (page: string) = [
    let taken = HashSet<string>()

    let rec walk (modul: string) (file: string) = [
        let mutable isCode = false

        for line in File.ReadLines(Path.Combine(content, file)) do
            if line.TrimStart().StartsWith "```" then
                isCode <- not isCode
            elif not isCode then
                let heading =
                    Regex.Match(line, "^ {0,3}(#{1,6}) +(.*?)(?: *\\{(?:#|id=\")([^\"}]+)\"?\\})?\s*$")

                let call = Regex.Match(line, "\\{\\{[%<] *([a-z-]+)( .*)?[%>]\\}\\}")

                if heading.Success then
                    let given = heading.Groups[3]

                    let made =
                        if given.Success then
                            given.Value
                        else
                            anchorOf heading.Groups[2].Value

                    let anchor =
                        if given.Success || not (taken.Contains made) then
                            made
                        else
                            Seq.initInfinite (fun i -> $"{made}-{i + 1}")
                            |> Seq.find (taken.Contains >> not)

                    taken.Add anchor |> ignore
                    yield Heading heading.Groups[1].Length, modul, heading.Groups[2].Value, anchor
                elif call.Success then
                    let value name = (attribute name call.Value).Value
                    let other anchor = Other, modul, "", anchor

                    match call.Groups[1].Value with
                    | "cs-module" ->
                        let name = value "filename"
                        yield! walk name $"client-server-api/modules/{name}.md"
                    | "rver-fragment" ->
                        let name = value "name"
                        yield! walk modul $"rooms/fragments/{name}.md"
                    | "http-api" ->
                        for anchor in endpoints (value "spec") (value "api") (attribute "anchor_base" call.Value) do
                            yield Endpoint, modul, "", anchor
                    | "event" -> yield other (anchorOf (value "event"))
                    | "event-group" ->
                        for name in eventSchemas do
                            if name.StartsWith(value "group_name") then
                                yield other (anchorOf name)
                    | "msgtypes" ->
                        for name in messageTypes do
                            yield other (anchorOf name)
                    | "definition" ->
                        let path = value "path"

                        let kind =
                            if path.Contains "server-server/definitions/event-schemas/" then
                                Edu
                            else
                                Other

                        yield kind, modul, "", "definition-" + anchorOf (titleOf path)
                    | _ -> ()
    ]

    yield! walk "" page
]

/// Whether the code of a homeserver must name a section: all endpoints and types of EDU, each chapter and
/// module of the Client-Server API, every heading of the APIs between servers, and what each room version changes.
let required (document: string) =
    let mutable modul = ""
    let mutable isUnchanged = false

    fun (kind, within, text: string, _) ->
        match kind with
        | Endpoint -> document <> "identity-service-api"
        | Edu -> true
        | Other -> false
        | Heading level when document.StartsWith "rooms/v" ->
            if level = 2 then
                isUnchanged <- text.StartsWith "Unchanged"

            level > 2 && not isUnchanged
        | Heading level when document = "client-server-api" ->
            let isFirst = within <> modul
            modul <- within
            if within = "" then level = 3 else isFirst
        | Heading _ -> document <> "identity-service-api" && document <> "appendices"

let documents =
    [
        "client-server-api", "client-server-api/_index.md"
        "server-server-api", "server-server-api.md"
        "application-service-api", "application-service-api.md"
        "push-gateway-api", "push-gateway-api.md"
        "identity-service-api", "identity-service-api.md"
        "appendices", "appendices.md"
        "rooms", "rooms/_index.md"
    ]
    @ [ for version in 1..12 -> $"rooms/v{version}", $"rooms/v{version}.md" ]

for document, page in documents do
    let isWanted =
        if wanted = "all" then
            (fun _ -> true)
        else
            required document

    for section in sections page do
        let _, _, _, anchor = section

        if isWanted section then
            printfn $"{document}#{anchor}"
