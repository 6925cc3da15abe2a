/// The words of texts: single cases. SearchProperties has the general statements.
module Matrix.Core.Tests.SearchTests

open Expecto
open Matrix.Testing
open Matrix.Core.Json
open Matrix.Core.Search

let private words text =
    SearchWords.Of(text, 100) |> String.concat " "

let private terms text =
    SearchWords.OfSearch(text, 100)
    |> Array.map (fun term -> if term.IsPrefix then term.Word + "*" else term.Word)
    |> String.concat " "

let private content (json: string) =
    let bytes = System.Text.Encoding.UTF8.GetBytes json

    match JsonReader.ParseObject(System.ReadOnlySpan bytes, Reading.Client, JsonLimits.clientBody) with
    | Ok o -> o
    | Error e -> failwith $"{e}"

let private textOf (eventType: string) (json: string) : string | null =
    match SearchedText.Of(eventType, content json) with
    | null -> null
    | text -> $"{text.Key} {text.Text}"

let tests =
    testList "SearchTests" [
        testTheory "A text has these words" [
            "Martians, and MEN", "martians and men"
            "don't foo_bar x-1", "don t foo bar x 1"
            "ＡＢＣ１２ ﾊﾟﾝ", "abc12 パン ン"
            "cafe\u0301 café", "café"
            "ΣΊΣΥΦΟΣ σίσυφος", "σίσυφοσ"
            "東京都", "東京 京都 都"
            "東 abc京", "東 abc 京"
            "สวัส", "สว วั ัส ส"
            "한국어 글", "한국 국어 어 글"
            "\u1112\u1161\u11AB\u1100\u116E\u11A8", "한국 국"
            "ꦗꦮ", "ꦗꦮ ꦮ"
            "葛\U000E0100城", "葛城 城"
            "ปี๒๕๖๗", "ปี ี ๒๕๖๗"
            "a\u00ADb c\u200Dd", "ab cd"
            "😀!? \u0010", "😀"
            "10€ + 3×4 → ♥", "10 € 3 × 4 → ♥"
            "👍🏽 I\u2764\uFE0FNY", "👍🏽 🏽 i ❤ ny"
            "a\uFFFD\uFFFCb", "a b"
        ]
        <| fun (text, expected) -> Expect.equal (words text) expected "words"

        testTheory "A search looks for these words" [
            "東京都 Foo", "東京 京都 foo"
            "都", "都*"
            "a 都 a", "a 都*"
            "학교", "학교"
            "학", "학*"
            "👍", "👍*"
        ]
        <| fun (text, expected) -> Expect.equal (terms text) expected "terms"

        testTheory "A search finds a text by a part of it" [
            "학교에서 만나요", "학교"
            "학교에서 만나요", "학"
            "우리 학교는", "학교"
            "so good 👍🏽", "👍"
            "♥♥♥", "♥"
            "สวัสดีครับ", "ครับ"
            "ꦱꦸꦒꦼꦁ", "ꦒꦼ"
        ]
        <| fun (text, term) ->
            Expect.isTrue (SearchWords.Match(SearchWords.OfSearch(term, 20), SearchWords.Of(text, 100))) "match"

        test "Long words are cut, in texts and in searches" {
            let long = System.String('x', 1000)
            Expect.equal (words long).Length 64 "words"
            Expect.equal (terms long) (words long) "terms"
        }

        testTheory "An event has this text" [
            "m.room.message", """{"body": "x"}""", ("Body x": string | null)
            "m.room.name", """{"name": "x", "body": "y"}""", "Name x"
            "m.room.topic", """{"topic": "x"}""", "Topic x"
            "m.room.topic", """{"topic": "x", "m.topic": {"m.text": [{"body": "x"}]}}""", "Topic x"
            "m.room.topic",
            """{"m.topic": {"m.text": [{"body": "<b>", "mimetype": "text/html"},
                {"body": "y", "mimetype": "text/plain"}]}}""",
            "Topic y"
            "m.room.message", """{"body": 1}""", null
            "m.room.topic", """{"topic": 1, "m.topic": {"m.text": 2}}""", null
            "m.room.encrypted", """{"body": "x"}""", null
        ]
        <| fun (eventType, json, expected) -> Expect.equal (textOf eventType json) expected "text of"
    ]
