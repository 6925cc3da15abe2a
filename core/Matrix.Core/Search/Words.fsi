namespace Matrix.Core.Search

/// A word that a search looks for.
[<Sealed>]
type SearchTerm =
    /// The word, as in the index.
    member Word: string

    /// Whether words that begin with it match too. So it is for a single character of those that are indexed by pairs.
    member IsPrefix: bool

/// Divides texts into the words of the index. A word consists of letters, digits, marks and symbols, in lower case; it
/// contains no space, and no ASCII character other than `a` to `z` and `0` to `9`. Where words are not spaced (Han,
/// Kana, Thai, Javanese and others), in Hangul, whose words have endings, and of symbols, every pair of adjacent
/// characters is a word. The ranges are in `WordRanges`.
[<Sealed; AbstractClass>]
type SearchWords =
    /// The words of a text, each once, in the order of their first appearance; at most `most`.
    static member Of: text: string * most: int -> string[]

    /// The words that a search looks for; at most `most`, each once.
    static member OfSearch: term: string * most: int -> SearchTerm[]

    /// Whether a text has all words of a search.
    static member Match: terms: SearchTerm[] * words: string[] -> bool

    /// The text in the form in which words are compared.
    static member Folded: text: string -> string

    /// What is to be highlighted in the results of a search: the words of the term, not divided into pairs.
    static member Highlights: term: string * most: int -> string[]
