namespace Matrix.Properties.Generators

open System.Text
open FsCheck
open FsCheck.FSharp
open Matrix.Core.Json

/// JSON values of every shape, and texts for them.
[<RequireQualifiedAccess>]
module JsonGen =

    /// Characters that writers, sorters and databases treat differently: controls, quotes, private use, astral.
    let private scalar: Gen<string> =
        Gen.frequency [
            12, Gen.elements [ "a"; "b"; "z"; "A"; "0"; "."; "_"; " "; "/" ]
            2, Gen.elements [ "\""; "\\"; "\b"; "\t"; "\n"; "\012"; "\r"; "\000"; "\031"; "\127" ]
            2,
            Gen.elements [
                "é"
                "ß"
                "日"
                "本"
                "\u2028"
                "\u2029"
                "\uD7FF"
                "\uE000"
                "\uFFFD"
                "\uFFFF"
            ]
            1, Gen.elements [ "😀"; "🏳️‍🌈"; "\U00010000"; "\U0010FFFF" ]
        ]

    /// Strings without lone surrogates.
    let text: Gen<string> =
        Gen.sized (fun size ->
            Gen.choose (0, min 12 (size + 1))
            |> Gen.bind (fun n -> Gen.listOfLength n scalar)
            |> Gen.map (String.concat ""))

    /// Integers of canonical JSON, including its bounds.
    let integer: Gen<int64> =
        Gen.frequency [
            3, Gen.choose (-100, 100) |> Gen.map int64
            1, Gen.elements [ Numbers.MaxInteger; -Numbers.MaxInteger; 0L; 9007199254740990L ]
            1, Gen.choose64 (-Numbers.MaxInteger, Numbers.MaxInteger)
        ]

    /// Finite floats.
    let float: Gen<double> =
        Gen.frequency [
            1,
            Gen.elements [
                0.0
                -0.0
                1.0
                1e16
                1e15
                1e-4
                1e-5
                1.5e300
                5e-324
                9.999999999999999e22
            ]
            2, Gen.choose (-100000, 100000) |> Gen.map (fun n -> double n / 64.0)
            1,
            Gen.choose64 (System.Int64.MinValue, System.Int64.MaxValue)
            |> Gen.map System.BitConverter.Int64BitsToDouble
        ]
        |> Gen.filter System.Double.IsFinite

    let rec private value (leaf: Gen<Json>) (depth: int) : Gen<Json> =
        if depth = 0 then
            leaf
        else
            let inner = value leaf (depth - 1)

            Gen.frequency [
                3, leaf
                1,
                Gen.choose (0, 4)
                |> Gen.bind (fun n -> Gen.arrayOfLength n inner)
                |> Gen.map Json.Array
                2, object inner |> Gen.map Json.Object
            ]

    and private object (inner: Gen<Json>) : Gen<JsonObject> =
        Gen.choose (0, 12)
        |> Gen.bind (fun n -> Gen.listOfLength n (Gen.map2 (fun k v -> struct (k, v)) text inner))
        |> Gen.map JsonObject.OfSeq

    let private strictLeaf =
        Gen.oneof [
            text |> Gen.map Json.String
            integer |> Gen.map Json.Int
            Gen.elements [ Json.Null; Json.Bool true; Json.Bool false ]
        ]

    /// Values that strict reading accepts.
    let strict: Gen<Json> = value strictLeaf 3

    /// Values that lenient reading accepts.
    let lenient: Gen<Json> =
        let bigInt =
            Gen.elements [
                "9223372036854775808"
                "-9223372036854775809"
                "123456789012345678901234567890"
            ]

        value (Gen.frequency [ 6, strictLeaf; 2, Gen.map Json.Float float; 1, Gen.map Json.BigInt bigInt ]) 3

    /// Objects that strict reading accepts.
    let strictObject: Gen<JsonObject> = object (value strictLeaf 2)

    /// Smaller values: members and items are removed, or replace the value.
    let rec shrink (json: Json) : seq<Json> =
        match json with
        | Json.Array items ->
            seq {
                yield! items

                for i in 0 .. items.Length - 1 do
                    yield Json.Array(Array.removeAt i items)
            }
        | Json.Object o ->
            seq {
                for struct (_, v) in o.Members do
                    yield v

                for i in 0 .. o.Count - 1 do
                    yield Json.Object(JsonObject.OfSeq(Seq.removeAt i o.Members))
            }
        | Json.String s when s.Length > 0 && not (System.Char.IsSurrogate s[0]) ->
            Seq.singleton (Json.String(s.Substring 1))
        | _ -> Seq.empty

    let private character (c: char) =
        Gen.frequency [
            3,
            Gen.constant (
                if c < ' ' || c = '"' || c = '\\' then
                    $"\\u%04X{int c}"
                else
                    string c
            )
            1, Gen.constant $"\\u%04x{int c}"
        ]

    /// The text of a string, with needless escapes.
    let private quoted (s: string) =
        gen {
            let! parts = s |> Seq.map character |> Gen.sequenceToList
            // Half of a surrogate pair escaped and half not is no JSON: escape both or none.
            let text = StringBuilder()
            let parts = List.toArray parts

            for i in 0 .. s.Length - 1 do
                if System.Char.IsSurrogate s[i] then
                    text.Append("\\u").Append((int s[i]).ToString "x4") |> ignore
                else
                    text.Append(parts[i]: string) |> ignore

            return "\"" + text.ToString() + "\""
        }

    /// A non-canonical text of the value: white space, shuffled members, members given twice (the last one counts),
    /// needless escapes.
    let loosely (json: Json) : Gen<string> =
        let space = Gen.elements [ ""; ""; " "; "\n"; "\t "; "\r\n" ]

        let rec go (json: Json) =
            gen {
                let! before = space
                let! after = space

                let! inner =
                    match json with
                    | Json.String s -> quoted s
                    | Json.Array items ->
                        gen {
                            let! texts = items |> Seq.map go |> Gen.sequenceToList
                            return "[" + String.concat "," texts + "]"
                        }
                    | Json.Object o ->
                        gen {
                            let! order = Gen.shuffle (Seq.toArray o.Members)
                            let! twice = Gen.elements [ false; false; true ]

                            let given =
                                if twice && order.Length > 0 then
                                    let struct (k, _) = order[order.Length - 1]
                                    Array.append [| struct (k, Json.String "overridden") |] order
                                else
                                    order

                            let! texts =
                                given
                                |> Seq.map (fun (struct (k, v)) -> Gen.map2 (fun k v -> k + ":" + v) (quoted k) (go v))
                                |> Gen.sequenceToList

                            return "{" + String.concat "," texts + "}"
                        }
                    | other -> Gen.constant (CanonicalJson.text other)

                return before + inner + after
            }

        go json
