/// Pictures of event graphs, as DOT, and as SVG with a layout of our own. The earliest event is on top.
module internal Matrix.Cli.Output.Graph

open System
open System.Collections.Generic
open System.Text

/// A mark of an event, shown by colour and word.
[<RequireQualifiedAccess>]
type Mark =
    | Conflicted
    /// Visited, but neither conflicted nor in a state.
    | Between
    | Rejected
    | Chosen
    | SoftFailed
    /// A forward extremity of the room.
    | Extremity
    /// Named by a later event, and not stored.
    | Missing

/// An event.
type Node = {
    Id: string
    /// The text in the node, line by line.
    Lines: string list
    Marks: Mark list
}

/// A picture. An edge leads from an event to one before it.
type Graph = {
    Nodes: Node list
    Edges: (string * string) list
}

/// A mark in words.
let word (mark: Mark) =
    match mark with
    | Mark.Conflicted -> "conflicted"
    | Mark.Between -> "between"
    | Mark.Rejected -> "rejected"
    | Mark.Chosen -> "chosen"
    | Mark.SoftFailed -> "soft-failed"
    | Mark.Extremity -> "extremity"
    | Mark.Missing -> "missing"

let private linesOf (node: Node) =
    node.Lines
    @ (if node.Marks.IsEmpty then
           []
       else
           [ node.Marks |> List.map word |> String.concat ", " ])

/// The first mark that applies gives the colour.
let private fill (node: Node) =
    [
        Mark.Rejected, "#f6c7c3"
        Mark.SoftFailed, "#fbe3a6"
        Mark.Missing, "#e6e6e6"
        Mark.Extremity, "#c3e6c8"
        Mark.Chosen, "#c3e6c8"
        Mark.Conflicted, "#fbe3a6"
        Mark.Between, "#d9e2f5"
    ]
    |> List.tryPick (fun (mark, colour) -> if List.contains mark node.Marks then Some colour else None)
    |> Option.defaultValue "#ffffff"

/// The edges without those that a longer path implies.
let reduced (graph: Graph) : Graph =
    let below = Dictionary<string, List<string>>()

    for node in graph.Nodes do
        below[node.Id] <- List<string>()

    for upper, lower in graph.Edges do
        below[upper].Add lower

    let isReachedOtherwise upper lower =
        let seen = HashSet<string>()
        let pending = Stack<string>(below[upper] |> Seq.filter (fun id -> id <> lower))
        let mutable found = false

        while not found && pending.Count > 0 do
            let id = pending.Pop()

            if id = lower then
                found <- true
            elif seen.Add id then
                for next in below[id] do
                    pending.Push next

        found

    {
        graph with
            Edges =
                graph.Edges
                |> List.filter (fun (upper, lower) -> not (isReachedOtherwise upper lower))
    }

/// As DOT, for Graphviz.
let dot (graph: Graph) : string =
    let quoted (text: string) =
        "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\""

    let out = StringBuilder()
    let line (text: string) = out.Append(text).Append('\n') |> ignore
    line "digraph room {"
    line "  rankdir=BT;"
    line "  node [shape=box, style=filled, fontname=\"sans-serif\", fontsize=10];"

    for node in graph.Nodes do
        // DOT has its own escape for a line break.
        let label =
            linesOf node |> List.map (fun l -> (quoted l).Trim('"')) |> String.concat "\\n"

        let outline =
            if List.contains Mark.Chosen node.Marks then
                ", penwidth=2"
            else
                ""

        line $"  {quoted node.Id} [label=\"{label}\", fillcolor=\"{fill node}\"{outline}];"

    for upper, lower in graph.Edges do
        line $"  {quoted upper} -> {quoted lower};"

    line "}"
    out.ToString()

/// Rows from the top: each event below all that come before it.
let private rows (graph: Graph) : Node list list =
    let before =
        graph.Edges
        |> List.groupBy fst
        |> List.map (fun (id, edges) -> id, List.map snd edges)
        |> Map.ofList

    let known = Dictionary<string, int>()
    let nodes = graph.Nodes |> List.map (fun n -> n.Id, n) |> Map.ofList

    // Without recursion, because a room may be deep. An event in a circle, which no room has, is on top.
    for node in graph.Nodes do
        let pending = Stack<string> [ node.Id ]
        let entered = HashSet<string>()

        while pending.Count > 0 do
            let id = pending.Peek()

            let lower =
                before.TryFind id |> Option.defaultValue [] |> List.filter nodes.ContainsKey

            match lower |> List.filter (known.ContainsKey >> not) with
            | waiting when not waiting.IsEmpty && entered.Add id -> waiting |> List.iter pending.Push
            | _ ->
                pending.Pop() |> ignore

                if not (known.ContainsKey id) then
                    known[id] <-
                        lower
                        |> List.filter known.ContainsKey
                        |> List.fold (fun row l -> max row (known[l] + 1)) 0

    graph.Nodes
    |> List.groupBy (fun n -> known[n.Id])
    |> List.sortBy fst
    |> List.map snd

/// As SVG.
let svg (graph: Graph) : string =
    let escaped (text: string) =
        text.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;").Replace("\"", "&quot;")

    let letter, lineHeight, gapX, gapY = 6.6, 14.0, 24.0, 46.0

    let widthOf (node: Node) =
        16.0
        + letter * float (linesOf node |> List.map String.length |> List.fold max 4)

    let heightOf (node: Node) =
        12.0 + lineHeight * float (linesOf node).Length

    let before = graph.Edges |> List.groupBy fst |> Map.ofList
    let places = Dictionary<string, struct (float * float)>()
    let mutable top = 20.0
    let mutable right = 200.0

    for row in rows graph do
        // Below the events before it, as far as they are known.
        let wish (node: Node) =
            before.TryFind node.Id
            |> Option.defaultValue []
            |> List.choose (fun (_, lower) ->
                match places.TryGetValue lower with
                | true, struct (x, _) -> Some x
                | _ -> None)
            |> function
                | [] -> 0.0
                | xs -> List.average xs

        let mutable x = 20.0

        for node in row |> List.sortBy wish do
            let width = widthOf node
            let centre = max (x + width / 2.0) (wish node)
            places[node.Id] <- struct (centre, top)
            x <- centre + width / 2.0 + gapX

        right <- max right x
        top <- top + (row |> List.map heightOf |> List.fold max 0.0) + gapY

    let out = StringBuilder()
    let line (text: string) = out.Append(text).Append('\n') |> ignore

    let n (value: float) =
        value.ToString("0.#", Globalization.CultureInfo.InvariantCulture)

    line
        $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {n right} {n top}\" width=\"{n right}\" \
           height=\"{n top}\" font-family=\"monospace\" font-size=\"11\">"

    line
        "<defs><marker id=\"a\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" orient=\"auto\">\
         <path d=\"M0,0 L8,4 L0,8 z\" fill=\"#666\"/></marker></defs>"

    line $"<rect width=\"{n right}\" height=\"{n top}\" fill=\"#fafafa\"/>"

    let heights =
        graph.Nodes |> List.map (fun node -> node.Id, heightOf node) |> Map.ofList

    for upper, lower in graph.Edges do
        match places.TryGetValue upper, places.TryGetValue lower with
        | (true, struct (x1, y1)), (true, struct (x2, y2)) ->
            line
                $"<line x1=\"{n x1}\" y1=\"{n y1}\" x2=\"{n x2}\" y2=\"{n (y2 + heights[lower])}\" \
                   stroke=\"#666\" marker-end=\"url(#a)\"/>"
        | _ -> ()

    for node in graph.Nodes do
        let struct (x, y) = places[node.Id]
        let width, height = widthOf node, heightOf node
        let stroke = if List.contains Mark.Chosen node.Marks then "2" else "1"
        line $"<g><title>{escaped node.Id}</title>"

        line
            $"<rect x=\"{n (x - width / 2.0)}\" y=\"{n y}\" width=\"{n width}\" height=\"{n height}\" \
               rx=\"4\" fill=\"{fill node}\" stroke=\"#333\" stroke-width=\"{stroke}\"/>"

        linesOf node
        |> List.iteri (fun i text ->
            let y = y + 6.0 + lineHeight * (float i + 0.75)
            line $"<text x=\"{n x}\" y=\"{n y}\" text-anchor=\"middle\" fill=\"#111\">{escaped text}</text>")

        line "</g>"

    line "</svg>"
    out.ToString()
