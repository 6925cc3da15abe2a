namespace Matrix.Cli.Rules.SpecPages

open System.Collections.Generic
open System.Text.RegularExpressions

/// Which parts of a section are which parts of another edition of it. Numbers do not matter: a part is known by its
/// words and its neighbours.
module internal Alignment =

    /// A part with its words, counted.
    type private Tree = {
        Place: string
        Node: Node
        Words: Map<string, int>
        /// Without the words that every rule has.
        Telling: Map<string, int>
        Inside: Tree list
    }

    /// Words that say nothing of what a rule is about.
    let private common =
        set [
            "a"
            "allow"
            "an"
            "and"
            "any"
            "are"
            "as"
            "be"
            "by"
            "does"
            "event"
            "for"
            "has"
            "have"
            "if"
            "in"
            "is"
            "it"
            "its"
            "no"
            "not"
            "of"
            "on"
            "or"
            "otherwise"
            "reject"
            "that"
            "the"
            "there"
            "to"
            "which"
            "with"
        ]

    let private word = Regex(@"[\p{L}\p{N}_][\p{L}\p{N}_.]*[\p{L}\p{N}_]|[\p{L}\p{N}_]")

    let private wordsOf (text: string) = [
        for found in word.Matches(Markdown.normalised(text).ToLowerInvariant()) -> found.Value
    ]

    let rec private treeOf (prefix: string) (node: Node) : Tree =
        let place = prefix + node.Label
        let inside = node.Inside |> List.map (treeOf (place + "."))

        let add (counts: Map<string, int>) (word: string, n: int) =
            Map.add word (n + (Map.tryFind word counts |> Option.defaultValue 0)) counts

        let words =
            (Map.empty,
             (wordsOf node.Text |> List.countBy id)
             @ (inside |> List.collect (_.Words >> Map.toList)))
            ||> List.fold add

        {
            Place = place
            Node = node
            Words = words
            Telling = words |> Map.filter (fun word _ -> not (common.Contains word))
            Inside = inside
        }

    let private total (words: Map<string, int>) = words |> Map.values |> Seq.sum

    /// Twice the common words, in all words.
    let private overlap (a: Map<string, int>) (b: Map<string, int>) : float =
        let both =
            a
            |> Map.toSeq
            |> Seq.sumBy (fun (word, n) -> min n (Map.tryFind word b |> Option.defaultValue 0))

        match total a + total b with
        | 0 -> 1.0
        | all -> 2.0 * float both / float all

    /// From 0 to 1.
    let private likeness (a: Tree) (b: Tree) : float =
        let all = overlap a.Words b.Words

        if a.Telling.IsEmpty || b.Telling.IsEmpty then
            all
        else
            (all + overlap a.Telling b.Telling) / 2.0

    /// Parts that are less alike than this are different parts.
    let private threshold = 0.35

    let private kindOf (tree: Tree) = (tree.Node.Label.Split ' ')[0]

    /// Only blocks of one kind, items and sentences can be the same.
    let private mayBe (a: Tree) (b: Tree) =
        match kindOf a, kindOf b with
        | ("paragraph" | "list" | "note" | "code"), ("paragraph" | "list" | "note" | "code") -> kindOf a = kindOf b
        | _ -> true

    let private isProperty (tree: Tree) = kindOf tree = "property"

    /// The pairs of neighbours that keep their order and are most alike together.
    let private pairs (before: Tree list) (after: Tree list) : (Tree * Tree) list =
        let a, b = Array.ofList before, Array.ofList after

        let alike =
            Array2D.init a.Length b.Length (fun i j ->
                if not (mayBe a[i] b[j]) then
                    0.0
                else
                    let likeness = likeness a[i] b[j]
                    // Of equal sums the one with parts that did not change at all.
                    if likeness < threshold then
                        0.0
                    elif a[i].Node.Text = b[j].Node.Text && likeness = 1.0 then
                        1.01
                    else
                        likeness)

        let best = Array2D.zeroCreate (a.Length + 1) (b.Length + 1)

        for i in a.Length - 1 .. -1 .. 0 do
            for j in b.Length - 1 .. -1 .. 0 do
                best[i, j] <-
                    max
                        (max best[i + 1, j] best[i, j + 1])
                        (if alike[i, j] > 0.0 then
                             alike[i, j] + best[i + 1, j + 1]
                         else
                             0.0)

        let rec walk i j =
            if i = a.Length || j = b.Length then
                []
            elif alike[i, j] > 0.0 && best[i, j] = alike[i, j] + best[i + 1, j + 1] then
                (a[i], b[j]) :: walk (i + 1) (j + 1)
            elif best[i, j] = best[i + 1, j] then
                walk (i + 1) j
            else
                walk i (j + 1)

        walk 0 0

    let rec private match' (before: Tree list) (after: Tree list) : (string * string) list =
        // A property is known by its name, wherever a schema has it.
        let properties, before = List.partition isProperty before
        let known = after |> List.filter isProperty |> List.map _.Place |> set

        [
            for property in properties do
                if known.Contains property.Place then
                    property.Place, property.Place
        ]
        @ (pairs before (after |> List.filter (isProperty >> not))
           |> List.collect (fun (a, b) -> (a.Place, b.Place) :: match' a.Inside b.Inside))

    let private trees (section: PageSection) = section.Parts |> List.map (treeOf "")

    /// The places of one edition by those of another.
    let between (before: PageSection) (after: PageSection) : Map<string, string> =
        if before.Parts = after.Parts then
            Map.ofList [ for place, _ in Sentences.places before -> place, place ]
        else
            Map.ofList (match' (trees before) (trees after))

    let private whole (section: PageSection) : Tree =
        treeOf "" {
            Label = ""
            File = ""
            Text = ""
            Inside = section.Parts
        }

    let private plain (anchor: string) = Regex.Replace(anchor, @"-\d+$", "")

    /// The section of another edition of the page that has this section's text: one of the same title if there is one,
    /// or else the most similar one.
    let counterpart (section: PageSection) (page: PageSection list) : PageSection option =
        let tree = lazy (whole section)

        let mostAlike least (candidates: PageSection list) =
            match candidates with
            | [] -> None
            | candidates ->
                let likeness, found =
                    candidates
                    |> List.map (fun candidate -> likeness tree.Value (whole candidate), candidate)
                    |> List.maxBy fst

                if likeness >= least then Some found else None

        match page |> List.filter (fun other -> plain other.Anchor = plain section.Anchor) with
        | [] -> mostAlike 0.6 page
        | [ one ] -> Some one
        | several -> mostAlike 0.0 several
