namespace Matrix.Properties.Properties

open System
open FsCheck
open FsCheck.FSharp
open Matrix.Core.Search
open Matrix.Properties

/// The words of texts, and searches for them.
module SearchProperties =

    let private part =
        Gen.frequency [
            6, Gen.elements [ "a"; "Bc"; "9"; "straße"; "Σίσυφος"; "кот"; "한국어" ]
            4, Gen.elements [ " "; ", "; "-"; "'"; "\n"; "\000"; "_"; "!"; "*"; "\"" ]
            4, Gen.elements [ "東"; "京"; "都"; "に"; "ス"; "ｶ"; "ﾞ"; "ス"; "ＡＢ" ]
            2, Gen.elements [ "ส"; "วั"; "ดี"; "e\u0301"; "é"; "\u0301"; "\u200D" ]
            2, Gen.elements [ "한국"; "\u1112"; "\u1161"; "\u11AB"; "♥"; "€"; "👍"; "🏽"; "ꦗ"; "\uFE0F" ]
            1, Gen.elements [ "😀"; "𠀋"; "\uD83D"; "\uDE00"; "\u0010"; "\uFFFF" ]
        ]

    let private text =
        Gen.sized (fun size ->
            Gen.choose (0, min 30 size)
            |> Gen.bind (fun n -> Gen.listOfLength n part)
            |> Gen.map (String.concat ""))

    let private most = 10_000

    /// Both databases divide words at the same characters.
    let plain =
        Property.forAll
            "search.words-are-plain"
            "A word has no space, no ASCII character but a-z and 0-9, and no lone surrogate."
            text
            (fun text ->
                SearchWords.Of(text, most)
                |> Array.forall (fun word ->
                    word.Length > 0
                    && word.EnumerateRunes()
                       |> Seq.forall (fun rune ->
                           rune.Value <> 0xFFFD
                           && (not rune.IsAscii
                               || Char.IsAsciiLetterLower(char rune.Value)
                               || Char.IsAsciiDigit(char rune.Value))
                           && not (Text.Rune.IsWhiteSpace rune))))

    /// A search for a text finds it.
    let itself =
        Property.forAll
            "search.finds-itself"
            "A text has all words of a search for it, or for the text in upper case."
            text
            (fun text ->
                let words = SearchWords.Of(text, most)

                SearchWords.Match(SearchWords.OfSearch(text, most), words)
                && SearchWords.Match(SearchWords.OfSearch(SearchWords.Folded text, most), words))

    /// More text has more words.
    let growing =
        Property.forAll
            "search.more-text-more-hits"
            "A text that follows another after a space takes no word away."
            (Gen.zip text text)
            (fun (first, second) ->
                let both = SearchWords.Of(first + " " + second, most)

                SearchWords.Of(first, most)
                |> Array.forall (fun word -> Array.contains word both))

    /// The bound holds, and keeps the first words.
    let bounded =
        Property.forAll
            "search.words-are-bounded"
            "Of a bound of n, the first n different words are kept."
            (Gen.zip (Gen.choose (0, 5)) text)
            (fun (n, text) ->
                let all = SearchWords.Of(text, most)
                let some = SearchWords.Of(text, n)

                some = Array.truncate n all && (Array.distinct all).Length = all.Length)

    /// Texts of ASCII characters are divided in a way of their own, which is faster.
    let ascii =
        Property.forAll
            "search.ascii-texts"
            "A text of ASCII characters has the same words if another word follows it that is not of these."
            text
            (fun text ->
                let text = String.filter Char.IsAscii text

                SearchWords.Of(text + " é", most) = Array.append (SearchWords.Of(text, most)) [| "é" |])

    /// All of them.
    let all: Property list = [ plain; itself; growing; bounded; ascii ]
