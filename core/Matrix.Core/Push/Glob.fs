namespace Matrix.Core.Push

open System
open System.Text

module private Fold =

    /// Lower case, code point by code point. Non-ASCII stays non-ASCII (the Kelvin sign does not become k), so that
    /// folding moves no word boundary.
    let point (rune: Rune) =
        let lower = Rune.ToLowerInvariant rune

        if lower.IsAscii && not rune.IsAscii then
            rune.Value
        else
            lower.Value

[<Sealed>]
type FoldedText private (points: int[]) =

    static member Of(text: string) : FoldedText =
        let points = Array.zeroCreate<int> text.Length
        let mutable n = 0

        // A lone surrogate, which should not occur, is read as U+FFFD.
        for rune in text.EnumerateRunes() do
            points[n] <- Fold.point rune
            n <- n + 1

        FoldedText(if n = points.Length then points else Array.sub points 0 n)

    member internal _.Points = points

module private Words =

    /// Folded points have no upper case.
    let isWordPoint (c: int) =
        (c >= int 'a' && c <= int 'z') || (c >= int '0' && c <= int '9') || c = int '_'

    /// Whether there is a word boundary between two code points.
    let isBoundary (text: int[]) (place: int) =
        place = 0
        || place = text.Length
        || not (isWordPoint text[place - 1])
        || not (isWordPoint text[place])

[<Sealed>]
type Glob private (parts: int[][]) =

    /// `?` in a part.
    static let anyPoint = -1

    static let matchesAt (part: int[]) (text: int[]) (place: int) =
        let mutable i = 0

        while i < part.Length && (part[i] = anyPoint || part[i] = text[place + i]) do
            i <- i + 1

        i = part.Length

    /// The first index from `start` at which a part matches and `pleases` accepts it; -1 if there is none.
    static let search (part: int[]) (text: int[]) (start: int) (pleases: int -> bool) =
        let last = text.Length - part.Length
        let mutable place = start
        let mutable found = -1

        while found < 0 && place <= last do
            // Most positions fail at the first code point: a vectorised search skips them.
            if part.Length > 0 && part[0] <> anyPoint then
                let skip = ReadOnlySpan(text, place, last - place + 1).IndexOf part[0]
                place <- if skip < 0 then last + 1 else place + skip

            if place <= last then
                if matchesAt part text place && pleases place then
                    found <- place
                else
                    place <- place + 1

        found

    /// Between the first and the last part, the leftmost match of each part leaves the most text for later parts.
    static let middle (parts: int[][]) (text: int[]) (start: int) =
        let mutable at = start
        let mutable i = 1

        while at >= 0 && i < parts.Length - 1 do
            let place = search parts[i] text at (fun _ -> true)
            at <- if place < 0 then -1 else place + parts[i].Length
            i <- i + 1

        at

    static member Of(pattern: string) : Glob =
        let points (part: string) = [|
            for rune in part.EnumerateRunes() do
                if rune.Value = int '?' then anyPoint else Fold.point rune
        |]

        Glob(pattern.Split '*' |> Array.map points)

    static member Literal(text: string) : Glob = Glob([| (FoldedText.Of text).Points |])

    member _.Matches(text: FoldedText) : bool =
        let points = text.Points
        let first, last = parts[0], parts[parts.Length - 1]

        if parts.Length = 1 then
            points.Length = first.Length && matchesAt first points 0
        elif points.Length < first.Length + last.Length || not (matchesAt first points 0) then
            false
        else
            let at = middle parts points first.Length
            let place = points.Length - last.Length
            at >= 0 && at <= place && matchesAt last points place

    member _.MatchesWords(text: FoldedText) : bool =
        let points = text.Points
        let first, last = parts[0], parts[parts.Length - 1]
        let starts place = Words.isBoundary points place

        if parts.Length = 1 then
            search first points 0 (fun place -> starts place && Words.isBoundary points (place + first.Length))
            >= 0
        else
            match search first points 0 starts with
            | -1 -> false
            | place ->
                match middle parts points (place + first.Length) with
                | -1 -> false
                | at ->
                    search last points at (fun place -> Words.isBoundary points (place + last.Length))
                    >= 0
