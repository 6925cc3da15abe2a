namespace Matrix.Cli.Rules.SpecPages

open System
open System.Collections.Generic
open System.Text
open System.Text.RegularExpressions

/// A heading's own text, up to the next heading.
type internal PageSection = {
    /// The anchor, as the specification's site has it; "" before the first heading.
    Anchor: string
    Parts: Node list
}

/// Reads the pages of the specification at one commit.
module internal Pages =

    /// The file of a page by its address on the site.
    let file (page: string) : string =
        match page with
        | "client-server-api"
        | "rooms" -> "content/" + page + "/_index.md"
        | schema when schema.StartsWith "data/" -> schema
        | page -> "content/" + page + ".md"

    let private call = Regex(@"^\s*\{\{[<%]\s*([a-z-]+)(\s[^}]*?)?\s*[>%]\}\}\s*$")

    let private heading =
        Regex("^ {0,3}(#{1,6}) +(.*?)(?: *\\{(?:#|id=\")([^\"}]+)\"?\\})?\s*$")

    let private attribute (name: string) (call: string) =
        let found = Regex.Match(call, $"\\b{name}=\"([^\"]*)\"")
        if found.Success then Some found.Groups[1].Value else None

    /// The anchor of a heading, as Hugo makes it.
    let private anchorOf (title: string) =
        let anchor = StringBuilder()

        for c in title.Trim() do
            if c = '-' || c = ' ' then
                anchor.Append '-' |> ignore
            elif c = '_' || Char.IsLetterOrDigit c then
                anchor.Append(Char.ToLowerInvariant c) |> ignore

        anchor.ToString()

    let private withoutFrontMatter (lines: string list) =
        match lines with
        | "---" :: rest ->
            match List.tryFindIndex ((=) "---") rest with
            | Some i -> List.skip (i + 1) rest
            | None -> lines
        | _ -> lines

    /// The lines of a file, with its fragments, modules and schemas in their places.
    let rec private lines (read: string -> string option) (depth: int) (file: string) : Line list =
        match read file with
        | None -> []
        | Some text ->
            text.Replace("\r", "").Split '\n'
            |> List.ofArray
            |> withoutFrontMatter
            |> List.mapFold
                (fun isCode line ->
                    let isFence = line.TrimStart().StartsWith "```"
                    let found = call.Match line

                    let made =
                        if isCode || not found.Success then
                            [ Line.Written(file, line) ]
                        else
                            follow read depth file line found.Groups[1].Value found.Groups[2].Value

                    made, (isCode <> isFence))
                false
            |> fst
            |> List.concat

    and private follow read depth file line name arguments =
        let other (attributeName: string) path =
            match attribute attributeName arguments with
            // Fragments do not name themselves; a page that did would have no end.
            | Some value when depth < 4 -> lines read (depth + 1) (path value)
            | _ -> []

        let described schema =
            Schemas.properties read schema |> List.map Line.Described

        match name with
        | "rver-fragment" -> other "name" (fun name -> $"content/rooms/fragments/{name}.md")
        | "cs-module" -> other "filename" (fun name -> $"content/client-server-api/modules/{name}.md")
        | "definition" ->
            match attribute "path" arguments with
            | Some path -> described $"data/{path}.yaml"
            | None -> []
        | "event" ->
            match attribute "event" arguments with
            | Some name ->
                let schema = $"data/event-schemas/schema/{name}.yaml"

                [
                    Line.Heading name

                    for text in (Schemas.description read schema).Split '\n' do
                        Line.Written(schema, text)

                    yield! described schema
                ]
            | None -> []
        | _ -> [ Line.Written(file, line) ]

    let private split (all: Line list) : PageSection list =
        let taken = HashSet<string>()

        let anchor (title: string) (given: string) =
            let made =
                if given <> "" then
                    given
                else
                    let plain = anchorOf title

                    Seq.append [ plain ] (Seq.initInfinite (fun i -> $"{plain}-{i + 1}"))
                    |> Seq.find (taken.Contains >> not)

            taken.Add made |> ignore
            made

        let mutable sections = []
        let mutable current = "", []
        let mutable isCode = false

        let close () =
            sections <-
                {
                    Anchor = fst current
                    Parts = Markdown.parts (List.rev (snd current))
                }
                :: sections

        for line in all do
            let start =
                match line with
                | Line.Heading title -> Some(anchor title "")
                | Line.Written(_, text) ->
                    if text.TrimStart().StartsWith "```" then
                        isCode <- not isCode

                    let found = heading.Match text

                    if not isCode && found.Success then
                        Some(anchor found.Groups[2].Value found.Groups[3].Value)
                    else
                        None
                | Line.Described _ -> None

            match start with
            | Some anchor ->
                close ()
                current <- anchor, []
            | None -> current <- fst current, line :: snd current

        close ()
        List.rev sections

    /// The sections of a page, or of a schema's file; none if the commit does not have it.
    let sections (read: string -> string option) (page: string) : PageSection list option =
        let file = file page

        match read file with
        | None -> None
        | Some _ when page.StartsWith "data/" -> Some(split (Schemas.properties read file |> List.map Line.Described))
        | Some _ -> Some(split (lines read 0 file))

    /// Reads files of a commit, each once.
    let reader (repository: Repository) : string -> string option =
        let seen = Dictionary<string, string option>()

        fun name ->
            match seen.TryGetValue name with
            | true, text -> text
            | _ ->
                let text = Repository.file repository name
                seen[name] <- text
                text
