namespace Matrix.Properties.Properties

open System
open System.Text
open FsCheck
open FsCheck.FSharp
open Matrix.Core.Json
open Matrix.Properties
open Matrix.Properties.Generators

/// Canonical JSON. v1.19 appendices#canonical-json
module JsonProperties =

    let private read (reading: Reading) (bytes: byte[]) =
        JsonReader.Parse(ReadOnlySpan<byte> bytes, reading, JsonLimits.clientBody)

    /// Writing and reading back changes nothing.
    let roundTrip =
        Property.forAllShrink
            "json.round-trip"
            "Reading a written value gives the same value."
            JsonGen.strict
            JsonGen.shrink
            (fun json -> read Reading.Strict (CanonicalJson.bytes json) = Ok json)

    /// The same for the floats of old rooms.
    let lenientRoundTrip =
        Property.forAllShrink
            "json.round-trip.lenient"
            "Lenient reading of a written value gives the same value, floats included."
            JsonGen.lenient
            JsonGen.shrink
            (fun json -> read Reading.Lenient (CanonicalJson.bytes json) = Ok json)

    /// A value has one canonical form.
    let oneForm =
        Property.forAll
            "json.one-form"
            "However a value is spelt (white space, order, escapes, a member given twice), its canonical bytes are \
             the same."
            (JsonGen.strict
             |> Gen.bind (fun json -> JsonGen.loosely json |> Gen.map (fun text -> json, text)))
            (fun (json, text) ->
                match read Reading.Strict (Encoding.UTF8.GetBytes text) with
                | Ok parsed ->
                    ReadOnlySpan<byte>(CanonicalJson.bytes parsed)
                        .SequenceEqual(ReadOnlySpan<byte>(CanonicalJson.bytes json))
                | Error _ -> false)

    /// Keys are ordered by their bytes.
    let keyOrder =
        Property.forAll "json.key-order" "Keys are compared by their UTF-8 bytes." (Gen.two JsonGen.text) (fun (a, b) ->
            let bytes =
                ReadOnlySpan<byte>(Encoding.UTF8.GetBytes a)
                    .SequenceCompareTo(ReadOnlySpan<byte>(Encoding.UTF8.GetBytes b))

            sign (JsonObject.CompareKeys(a, b)) = sign bytes)

    /// Reading never throws.
    let total =
        let mutated =
            gen {
                let! json = JsonGen.lenient
                let bytes = CanonicalJson.bytes json
                let! edits = Gen.choose (1, 3)

                for _ in 1..edits do
                    let! at = Gen.choose (0, max 0 (bytes.Length - 1))
                    let! b = Gen.choose (0, 255)

                    if bytes.Length > 0 then
                        bytes[at] <- byte b

                return bytes
            }

        Property.forAll
            "json.total"
            "Any bytes are read, or refused with a position inside the text; nothing is thrown."
            mutated
            (fun bytes ->
                [ Reading.Strict; Reading.Lenient; Reading.Client ]
                |> List.forall (fun reading ->
                    match read reading bytes with
                    | Ok json ->
                        // The canonical form of an accepted value is a fixed point.
                        let once = CanonicalJson.bytes json
                        read reading once = Ok json
                    | Error e -> e.Offset >= 0 && e.Offset <= bytes.Length))

    /// Lenient reading accepts everything that strict reading accepts.
    let strictIsLenient =
        Property.forAll
            "json.strict-is-lenient"
            "A text that strict reading accepts has the same value in lenient reading."
            (JsonGen.lenient |> Gen.map CanonicalJson.bytes)
            (fun bytes ->
                match read Reading.Strict bytes with
                | Ok json -> read Reading.Lenient bytes = Ok json
                | Error _ -> true)

    /// All of these.
    let all = [ roundTrip; lenientRoundTrip; oneForm; keyOrder; total; strictIsLenient ]
