namespace Matrix.Core.Push

/// A text made ready for matching without regard to case: its code points, folded. Made once for many patterns.
[<Sealed>]
type FoldedText =
    static member Of: text: string -> FoldedText

/// A glob-style pattern: `*` is zero or more characters, `?` is exactly one; case does not count. A character is a code point.
/// Appendices, "Glob-style matching". Costs at most length of text times length of the longest part between stars.
[<Sealed>]
type Glob =
    static member Of: pattern: string -> Glob

    /// The pattern that matches a text and nothing else: stars and question marks in it stand for themselves.
    static member Literal: text: string -> Glob

    /// Whether the whole text matches.
    member Matches: text: FoldedText -> bool

    /// Whether a part of the text matches that starts and ends at a word boundary: an end of the text, or a character
    /// that is none of `A-Z`, `a-z`, `0-9` and `_`. Client-Server API, "Push Rules", on `content.body`.
    member MatchesWords: text: FoldedText -> bool
