module Matrix.Core.Tests.JsonTests

open System
open System.Text
open NUnit.Framework
open Matrix.Core.Json

let private read (reading: Reading) (text: string) =
    JsonReader.Parse(ReadOnlySpan<byte>(Encoding.UTF8.GetBytes text), reading, JsonLimits.event)

[<Test>]
let ``A fault is reported with its position`` () =
    let offset text =
        match read Reading.Strict text with
        | Error e -> e.Offset
        | Ok _ -> -1

    Assert.That(offset """{"a":1,"b":1.5}""", Is.EqualTo 11)
    Assert.That(offset """{"a":"\ud800"}""", Is.EqualTo 5)
    Assert.That(offset """["é",nope]""", Is.EqualTo 6)

[<Test>]
let ``A text longer than allowed is not read`` () =
    let limits = { JsonLimits.event with Bytes = 3 }

    match JsonReader.Parse(ReadOnlySpan<byte> "nope"B, Reading.Strict, limits) with
    | Error { Fault = JsonFault.TooLarge(4, 3) } -> ()
    | other -> Assert.Fail $"{other}"

[<Test>]
let ``Text that is no JSON is distinguished from JSON that Matrix does not allow`` () =
    let isNotJson text =
        match read Reading.Strict text with
        | Error e -> e.IsNotJson
        | Ok _ -> failwith "accepted"

    Assert.That([ "{"; "nope"; "{}x" ] |> List.map isNotJson, Is.All.True)
    Assert.That([ "1.5"; "9007199254740992"; "\"\\ud800\"" ] |> List.map isNotJson, Is.All.False)

[<Test>]
let ``A large unsorted object is read quickly`` () =
    // Sorting and the search for duplicates must not be quadratic: 200,000 keys, in reverse order, each twice.
    let text = StringBuilder "{"

    for i in 200000..-1..1 do
        text.Append($"\"{i}\":1,\"{i}\":{i},") |> ignore

    let bytes = Encoding.UTF8.GetBytes(text.Append("\"0\":0}").ToString())

    match JsonReader.ParseObject(ReadOnlySpan<byte> bytes, Reading.Strict, JsonLimits.federationBody) with
    | Ok o ->
        Assert.That(o.Count, Is.EqualTo 200001)
        Assert.That(o.TryFind "77", Is.EqualTo(ValueSome(Json.Int 77L)))
    | Error e -> Assert.Fail $"{e}"

[<Test>]
let ``An object is made of members in any order, of which the last of a key counts`` () =
    let objectOf keys =
        JsonObject.OfSeq(keys |> Seq.mapi (fun place key -> struct (key, Json.Int place)))

    let members (o: JsonObject) =
        String.Join(
            ' ',
            seq {
                for struct (key, value) in o.Members do
                    match value with
                    | Json.Int place -> $"{key}{place}"
                    | other -> failwith $"{other}"
            }
        )

    // U+E000 is before U+10000, whose UTF-16 begins with a lower number.
    let cases = [
        [], ""
        [ "a"; "b" ], "a0 b1"
        [ "b"; "a"; "c" ], "a1 b0 c2"
        [ "a"; "a" ], "a1"
        [ "a"; "b"; "b"; "a" ], "a3 b2"
        [ "\U00010000"; "\uE000" ], "\uE0001 \U000100000"
    ]

    for keys, expected: string in cases do
        Assert.That(members (objectOf keys), Is.EqualTo expected)

[<Test>]
let ``A value is set for a key that an object has, and for one that it has not`` () =
    for count in [ 0; 1; 3; 20 ] do
        let keys = [ for i in 1..count -> $"{char (int 'a' + i)}" ]

        let before = JsonObject.OfSeq(keys |> Seq.map (fun key -> struct (key, Json.Null)))

        for key in keys @ [ "a"; "bb"; "k2"; "z"; "\U00010000" ] do
            let after = before.With(key, Json.Bool true)

            let expected =
                JsonObject.OfSeq(Seq.append before.Members [ struct (key, Json.Bool true) ])

            Assert.That(after.Equals expected, Is.True, $"{key} in {count}")
            Assert.That(after.TryFind key, Is.EqualTo(ValueSome(Json.Bool true)))

        Assert.That(before.Members |> Seq.forall (fun (struct (_, value)) -> value.IsNull), Is.True)

[<Test>]
let ``Members can be left out in writing`` () =
    match read Reading.Strict """{"a":1,"b":2,"c":3}""" with
    | Ok(Json.Object o) ->
        use out = new ByteBuffer(1)
        CanonicalJson.writeWithout out o [| "a"; "c" |]
        Assert.That(Encoding.UTF8.GetString out.Written, Is.EqualTo """{"b":2}""")
    | other -> Assert.Fail $"{other}"
