namespace Matrix.Core.Search

open System
open System.Collections.Generic
open System.Globalization
open System.Text

[<Sealed>]
type SearchTerm internal (word: string, isPrefix: bool) =

    member _.Word = word
    member _.IsPrefix = isPrefix

/// A run of characters: a spaced word, or text that is looked for by pairs of characters.
[<Struct>]
type internal Run = {
    Points: ArraySegment<Rune>
    IsUnspaced: bool
}

module internal Runs =

    /// Longer words are cut.
    let longest = 64

    let private contains (ranges: struct (int * int)[]) (point: int) =
        let mutable low = 0
        let mutable high = ranges.Length

        while low < high do
            let middle = (low + high) / 2
            let struct (_, last) = ranges[middle]
            if point > last then low <- middle + 1 else high <- middle

        low < ranges.Length && (let struct (first, _) = ranges[low] in point >= first)

    /// A symbol, such as an emoji, an arrow or a currency sign. Those of ASCII divide words in both databases.
    let isSymbol (rune: Rune) =
        not rune.IsAscii
        && match Rune.GetUnicodeCategory rune with
           | UnicodeCategory.OtherSymbol -> rune.Value <> 0xFFFC && rune.Value <> 0xFFFD
           | UnicodeCategory.MathSymbol
           | UnicodeCategory.CurrencySymbol -> true
           | UnicodeCategory.ModifierSymbol -> contains WordRanges.modifiers rune.Value
           | _ -> false

    /// Whether words of such characters are not spaced, or are looked for by their parts: a script without spaces,
    /// Hangul, symbols.
    let isUnspaced (rune: Rune) =
        contains WordRanges.unspaced rune.Value || isSymbol rune

    /// A mark belongs to the character before it.
    let isMark (rune: Rune) =
        not rune.IsAscii
        && match Rune.GetUnicodeCategory rune with
           | UnicodeCategory.NonSpacingMark
           | UnicodeCategory.SpacingCombiningMark -> true
           | _ -> false

    let isInWord (rune: Rune) =
        if rune.IsAscii then
            Rune.IsLetterOrDigit rune
        else
            match Rune.GetUnicodeCategory rune with
            | UnicodeCategory.UppercaseLetter
            | UnicodeCategory.LowercaseLetter
            | UnicodeCategory.TitlecaseLetter
            | UnicodeCategory.ModifierLetter
            | UnicodeCategory.OtherLetter
            | UnicodeCategory.NonSpacingMark
            | UnicodeCategory.SpacingCombiningMark
            | UnicodeCategory.DecimalDigitNumber
            | UnicodeCategory.LetterNumber
            | UnicodeCategory.OtherNumber -> true
            | _ -> isSymbol rune

    /// The runs of a text. They are found one by one: the caller stops when it has enough.
    let ofText (points: Rune[]) : seq<Run> =
        seq {
            let mutable i = 0

            while i < points.Length do
                if not (isInWord points[i]) then
                    i <- i + 1
                else
                    let start = i
                    let unspaced = isUnspaced points[i]
                    i <- i + 1

                    while i < points.Length
                          && isInWord points[i]
                          && (isMark points[i] || isUnspaced points[i] = unspaced) do
                        i <- i + 1

                    yield {
                        Points = ArraySegment(points, start, i - start)
                        IsUnspaced = unspaced
                    }
        }

    let text (points: ArraySegment<Rune>) (start: int) (count: int) : string =
        let builder = StringBuilder(2 * count)

        for i in start .. start + count - 1 do
            builder.Append(points[i].ToString()) |> ignore

        builder.ToString()

    let word (run: Run) =
        text run.Points 0 (min longest run.Points.Count)

    let pairs (run: Run) =
        seq {
            for i in 0 .. run.Points.Count - 2 do
                yield text run.Points i 2
        }

[<Sealed; AbstractClass>]
type SearchWords private () =

    static let distinct (most: int) (key: 'T -> string) (items: seq<'T>) : 'T[] =
        let seen = HashSet<string>(StringComparer.Ordinal)
        let kept = ResizeArray<'T>()
        use each = items.GetEnumerator()

        while kept.Count < most && each.MoveNext() do
            if seen.Add(key each.Current) then
                kept.Add each.Current

        kept.ToArray()

    /// The words of a text of ASCII characters, which most texts are, without runes.
    static let ofAscii (text: string) (most: int) : string[] =
        let seen = HashSet<string>(StringComparer.Ordinal)
        let kept = ResizeArray<string>()
        let mutable i = 0

        while kept.Count < most && i < text.Length do
            let start = i

            while i < text.Length && Char.IsAsciiLetterOrDigit text[i] do
                i <- i + 1

            if i = start then
                i <- i + 1
            else
                let word = text.Substring(start, min Runs.longest (i - start)).ToLowerInvariant()

                if seen.Add word then
                    kept.Add word

        kept.ToArray()

    static member Of(text: string, most: int) : string[] =
        if String.forall Char.IsAscii text then
            ofAscii text most
        else
            Runs.ofText (Folding.points text)
            |> Seq.collect (fun run ->
                if run.IsUnspaced then
                    // The last character by itself, so that every character begins some word.
                    Seq.append (Runs.pairs run) [ Runs.text run.Points (run.Points.Count - 1) 1 ]
                else
                    [ Runs.word run ])
            |> distinct most id

    static member OfSearch(term: string, most: int) : SearchTerm[] =
        Runs.ofText (Folding.points term)
        |> Seq.collect (fun run ->
            if not run.IsUnspaced then
                Seq.singleton (SearchTerm(Runs.word run, false))
            elif run.Points.Count = 1 then
                Seq.singleton (SearchTerm(Runs.word run, true))
            else
                Runs.pairs run |> Seq.map (fun pair -> SearchTerm(pair, false)))
        |> distinct most _.Word

    static member Match(terms: SearchTerm[], words: string[]) : bool =
        terms
        |> Array.forall (fun term ->
            words
            |> Array.exists (fun word ->
                if term.IsPrefix then
                    word.StartsWith(term.Word, StringComparison.Ordinal)
                else
                    String.Equals(word, term.Word)))

    static member Folded(text: string) : string =
        let points = Folding.points text
        Runs.text (ArraySegment points) 0 points.Length

    static member Highlights(term: string, most: int) : string[] =
        Runs.ofText (Folding.points term) |> Seq.map Runs.word |> distinct most id
