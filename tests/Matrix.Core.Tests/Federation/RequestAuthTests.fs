/// Authentication of requests between servers: the header's grammar and the signed bytes.
module Matrix.Core.Tests.Federation.RequestAuthTests

open System
open System.Text
open FsCheck
open FsCheck.FSharp
open Expecto
open Matrix.Testing
open Matrix.Core.Federation
open Matrix.Core.Json
open Matrix.Host.Crypto

let private parse (header: string) =
    let mutable auth = Unchecked.defaultof<RequestAuth>
    let mutable error = Unchecked.defaultof<RequestAuthError>

    if RequestAuth.TryParse(header, &auth, &error) then
        Ok auth
    else
        Error error

let private parsed (header: string) =
    match parse header with
    | Ok auth -> auth
    | Error e -> failwith $"{header}: {e}"

let private parts (header: string) =
    let auth = parsed header
    auth.Origin, auth.Destination, auth.KeyId, Encoding.ASCII.GetString auth.Signature

let private fault (header: string) =
    match parse header with
    | Ok _ -> failwith $"{header} was accepted"
    | Error e -> e.Fault

// "sig" in base64.
let private signature = "c2ln"

let private whole =
    $"X-Matrix origin=\"a.example\",destination=\"b.example:8448\",key=\"ed25519:1\",sig=\"{signature}\""

let private expected = struct ("a.example", "b.example:8448", "ed25519:1", "sig")

let private texts (characters: char list) =
    Gen.listOf (Gen.elements characters)
    |> Gen.map (fun drawn -> String(List.toArray drawn))

let private check (name: string) (texts: Gen<string>) (holds: string -> bool) =
    Check.One(name, Config.QuickThrowOnFailure.WithMaxTest 1000, Prop.forAll (Arb.fromGen texts) holds)

let private signedText (content: string) =
    RequestAuth.BytesToSign(
        "PUT",
        "/_matrix/federation/v1/send/1?a=b",
        "a.example",
        "b.example",
        ReadOnlySpan<byte>(Encoding.UTF8.GetBytes content)
    )
    |> Encoding.UTF8.GetString

let tests =
    testList "Federation.RequestAuthTests" [
        testTheory "Every form of the same credentials is the same" [
            "X-Matrix origin=\"a.example\",destination=\"b.example:8448\",key=\"ed25519:1\",sig=\"c2ln\""
            "x-matrix origin=\"a.example\",destination=\"b.example:8448\",key=\"ed25519:1\",sig=\"c2ln\""
            "X-Matrix   sig=\"c2ln\" ,\tkey=\"ed25519:1\" , destination=\"b.example:8448\",origin=\"a.example\"  "
            "X-Matrix ORIGIN=a.example,Destination=b.example:8448,kEY=ed25519:1,SIG=c2ln"
            "X-Matrix origin = \"a.example\", destination= \"b.example:8448\", key =\"ed25519:1\", sig=\"c2ln\""
            "X-Matrix origin=\"a\\.ex\\ample\",destination=\"b.example\\:8448\",key=\"ed25519:1\",sig=\"c2\\ln\""
            "X-Matrix ,,origin=a.example,,destination=b.example:8448 , ,key=ed25519:1,sig=c2ln,"
            "X-Matrix origin=a.example,destination=b.example:8448,key=ed25519:1,sig=c2ln,more=\"x,\\\"y\",more=z"
            "X-Matrix origin=a.example,destination=b.example:8448,key=ed25519:1,sig=\"c2ln==\""
        ]
        <| fun header -> Expect.equal (parts header) ("a.example", "b.example:8448", "ed25519:1", "sig") "parts"

        test "A header without a destination is accepted" {
            Expect.isNull (parsed "X-Matrix origin=a,key=ed25519:1,sig=c2ln").Destination "destination"

            Expect.equal
                (parsed "X-Matrix origin=a,destination=\"\",key=ed25519:1,sig=c2ln").Destination
                ""
                "destination"
        }

        test "An address literal may be an origin" {
            Expect.equal (parsed "X-Matrix origin=\"[::1]:8448\",key=ed25519:1,sig=c2ln").Origin "[::1]:8448" "origin"
        }

        testTheory "Another scheme is refused" [
            ""
            "X-Matrix"
            "X-Matrixorigin=a,key=ed25519:1,sig=c2ln"
            "Bearer abc"
            "X-Matrix2 origin=a,key=ed25519:1,sig=c2ln"
        ]
        <| fun header -> Expect.equal (fault header) RequestAuthFault.OtherScheme "fault"

        testTheory "A malformed header is refused at its fault" [
            "X-Matrix origin", 15
            "X-Matrix origin=", 16
            "X-Matrix origin=,key=ed25519:1", 16
            "X-Matrix =a", 9
            "X-Matrix origin=\"a", 18
            "X-Matrix origin=\"a\\", 19
            "X-Matrix origin=\"a\nb\",key=ed25519:1", 18
            "X-Matrix origin=a key=ed25519:1,sig=c2ln", 18
            "X-Matrix origin=\"a\"b,key=ed25519:1,sig=c2ln", 19
            "X-Matrix origin=a;key=ed25519:1", 17
            "X-Matrix origin=a,key=ed25519:1,sig=c2/n", 38
        ]
        <| fun (header, offset) ->
            match parse header with
            | Ok _ -> failtest $"{header} was accepted"
            | Error e -> Expect.equal (e.Fault, e.Offset) (RequestAuthFault.Malformed, offset) "the value"

        test "A known parameter may not be repeated" {
            Expect.equal (fault (whole + ",origin=b")) (RequestAuthFault.Repeated "origin") "fault"
            Expect.equal (fault (whole + ",SIG=b")) (RequestAuthFault.Repeated "sig") "fault"
        }

        testTheory "Origin, key and signature are required" [
            "key=ed25519:1,sig=c2ln", "origin"
            "origin=a,sig=c2ln", "key"
            "origin=a,key=ed25519:1", "sig"
        ]
        <| fun (parameters, missing) ->
            Expect.equal (fault ("X-Matrix " + parameters)) (RequestAuthFault.Missing missing) "fault"

        testTheory "Values follow their grammar" [
            "origin=\"a b\",key=ed25519:1,sig=c2ln", "origin"
            "origin=\"\",key=ed25519:1,sig=c2ln", "origin"
            "origin=a,key=ed25519,sig=c2ln", "key"
            "origin=a,key=rsa:1,sig=c2ln", "key"
            "origin=a,key=\"ed25519:a/b\",sig=c2ln", "key"
            "origin=a,key=ed25519:1,sig=\"c2 ln\"", "sig"
            "origin=a,key=ed25519:1,sig=c2lnA", "sig"
        ]
        <| fun (parameters, invalid) ->
            Expect.equal (fault ("X-Matrix " + parameters)) (RequestAuthFault.Invalid invalid) "fault"

        test "What is printed is read again, and is in the form of older servers" {
            let bytes = Encoding.ASCII.GetBytes "sig"

            let printed =
                RequestAuth.Print("a.example", "b.example:8448", "ed25519:1", ReadOnlySpan<byte> bytes)

            Expect.equal printed whole "printed"
            let struct (origin, destination, key, text) = expected
            Expect.equal (parts printed) (origin, destination, key, text) "parts"
        }

        test "Any text is either read or refused" {
            check "read-or-refused" (texts (List.ofSeq "aeginortskydX-M=,\"\\ \t:é\u0000\u007f")) (fun text ->
                for header in [ text; "X-Matrix " + text; whole + "," + text; whole + text ] do
                    parse header |> ignore

                true)
        }

        test "Quoted values are unescaped" {
            check "unescaped" (texts [ for c in 32..126 -> char c ]) (fun value ->
                let escaped (c: char) =
                    if c = '"' || c = '\\' || Char.IsDigit c then
                        $"\\{c}"
                    else
                        string c

                let quoted = String.collect escaped value
                (parsed $"X-Matrix destination=\"{quoted}\",origin=a,key=ed25519:1,sig=c2ln").Destination = value)
        }

        test "The signed bytes are the canonical JSON of the request" {
            let object (content: Json option) =
                JsonObject.OfSeq [|
                    struct ("method", Json.String "PUT")
                    struct ("uri", Json.String "/_matrix/federation/v1/send/1?a=b")
                    struct ("origin", Json.String "a.example")
                    struct ("destination", Json.String "b.example")
                    for content in Option.toList content do
                        struct ("content", content)
                |]
                |> Json.Object
                |> CanonicalJson.text

            let body = Json.Object(JsonObject.OfSeq [| struct ("pdus", Json.Array [||]) |])
            Expect.equal (signedText "") (object None) "signed text"
            Expect.equal (signedText (CanonicalJson.text body)) (object (Some body)) "signed text"
            Expect.equal (signedText "{}") (object (Some(Json.Object JsonObject.Empty))) "an empty body is a body"
        }

        test "A signed request verifies, and not with another target" {
            let key = Ed25519Key.Generate()

            let bytes (uri: string) =
                RequestAuth.BytesToSign("GET", uri, "domain", "other", ReadOnlySpan<byte>.Empty)

            let auth =
                parsed (RequestAuth.Print("domain", "other", "ed25519:1", ReadOnlySpan<byte>(key.Sign(bytes "/a"))))

            Expect.isTrue (Ed25519.Verify(key.PublicKey, bytes "/a", auth.Signature)) "verify"
            Expect.isFalse (Ed25519.Verify(key.PublicKey, bytes "/b", auth.Signature)) "verify"
        }
    ]
