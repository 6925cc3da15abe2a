namespace Matrix.Core.Push

/// A text prepared for case-insensitive matching: its code points, folded. Made once for many patterns.
[<Sealed>]
type FoldedText =
    static member Of: text: string -> FoldedText

/// A glob-style pattern: `*` is zero or more characters, `?` is exactly one; case does not count. A character is a code
/// point. Appendices, "Glob-style matching". Costs at most length of text times length of the longest part between
/// stars.
[<Sealed>]
type Glob =
    static member Of: pattern: string -> Glob

    /// The pattern that matches exactly this text: stars and question marks are literal.
    static member Literal: text: string -> Glob

    /// Whether the whole text matches.
    member Matches: text: FoldedText -> bool

    /// Whether a part of the text matches that starts and ends at a word boundary: an end of the text, or a character
    /// other than `A-Z`, `a-z`, `0-9` and `_`. Client-Server API, "Push Rules", on `content.body`.
    member MatchesWords: text: FoldedText -> bool
