module Matrix.Core.Tests.JsonTests

open System
open System.Text
open Expecto
open Matrix.Testing
open Matrix.Core.Json

let private read (reading: Reading) (text: string) =
    JsonReader.Parse(ReadOnlySpan<byte>(Encoding.UTF8.GetBytes text), reading, JsonLimits.event)

let tests =
    testList "JsonTests" [
        test "A fault is reported with its position" {
            let offset text =
                match read Reading.Strict text with
                | Error e -> e.Offset
                | Ok _ -> -1

            Expect.equal (offset """{"a":1,"b":1.5}""") 11 "offset"
            Expect.equal (offset """{"a":"\ud800"}""") 5 "offset"
            Expect.equal (offset """["é",nope]""") 6 "offset"
        }

        test "A text longer than allowed is not read" {
            let limits = { JsonLimits.event with Bytes = 3 }

            match JsonReader.Parse(ReadOnlySpan<byte> "nope"B, Reading.Strict, limits) with
            | Error { Fault = JsonFault.TooLarge(4, 3) } -> ()
            | other -> failtest $"{other}"
        }

        test "Text that is no JSON is distinguished from JSON that Matrix does not allow" {
            let isNotJson text =
                match read Reading.Strict text with
                | Error e -> e.IsNotJson
                | Ok _ -> failwith "accepted"

            Expect.allEqual ([ "{"; "nope"; "{}x" ] |> List.map isNotJson) true "nope"
            Expect.allEqual ([ "1.5"; "9007199254740992"; "\"\\ud800\"" ] |> List.map isNotJson) false "ud 800"
        }

        test "A large unsorted object is read quickly" {
            // Sorting and the search for duplicates must not be quadratic: 200,000 keys, in reverse order, each twice.
            let text = StringBuilder "{"

            for i in 200000..-1..1 do
                text.Append($"\"{i}\":1,\"{i}\":{i},") |> ignore

            let bytes = Encoding.UTF8.GetBytes(text.Append("\"0\":0}").ToString())

            match JsonReader.ParseObject(ReadOnlySpan<byte> bytes, Reading.Strict, JsonLimits.federationBody) with
            | Ok o ->
                Expect.equal o.Count 200001 "number of o"
                Expect.equal (o.TryFind "77") (ValueSome(Json.Int 77L)) "try find"
            | Error e -> failtest $"{e}"
        }

        test "An object is made of members in any order, of which the last of a key counts" {
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
                Expect.equal (members (objectOf keys)) expected "members"
        }

        test "A value is set for a key that an object has, and for one that it has not" {
            for count in [ 0; 1; 3; 20 ] do
                let keys = [ for i in 1..count -> $"{char (int 'a' + i)}" ]

                let before = JsonObject.OfSeq(keys |> Seq.map (fun key -> struct (key, Json.Null)))

                for key in keys @ [ "a"; "bb"; "k2"; "z"; "\U00010000" ] do
                    let after = before.With(key, Json.Bool true)

                    let expected =
                        JsonObject.OfSeq(Seq.append before.Members [ struct (key, Json.Bool true) ])

                    Expect.isTrue (after.Equals expected) $"{key} in {count}"
                    Expect.equal (after.TryFind key) (ValueSome(Json.Bool true)) "try find"

                Expect.isTrue (before.Members |> Seq.forall (fun (struct (_, value)) -> value.IsNull)) "members"
        }

        test "Members can be left out in writing" {
            match read Reading.Strict """{"a":1,"b":2,"c":3}""" with
            | Ok(Json.Object o) ->
                use out = new ByteBuffer(1)
                CanonicalJson.writeWithout out o [| "a"; "c" |]
                Expect.equal (Encoding.UTF8.GetString out.Written) """{"b":2}""" "get string"
            | other -> failtest $"{other}"
        }
    ]
