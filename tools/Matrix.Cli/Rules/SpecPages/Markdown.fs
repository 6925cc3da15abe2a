namespace Matrix.Cli.Rules.SpecPages

open System
open System.Text
open System.Text.RegularExpressions

/// A line of a page, after its shortcodes are followed.
[<RequireQualifiedAccess>]
type internal Line =
    | Written of file: string * text: string
    /// A heading that a shortcode makes.
    | Heading of title: string
    | Described of Property

/// A part of a section: a block, a sentence, a list item or a property.
type internal Node = {
    /// Its name among its neighbours: `paragraph 2`, `list 1`, `note 1`, or the number of a sentence or item.
    Label: string
    File: string
    /// White space is single, links are their texts; "" for a block.
    Text: string
    Inside: Node list
}

/// Reads the blocks of a section as Markdown has them.
module internal Markdown =

    let private shortcode = Regex(@"\{\{[<%]\s*/?[\w/-]+[^}]*?[>%]\}\}")
    let private link = Regex(@"\[((?:[^\[\]]|\[[^\]]*\])*)\]\([^)]*\)")
    let private space = Regex(@"\s+")

    /// Text without shortcodes and addresses of links, in one line.
    let oneLine (text: string) : string =
        let text = shortcode.Replace(text, " ")
        let text = link.Replace(text, "$1")
        space.Replace(text, " ").Trim()

    /// The text that digests and comparisons see: without emphasis and code marks too.
    let normalised (text: string) : string =
        let text = Regex.Replace(text, @"(?<![\w`])_(?=\S)([^_]*)(?<=\S)_(?![\w`])", "$1")
        text.Replace("*", "").Replace("`", "").Replace("\\", "")

    /// SHA-256 of the normalised text, in hexadecimal.
    let digest (text: string) : string =
        normalised text
        |> Encoding.UTF8.GetBytes
        |> Security.Cryptography.SHA256.HashData
        |> Convert.ToHexStringLower

    let private sentenceEnd =
        Regex(@"(?<!\b(?:e\.g|i\.e|eg|ie|etc|cf|vs))[.!?][*`)]*\s+(?=[A-Z(`*_\[∪""])")

    /// The sentences of a paragraph.
    let sentences (text: string) : string list =
        let text = oneLine text

        let ends = [ for found in sentenceEnd.Matches text -> found.Index + found.Length ]

        List.pairwise (0 :: ends @ [ text.Length ])
        |> List.map (fun (a, b) -> text.Substring(a, b - a).Trim())
        |> List.filter ((<>) "")

    /// Something between blank lines, before it has a label.
    [<RequireQualifiedAccess>]
    type private Block =
        | Paragraph of string
        | Code of string
        | Note of Block list
        /// Items: their own blocks.
        | List of Block list list
        | Property of Property

    let private indent (line: string) =
        line.Length - line.TrimStart(' ').Length

    let private marker = Regex(@"^( *)([-*+]|\d{1,3}[.)])( +)(?=\S)")
    let private openBox = Regex(@"^\s*\{\{[<%]\s*boxes/\w+\s*[%>]\}\}\s*$")
    let private closeBox = Regex(@"^\s*\{\{[<%]\s*/boxes/\w+\s*[%>]\}\}\s*$")

    let private written (line: Line) =
        match line with
        | Line.Written(_, text) -> text
        | Line.Heading _
        | Line.Described _ -> ""

    let private isBlank (line: Line) =
        match line with
        | Line.Written(_, text) -> String.IsNullOrWhiteSpace text
        | _ -> false

    let private dedent (by: int) (line: Line) =
        match line with
        | Line.Written(file, text) -> Line.Written(file, text[min by (indent text) ..])
        | other -> other

    let private isFence (text: string) = text.TrimStart().StartsWith "```"

    /// Whether a line begins another block than the paragraph before it.
    let private interrupts (line: Line) =
        match line with
        | Line.Heading _
        | Line.Described _ -> true
        | Line.Written(_, text) ->
            let found = marker.Match text

            isFence text
            || openBox.IsMatch text
            || closeBox.IsMatch text
            || (found.Success
                && found.Groups[1].Length < 4
                && (Char.IsDigit found.Groups[2].Value[0] |> not
                    || found.Groups[2].Value.TrimEnd('.', ')') = "1"))

    let private split (isInside: Line -> bool) (lines: Line list) =
        let inside = List.takeWhile isInside lines
        inside, List.skip inside.Length lines

    let private isOrdered (found: Match) = Char.IsDigit found.Groups[2].Value[0]

    /// The lines of the first item, and the rest.
    let private item (found: Match) (lines: Line list) =
        let offset = found.Length

        let rec walk (afterBlank: bool) (taken: Line list) (rest: Line list) =
            match rest with
            | [] -> taken, rest
            | line :: others when isBlank line -> walk true (line :: taken) others
            | (Line.Written(_, text) as line) :: others ->
                // Pages are not always exact: an item's lines are at least as deep as two spaces.
                let isDeep = indent text >= min offset 3 && indent text > found.Groups[1].Length

                if
                    isDeep
                    || (not afterBlank && not (interrupts line || (marker.Match text).Success))
                then
                    walk false (line :: taken) others
                else
                    taken, rest
            | _ -> taken, rest

        match lines with
        | first :: rest ->
            let taken, rest = walk false [] rest

            let start =
                match first with
                | Line.Written(file, text) -> Line.Written(file, text[found.Length ..])
                | other -> other

            start :: (taken |> List.rev |> List.map (dedent offset)), rest
        | [] -> [], []

    let rec private blocks (lines: Line list) : Block list =
        match lines |> List.skipWhile isBlank with
        | [] -> []
        | Line.Described property :: rest -> Block.Property property :: blocks rest
        | Line.Heading _ :: rest -> blocks rest
        | Line.Written(_, text) :: rest as lines ->
            let found = marker.Match text

            if isFence text then
                let inside, rest = split (written >> isFence >> not) rest

                Block.Code(inside |> List.map written |> String.concat "\n")
                :: blocks (rest |> List.truncate 1 |> List.length |> fun n -> List.skip n rest)
            elif openBox.IsMatch text then
                let inside, rest = split (written >> closeBox.IsMatch >> not) rest
                Block.Note(blocks inside) :: blocks rest
            elif closeBox.IsMatch text then
                blocks rest
            elif found.Success && found.Groups[1].Length < 4 then
                let rec items (lines: Line list) =
                    match lines |> List.skipWhile isBlank with
                    | Line.Written(_, text) :: _ as here ->
                        let next = marker.Match text

                        if next.Success && next.Groups[1].Length < 4 && isOrdered next = isOrdered found then
                            let inside, rest = item next here
                            let others, rest = items rest
                            blocks inside :: others, rest
                        else
                            [], lines
                    | _ -> [], lines

                let all, rest = items lines
                Block.List all :: blocks rest
            elif indent text >= 4 then
                let inside, rest =
                    split (fun line -> not (isBlank line) && indent (written line) >= 4) lines

                Block.Code(inside |> List.map written |> String.concat "\n") :: blocks rest
            else
                let inside, rest = split (fun line -> not (isBlank line || interrupts line)) rest

                Block.Paragraph(text.TrimStart(':', ' ') :: List.map written inside |> String.concat "\n")
                :: blocks rest

    let rec private ofItem (file: string) (number: int) (inner: Block list) : Node =
        let rec words (block: Block) =
            match block with
            | Block.Paragraph text
            | Block.Code text -> oneLine text
            | Block.Note blocks -> blocks |> List.map words |> String.concat " "
            | Block.Property _
            | Block.List _ -> ""

        {
            Label = string number
            File = file
            Text = inner |> List.map words |> List.filter ((<>) "") |> String.concat " "
            Inside =
                inner
                |> List.collect (function
                    | Block.List items -> items
                    | _ -> [])
                |> List.mapi (fun i items -> ofItem file (i + 1) items)
        }

    let rec private ofBlocks (file: string) (all: Block list) : Node list =
        let node label inside = {
            Label = label
            File = file
            Text = ""
            Inside = inside
        }

        let leaf (label: string) text = { node label [] with Text = text }

        all
        |> List.mapFold
            (fun (counts: Map<string, int>) block ->
                let kind =
                    match block with
                    | Block.Paragraph _ -> "paragraph"
                    | Block.Code _ -> "code"
                    | Block.Note _ -> "note"
                    | Block.List _ -> "list"
                    | Block.Property _ -> "property"

                let made =
                    match block with
                    | Block.Paragraph text -> sentences text |> List.mapi (fun i s -> leaf (string (i + 1)) s)
                    | _ -> []

                // A paragraph of shortcodes only has no sentence.
                if kind = "paragraph" && made.IsEmpty then
                    [], counts
                else
                    let number = 1 + (counts |> Map.tryFind kind |> Option.defaultValue 0)
                    let label = $"{kind} {number}"

                    let made =
                        match block with
                        | Block.Paragraph _ -> node label made
                        | Block.Code text -> leaf label (oneLine text)
                        | Block.Note inner -> node label (ofBlocks file inner)
                        | Block.List items ->
                            node label (items |> List.mapi (fun i inner -> ofItem file (i + 1) inner))
                        | Block.Property property -> {
                            Label = "property " + property.Name
                            File = property.File
                            Text = oneLine property.Description
                            Inside = []
                          }

                    [ made ], Map.add kind number counts)
            Map.empty
        |> fst
        |> List.concat

    /// The parts of lines without headings. Lines of different files are blocks of different files.
    let parts (lines: Line list) : Node list =
        // A fragment is whole blocks, so that each run of lines of one file is parsed by itself; labels count on.
        let fileOf line =
            match line with
            | Line.Written(file, _) -> Some file
            | Line.Heading _
            | Line.Described _ -> None

        let rec runs (lines: Line list) =
            match lines with
            | [] -> []
            | first :: _ ->
                let file = fileOf first
                let inside, rest = split (fun line -> fileOf line = file) lines
                (Option.defaultValue "" file, blocks inside) :: runs rest

        let relabelled (counts: Map<string, int>) (node: Node) =
            match node.Label.Split ' ' with
            | [| "property"; _ |] -> node, counts
            | [| kind; _ |] ->
                let number = 1 + (counts |> Map.tryFind kind |> Option.defaultValue 0)
                { node with Label = $"{kind} {number}" }, Map.add kind number counts
            | _ -> node, counts

        runs lines
        |> List.collect (fun (file, blocks) -> ofBlocks file blocks)
        |> List.mapFold relabelled Map.empty
        |> fst
