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
let ``Members can be left out in writing`` () =
    match read Reading.Strict """{"a":1,"b":2,"c":3}""" with
    | Ok(Json.Object o) ->
        use out = new ByteBuffer(1)
        CanonicalJson.writeWithout out o [| "a"; "c" |]
        Assert.That(Encoding.UTF8.GetString out.Written, Is.EqualTo """{"b":2}""")
    | other -> Assert.Fail $"{other}"
