namespace Matrix.Core.Push

open System
open System.Collections.Generic
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

/// A long part is found in a text by a set of states: bit `i` is set after a code point of the text if the first
/// `i + 1` code points of the part end there. All states of 64 code points move in one step.
[<Sealed>]
type private PartStates(part: int[], anyPoint: int) =

    let words = (part.Length + 63) / 64
    let lastBit = 1UL <<< ((part.Length - 1) % 64)
    let anyMask = Array.zeroCreate<uint64> words

    /// For each code point its places in the part, as words with their index.
    let masks = Dictionary<int, ResizeArray<struct (int * uint64)>>()

    let mutable states = Array.zeroCreate<uint64> words
    let mutable next = Array.zeroCreate<uint64> words

    do
        for i in 0 .. part.Length - 1 do
            let word, bit = i / 64, 1UL <<< (i % 64)

            if part[i] = anyPoint then
                anyMask[word] <- anyMask[word] ||| bit
            else
                match masks.TryGetValue part[i] with
                | true, places ->
                    match places[places.Count - 1] with
                    | struct (last, mask) when last = word -> places[places.Count - 1] <- struct (word, mask ||| bit)
                    | _ -> places.Add(struct (word, bit))
                | _ -> masks[part[i]] <- ResizeArray [ struct (word, bit) ]

    /// Whether no place of the text so far may still begin the part.
    member _.IsIdle = not (ReadOnlySpan(states).ContainsAnyExcept 0UL)

    /// Takes a code point of the text; whether the part ends there.
    member _.Take(point: int) : bool =
        let mutable carry = 1UL

        for w in 0 .. words - 1 do
            let moved = (states[w] <<< 1) ||| carry
            carry <- states[w] >>> 63
            states[w] <- moved
            next[w] <- moved &&& anyMask[w]

        match masks.TryGetValue point with
        | true, places ->
            for struct (word, mask) in places do
                next[word] <- next[word] ||| (states[word] &&& mask)
        | _ -> ()

        let before = states
        states <- next
        next <- before
        states[words - 1] &&& lastBit <> 0UL

/// A part of a pattern between stars.
[<Sealed>]
type private GlobPart(points: int[]) =

    /// `?` in a part.
    static let anyPoint = -1

    /// A part of at most this length is compared at every place where it may begin.
    static let short = 32

    let isAt (text: int[]) (place: int) =
        let mutable i = 0

        while i < points.Length && (points[i] = anyPoint || points[i] = text[place + i]) do
            i <- i + 1

        i = points.Length

    /// The first place from one on, and up to another, at which the first code point is. Most places are none: the
    /// search is vectorised.
    let skip (text: int[]) (place: int) (last: int) =
        if points.Length = 0 || points[0] = anyPoint || place > last then
            place
        else
            match ReadOnlySpan(text, place, last - place + 1).IndexOf points[0] with
            | -1 -> last + 1
            | ahead -> place + ahead

    member _.Length = points.Length

    /// What a match costs for each code point of the text.
    member _.Steps =
        if points.Length <= short then
            1 + points.Length / 8
        else
            4 + points.Length / 64

    /// Whether the part is at a place; the text goes at least that far.
    member _.IsAt(text: int[], place: int) = isAt text place

    /// The first index from `start` at which the part is and `pleases` accepts it; -1 if there is none.
    member _.Search(text: int[], start: int, pleases: int -> bool) =
        let last = text.Length - points.Length
        let mutable found = -1

        if points.Length <= short then
            let mutable place = skip text start last

            while found < 0 && place <= last do
                if isAt text place && pleases place then
                    found <- place
                else
                    place <- skip text (place + 1) last
        elif start <= last then
            let states = PartStates(points, anyPoint)
            let mutable place = start

            while found < 0 && place < text.Length do
                // Where nothing has begun, the part may begin.
                if states.IsIdle then
                    let ahead = skip text place last
                    place <- if ahead > last then text.Length else ahead

                if place < text.Length then
                    let first = place - points.Length + 1

                    if states.Take text[place] && pleases first then
                        found <- first

                    place <- place + 1

        found

    static member Of(part: string) =
        GlobPart [|
            for rune in part.EnumerateRunes() do
                if rune.Value = int '?' then anyPoint else Fold.point rune
        |]

    static member Literal(text: FoldedText) = GlobPart text.Points

[<Sealed>]
type Glob private (parts: GlobPart[]) =

    static let anywhere (_: int) = true

    /// Between the first and the last part, the leftmost match of each part leaves the most text for later parts.
    static let middle (parts: GlobPart[]) (text: int[]) (start: int) =
        let mutable at = start
        let mutable i = 1

        while at >= 0 && i < parts.Length - 1 do
            let place = parts[i].Search(text, at, anywhere)
            at <- if place < 0 then -1 else place + parts[i].Length
            i <- i + 1

        at

    let steps = parts |> Array.fold (fun most part -> max most part.Steps) 1

    static member Of(pattern: string) : Glob =
        Glob(pattern.Split '*' |> Array.map GlobPart.Of)

    static member Literal(text: string) : Glob =
        Glob [| GlobPart.Literal(FoldedText.Of text) |]

    member _.StepsFor(text: FoldedText) : int64 =
        int64 (text.Points.Length + parts.Length) * int64 steps

    member _.Matches(text: FoldedText) : bool =
        let points = text.Points
        let first, last = parts[0], parts[parts.Length - 1]

        if parts.Length = 1 then
            points.Length = first.Length && first.IsAt(points, 0)
        elif points.Length < first.Length + last.Length || not (first.IsAt(points, 0)) then
            false
        else
            let at = middle parts points first.Length
            let place = points.Length - last.Length
            at >= 0 && at <= place && last.IsAt(points, place)

    member _.MatchesWords(text: FoldedText) : bool =
        let points = text.Points
        let first, last = parts[0], parts[parts.Length - 1]
        let starts place = Words.isBoundary points place

        if parts.Length = 1 then
            first.Search(points, 0, (fun place -> starts place && Words.isBoundary points (place + first.Length)))
            >= 0
        else
            match first.Search(points, 0, starts) with
            | -1 -> false
            | place ->
                match middle parts points (place + first.Length) with
                | -1 -> false
                | at ->
                    last.Search(points, at, (fun place -> Words.isBoundary points (place + last.Length)))
                    >= 0
