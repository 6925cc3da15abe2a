/// Authentication of requests between servers: the header's grammar and the signed bytes.
module Matrix.Core.Tests.Federation.RequestAuthTests

open System
open System.Text
open FsCheck
open FsCheck.FSharp
open NUnit.Framework
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

[<TestCase("X-Matrix origin=\"a.example\",destination=\"b.example:8448\",key=\"ed25519:1\",sig=\"c2ln\"")>]
[<TestCase("x-matrix origin=\"a.example\",destination=\"b.example:8448\",key=\"ed25519:1\",sig=\"c2ln\"")>]
[<TestCase("X-Matrix   sig=\"c2ln\" ,\tkey=\"ed25519:1\" , destination=\"b.example:8448\",origin=\"a.example\"  ")>]
[<TestCase("X-Matrix ORIGIN=a.example,Destination=b.example:8448,kEY=ed25519:1,SIG=c2ln")>]
[<TestCase("X-Matrix origin = \"a.example\", destination= \"b.example:8448\", key =\"ed25519:1\", sig=\"c2ln\"")>]
[<TestCase("X-Matrix origin=\"a\\.ex\\ample\",destination=\"b.example\\:8448\",key=\"ed25519:1\",sig=\"c2\\ln\"")>]
[<TestCase("X-Matrix ,,origin=a.example,,destination=b.example:8448 , ,key=ed25519:1,sig=c2ln,")>]
[<TestCase("X-Matrix origin=a.example,destination=b.example:8448,key=ed25519:1,sig=c2ln,more=\"x,\\\"y\",more=z")>]
[<TestCase("X-Matrix origin=a.example,destination=b.example:8448,key=ed25519:1,sig=\"c2ln==\"")>]
let ``Every form of the same credentials is the same`` (header: string) =
    Assert.That(parts header, Is.EqualTo(("a.example", "b.example:8448", "ed25519:1", "sig")))

[<Test>]
let ``A header without a destination is accepted`` () =
    Assert.That((parsed "X-Matrix origin=a,key=ed25519:1,sig=c2ln").Destination, Is.Null)
    Assert.That((parsed "X-Matrix origin=a,destination=\"\",key=ed25519:1,sig=c2ln").Destination, Is.EqualTo "")

[<Test>]
let ``An address literal may be an origin`` () =
    Assert.That((parsed "X-Matrix origin=\"[::1]:8448\",key=ed25519:1,sig=c2ln").Origin, Is.EqualTo "[::1]:8448")

[<TestCase("")>]
[<TestCase("X-Matrix")>]
[<TestCase("X-Matrixorigin=a,key=ed25519:1,sig=c2ln")>]
[<TestCase("Bearer abc")>]
[<TestCase("X-Matrix2 origin=a,key=ed25519:1,sig=c2ln")>]
let ``Another scheme is refused`` (header: string) =
    Assert.That(fault header, Is.EqualTo RequestAuthFault.OtherScheme)

[<TestCase("X-Matrix origin", 15)>]
[<TestCase("X-Matrix origin=", 16)>]
[<TestCase("X-Matrix origin=,key=ed25519:1", 16)>]
[<TestCase("X-Matrix =a", 9)>]
[<TestCase("X-Matrix origin=\"a", 18)>]
[<TestCase("X-Matrix origin=\"a\\", 19)>]
[<TestCase("X-Matrix origin=\"a\nb\",key=ed25519:1", 18)>]
[<TestCase("X-Matrix origin=a key=ed25519:1,sig=c2ln", 18)>]
[<TestCase("X-Matrix origin=\"a\"b,key=ed25519:1,sig=c2ln", 19)>]
[<TestCase("X-Matrix origin=a;key=ed25519:1", 17)>]
[<TestCase("X-Matrix origin=a,key=ed25519:1,sig=c2/n", 38)>]
let ``A malformed header is refused at its fault`` (header: string, offset: int) =
    match parse header with
    | Ok _ -> Assert.Fail $"{header} was accepted"
    | Error e -> Assert.That((e.Fault, e.Offset), Is.EqualTo((RequestAuthFault.Malformed, offset)))

[<Test>]
let ``A known parameter may not be repeated`` () =
    Assert.That(fault (whole + ",origin=b"), Is.EqualTo(RequestAuthFault.Repeated "origin"))
    Assert.That(fault (whole + ",SIG=b"), Is.EqualTo(RequestAuthFault.Repeated "sig"))

[<TestCase("key=ed25519:1,sig=c2ln", "origin")>]
[<TestCase("origin=a,sig=c2ln", "key")>]
[<TestCase("origin=a,key=ed25519:1", "sig")>]
let ``Origin, key and signature are required`` (parameters: string, missing: string) =
    Assert.That(fault ("X-Matrix " + parameters), Is.EqualTo(RequestAuthFault.Missing missing))

[<TestCase("origin=\"a b\",key=ed25519:1,sig=c2ln", "origin")>]
[<TestCase("origin=\"\",key=ed25519:1,sig=c2ln", "origin")>]
[<TestCase("origin=a,key=ed25519,sig=c2ln", "key")>]
[<TestCase("origin=a,key=rsa:1,sig=c2ln", "key")>]
[<TestCase("origin=a,key=\"ed25519:a/b\",sig=c2ln", "key")>]
[<TestCase("origin=a,key=ed25519:1,sig=\"c2 ln\"", "sig")>]
[<TestCase("origin=a,key=ed25519:1,sig=c2lnA", "sig")>]
let ``Values follow their grammar`` (parameters: string, invalid: string) =
    Assert.That(fault ("X-Matrix " + parameters), Is.EqualTo(RequestAuthFault.Invalid invalid))

[<Test>]
let ``What is printed is read again, and is in the form of older servers`` () =
    let bytes = Encoding.ASCII.GetBytes "sig"

    let printed =
        RequestAuth.Print("a.example", "b.example:8448", "ed25519:1", ReadOnlySpan<byte> bytes)

    Assert.That(printed, Is.EqualTo whole)
    let struct (origin, destination, key, text) = expected
    Assert.That(parts printed, Is.EqualTo((origin, destination, key, text)))

let private texts (characters: char list) =
    Gen.listOf (Gen.elements characters)
    |> Gen.map (fun drawn -> String(List.toArray drawn))

let private check (name: string) (texts: Gen<string>) (holds: string -> bool) =
    Check.One(name, Config.QuickThrowOnFailure.WithMaxTest 1000, Prop.forAll (Arb.fromGen texts) holds)

[<Test>]
let ``Any text is either read or refused`` () =
    check "read-or-refused" (texts (List.ofSeq "aeginortskydX-M=,\"\\ \t:é\u0000\u007f")) (fun text ->
        for header in [ text; "X-Matrix " + text; whole + "," + text; whole + text ] do
            parse header |> ignore

        true)

[<Test>]
let ``Quoted values are unescaped`` () =
    check "unescaped" (texts [ for c in 32..126 -> char c ]) (fun value ->
        let escaped (c: char) =
            if c = '"' || c = '\\' || Char.IsDigit c then
                $"\\{c}"
            else
                string c

        let quoted = String.collect escaped value
        (parsed $"X-Matrix destination=\"{quoted}\",origin=a,key=ed25519:1,sig=c2ln").Destination = value)

let private signedText (content: string) =
    RequestAuth.BytesToSign(
        "PUT",
        "/_matrix/federation/v1/send/1?a=b",
        "a.example",
        "b.example",
        ReadOnlySpan<byte>(Encoding.UTF8.GetBytes content)
    )
    |> Encoding.UTF8.GetString

[<Test>]
let ``The signed bytes are the canonical JSON of the request`` () =
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
    Assert.That(signedText "", Is.EqualTo(object None))
    Assert.That(signedText (CanonicalJson.text body), Is.EqualTo(object (Some body)))
    Assert.That(signedText "{}", Is.EqualTo(object (Some(Json.Object JsonObject.Empty))), "an empty body is a body")

[<Test>]
let ``A signed request verifies, and not with another target`` () =
    let key = Ed25519Key.Generate()

    let bytes (uri: string) =
        RequestAuth.BytesToSign("GET", uri, "domain", "other", ReadOnlySpan<byte>.Empty)

    let auth =
        parsed (RequestAuth.Print("domain", "other", "ed25519:1", ReadOnlySpan<byte>(key.Sign(bytes "/a"))))

    Assert.That(Ed25519.Verify(key.PublicKey, bytes "/a", auth.Signature), Is.True)
    Assert.That(Ed25519.Verify(key.PublicKey, bytes "/b", auth.Signature), Is.False)
