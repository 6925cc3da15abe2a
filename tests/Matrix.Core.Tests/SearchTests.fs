/// The words of texts: single cases. SearchProperties has the general statements.
module Matrix.Core.Tests.SearchTests

open NUnit.Framework
open Matrix.Core.Json
open Matrix.Core.Search

let private words text =
    SearchWords.Of(text, 100) |> String.concat " "

let private terms text =
    SearchWords.OfSearch(text, 100)
    |> Array.map (fun term -> if term.IsPrefix then term.Word + "*" else term.Word)
    |> String.concat " "

[<TestCase("Martians, and MEN", "martians and men")>]
[<TestCase("don't foo_bar x-1", "don t foo bar x 1")>]
[<TestCase("ＡＢＣ１２ ﾊﾟﾝ", "abc12 パン ン")>]
[<TestCase("cafe\u0301 café", "café")>]
[<TestCase("ΣΊΣΥΦΟΣ σίσυφος", "σίσυφοσ")>]
[<TestCase("東京都", "東京 京都 都")>]
[<TestCase("東 abc京", "東 abc 京")>]
[<TestCase("สวัส", "สว วั ัส ส")>]
[<TestCase("한국어 글", "한국 국어 어 글")>]
[<TestCase("\u1112\u1161\u11AB\u1100\u116E\u11A8", "한국 국")>]
[<TestCase("ꦗꦮ", "ꦗꦮ ꦮ")>]
[<TestCase("葛\U000E0100城", "葛城 城")>]
[<TestCase("ปี๒๕๖๗", "ปี ี ๒๕๖๗")>]
[<TestCase("a\u00ADb c\u200Dd", "ab cd")>]
[<TestCase("😀!? \u0010", "😀")>]
[<TestCase("10€ + 3×4 → ♥", "10 € 3 × 4 → ♥")>]
[<TestCase("👍🏽 I\u2764\uFE0FNY", "👍🏽 🏽 i ❤ ny")>]
[<TestCase("a\uFFFD\uFFFCb", "a b")>]
let ``A text has these words`` (text: string, expected: string) =
    Assert.That(words text, Is.EqualTo expected)

[<TestCase("東京都 Foo", "東京 京都 foo")>]
[<TestCase("都", "都*")>]
[<TestCase("a 都 a", "a 都*")>]
[<TestCase("학교", "학교")>]
[<TestCase("학", "학*")>]
[<TestCase("👍", "👍*")>]
let ``A search looks for these words`` (text: string, expected: string) =
    Assert.That(terms text, Is.EqualTo expected)

[<TestCase("학교에서 만나요", "학교")>]
[<TestCase("학교에서 만나요", "학")>]
[<TestCase("우리 학교는", "학교")>]
[<TestCase("so good 👍🏽", "👍")>]
[<TestCase("♥♥♥", "♥")>]
[<TestCase("สวัสดีครับ", "ครับ")>]
[<TestCase("ꦱꦸꦒꦼꦁ", "ꦒꦼ")>]
let ``A search finds a text by a part of it`` (text: string, term: string) =
    Assert.That(SearchWords.Match(SearchWords.OfSearch(term, 20), SearchWords.Of(text, 100)), Is.True)

[<Test>]
let ``Long words are cut, in texts and in searches`` () =
    let long = System.String('x', 1000)
    Assert.That((words long).Length, Is.EqualTo 64)
    Assert.That(terms long, Is.EqualTo(words long))

let private content (json: string) =
    let bytes = System.Text.Encoding.UTF8.GetBytes json

    match JsonReader.ParseObject(System.ReadOnlySpan bytes, Reading.Client, JsonLimits.clientBody) with
    | Ok o -> o
    | Error e -> failwith $"{e}"

let private textOf (eventType: string) (json: string) : string | null =
    match SearchedText.Of(eventType, content json) with
    | null -> null
    | text -> $"{text.Key} {text.Text}"

[<TestCase("m.room.message", """{"body": "x"}""", "Body x")>]
[<TestCase("m.room.name", """{"name": "x", "body": "y"}""", "Name x")>]
[<TestCase("m.room.topic", """{"topic": "x"}""", "Topic x")>]
[<TestCase("m.room.topic", """{"topic": "x", "m.topic": {"m.text": [{"body": "x"}]}}""", "Topic x")>]
[<TestCase("m.room.topic",
           """{"m.topic": {"m.text": [{"body": "<b>", "mimetype": "text/html"},
                {"body": "y", "mimetype": "text/plain"}]}}""",
           "Topic y")>]
[<TestCase("m.room.message", """{"body": 1}""", null)>]
[<TestCase("m.room.topic", """{"topic": 1, "m.topic": {"m.text": 2}}""", null)>]
[<TestCase("m.room.encrypted", """{"body": "x"}""", null)>]
let ``An event has this text`` (eventType: string, json: string, expected: string | null) =
    Assert.That(textOf eventType json, Is.EqualTo expected)
