/// The published keys of servers: which responses count, and what is in them.
module Matrix.Core.Tests.Federation.KeyResponseTests

open System
open System.Text
open NUnit.Framework
open Matrix.Core.Event
open Matrix.Core.Federation
open Matrix.Core.Json
open Matrix.Host.Crypto

let private server = "keys.example"
let private day = 24L * 60L * 60L * 1000L
let private key = Ed25519Key.Generate()
let private other = Ed25519Key.Generate()

let private text (key: Ed25519Key) = UnpaddedBase64.encode key.PublicKey

let private parse (json: string) =
    match
        JsonReader.ParseObject(
            ReadOnlySpan<byte>(Encoding.UTF8.GetBytes json),
            Reading.Client,
            JsonLimits.federationBody
        )
    with
    | Ok o -> o
    | Error e -> failwith $"{e}"

let private sign (keyId: string) (key: Ed25519Key) (o: JsonObject) =
    KeyResponse.WithSignature(o, server, keyId, ReadOnlySpan<byte>(key.Sign(KeyResponse.BytesToSign o)))

let private read (o: JsonObject) =
    let mutable keys = Unchecked.defaultof<KeyResponse>
    let mutable fault = Unchecked.defaultof<KeyResponseFault>

    if KeyResponse.TryRead(o, server, 5, &keys, &fault) then
        Ok keys
    else
        Error fault

let private accepted o =
    match read o with
    | Ok keys -> keys
    | Error fault -> failwith $"{fault}"

let private fault o =
    match read o with
    | Ok _ -> failwith "it was accepted"
    | Error fault -> fault

let private signaturesHold (keys: KeyResponse) =
    keys.Signatures
    |> Seq.forall (fun s -> Ed25519.Verify(s.PublicKey, keys.BytesToVerify, s.Signature))

/// A response with these members beside the server's name and the time.
let private response (members: string) =
    parse $"{{\"server_name\":\"{server}\",\"valid_until_ts\":1000,{members}}}"

let private one = $"\"verify_keys\":{{\"ed25519:1\":{{\"key\":\"{text key}\"}}}}"

[<Test>]
let ``A response signed by its key counts`` () =
    let keys = accepted (sign "ed25519:1" key (response one))

    Assert.That(keys.ServerName, Is.EqualTo server)
    Assert.That(keys.VerifyKeys |> Seq.map _.KeyId, Is.EqualTo(box [ "ed25519:1" ]))
    Assert.That(keys.VerifyKeys[0].PublicKey, Is.EqualTo(box (key.PublicKey.ToArray())))
    Assert.That(keys.VerifyKeys[0].ExpiredAt.HasValue, Is.False)
    Assert.That(keys.OldVerifyKeys, Is.Empty)
    Assert.That(keys.Signatures.Count, Is.EqualTo 1)
    Assert.That(signaturesHold keys, Is.True)

[<Test>]
let ``A signature by another key does not hold`` () =
    Assert.That(signaturesHold (accepted (sign "ed25519:1" other (response one))), Is.False)

[<Test>]
let ``A changed response does not hold`` () =
    let signed = sign "ed25519:1" key (response one)

    let changed =
        JsonObject.OfSeq(Seq.append signed.Members [ struct ("valid_until_ts", Json.Int 2000L) ])

    Assert.That(signaturesHold (accepted changed), Is.False)

[<Test>]
let ``Every key in use must have signed`` () =
    let two =
        $"\"verify_keys\":{{\"ed25519:1\":{{\"key\":\"{text key}\"}},\"ed25519:2\":{{\"key\":\"{text other}\"}}}}"

    let first = sign "ed25519:1" key (response two)
    Assert.That(fault first, Is.EqualTo(KeyResponseFault.NotSigned "ed25519:2"))
    Assert.That(fault (response two), Is.EqualTo(KeyResponseFault.NotSigned "ed25519:1"))

    let both = accepted (sign "ed25519:2" other first)
    Assert.That(both.Signatures |> Seq.map _.KeyId, Is.EqualTo(box [ "ed25519:1"; "ed25519:2" ]))
    Assert.That(signaturesHold both, Is.True)

[<Test>]
let ``A signature of another server does not count`` () =
    let o = response one
    let signature = key.Sign(KeyResponse.BytesToSign o)

    let signed =
        KeyResponse.WithSignature(o, "notary.example", "ed25519:1", ReadOnlySpan<byte> signature)

    Assert.That(fault signed, Is.EqualTo(KeyResponseFault.NotSigned "ed25519:1"))

[<Test>]
let ``The response of another server does not count`` () =
    let o = parse $"{{\"server_name\":\"Keys.example\",\"valid_until_ts\":1000,{one}}}"
    Assert.That(fault (sign "ed25519:1" key o), Is.EqualTo KeyResponseFault.OtherServer)

[<TestCase("{\"valid_until_ts\":1,\"verify_keys\":{}}", "server_name")>]
[<TestCase("{\"server_name\":\"keys.example\",\"verify_keys\":{}}", "valid_until_ts")>]
[<TestCase("{\"server_name\":\"keys.example\",\"valid_until_ts\":\"1\",\"verify_keys\":{}}", "valid_until_ts")>]
[<TestCase("{\"server_name\":\"keys.example\",\"valid_until_ts\":1}", "verify_keys")>]
[<TestCase("{\"server_name\":\"keys.example\",\"valid_until_ts\":1,\"verify_keys\":[]}", "verify_keys")>]
[<TestCase("{\"server_name\":\"keys.example\",\"valid_until_ts\":1,\"verify_keys\":{\"ed25519:1\":{\"key\":\"AAAA\"}}}",
           "verify_keys.ed25519:1")>]
[<TestCase("{\"server_name\":\"keys.example\",\"valid_until_ts\":1,\"verify_keys\":{\"ed25519:1\":\"AAAA\"}}",
           "verify_keys.ed25519:1")>]
let ``A malformed response names its member`` (json: string, path: string) =
    Assert.That(fault (parse json), Is.EqualTo(KeyResponseFault.Malformed path))

[<Test>]
let ``Keys of unknown algorithms are skipped, and there must be another`` () =
    let unknown =
        "\"verify_keys\":{\"rsa:1\":{\"key\":\"AAAA\"},\"ed25519:a-b\":{\"key\":\"AAAA\"}"

    Assert.That(fault (response (unknown + "}")), Is.EqualTo KeyResponseFault.NoKeys)

    let keys =
        accepted (sign "ed25519:1" key (response $"{unknown},\"ed25519:1\":{{\"key\":\"{text key}\"}}}}"))

    Assert.That(keys.VerifyKeys |> Seq.map _.KeyId, Is.EqualTo(box [ "ed25519:1" ]))

[<Test>]
let ``Old keys have the time of their end, and malformed ones are skipped`` () =
    let old =
        String.concat "," [
            $"\"ed25519:0\":{{\"key\":\"{text other}\",\"expired_ts\":500}}"
            $"\"ed25519:1\":{{\"key\":\"{text other}\",\"expired_ts\":500}}"
            $"\"ed25519:2\":{{\"key\":\"{text other}\"}}"
            "\"ed25519:3\":{\"key\":\"AAAA\",\"expired_ts\":500}"
        ]

    let keys =
        accepted (sign "ed25519:1" key (response $"{one},\"old_verify_keys\":{{{old}}}"))

    Assert.That(
        keys.OldVerifyKeys |> Seq.map (fun k -> k.KeyId, k.ExpiredAt.Value),
        Is.EqualTo(box [ "ed25519:0", 500L ])
    )

    Assert.That(keys.VerifyKeys[0].PublicKey, Is.EqualTo(box (key.PublicKey.ToArray())))

[<Test>]
let ``Unknown members do no harm`` () =
    let more =
        "\"tls_fingerprints\":[{\"sha256\":\"AAAA\"}],\"org.example\":{\"a\":[1.5,null]}"

    let keys = accepted (sign "ed25519:1" key (response $"{one},{more}"))
    Assert.That(signaturesHold keys, Is.True)

    let keys =
        accepted (sign "ed25519:1" key (response $"{one},\"old_verify_keys\":[]"))

    Assert.That(keys.OldVerifyKeys, Is.Empty)

[<Test>]
let ``There are at most so many keys`` () =
    let old =
        String.concat "," [
            for n in 2..6 -> $"\"ed25519:{n}\":{{\"key\":\"{text other}\",\"expired_ts\":1}}"
        ]

    Assert.That(
        fault (sign "ed25519:1" key (response $"{one},\"old_verify_keys\":{{{old}}}")),
        Is.EqualTo(KeyResponseFault.TooManyKeys(6, 5))
    )

[<Test>]
let ``Keys are valid until the response says, and seven days at the most`` () =
    let keys = accepted (sign "ed25519:1" key (response one))
    Assert.That(keys.ValidUntil 900L, Is.EqualTo 1000L)
    Assert.That(keys.ValidUntil(1000L - 8L * day), Is.EqualTo(1000L - day))

[<Test>]
let ``What this server composes counts`` () =
    let verify = [| PublishedKey("ed25519:1", key.PublicKey.ToArray(), Nullable()) |]
    let old = [| PublishedKey("ed25519:0", other.PublicKey.ToArray(), Nullable 7L) |]

    let composed =
        sign "ed25519:1" key (KeyResponse.Compose(server, 1000L, verify, old))

    let keys = accepted composed

    Assert.That(signaturesHold keys, Is.True)
    Assert.That(keys.OldVerifyKeys[0].ExpiredAt.Value, Is.EqualTo 7L)
    Assert.That(keys.ValidUntil 900L, Is.EqualTo 1000L)

    Assert.That(
        CanonicalJson.text (Json.Object(KeyResponse.Compose(server, 1L, [||], [||]))),
        Is.EqualTo
            $"{{\"old_verify_keys\":{{}},\"server_name\":\"{server}\",\"valid_until_ts\":1,\"verify_keys\":{{}}}}"
    )
