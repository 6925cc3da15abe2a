namespace Matrix.Core.Push

/// A text prepared for case-insensitive matching: its folded code points. Made once for many patterns.
[<Sealed>]
type FoldedText =
    static member Of: text: string -> FoldedText

/// A glob-style pattern: `*` is zero or more characters, `?` is exactly one; case is ignored. A character is a code
/// point. v1.19 appendices#glob-style-matching. A match costs a few steps for each code point of the text, whatever the
/// pattern: one more for every 64 code points of the longest part between stars.
[<Sealed>]
type Glob =
    static member Of: pattern: string -> Glob

    /// The pattern that matches exactly this text, with literal stars and question marks.
    static member Literal: text: string -> Glob

    /// The most steps that a match with a text takes.
    member internal StepsFor: text: FoldedText -> int64

    /// Whether the whole text matches.
    member Matches: text: FoldedText -> bool

    /// Whether some part of the text between word boundaries matches. A word boundary is an end of the text, or a
    /// character other than `A-Z`, `a-z`, `0-9` and `_`. v1.19 client-server-api#push-rules, on `content.body`.
    member MatchesWords: text: FoldedText -> bool
