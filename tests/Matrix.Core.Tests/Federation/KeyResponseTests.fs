/// The published keys of servers: which responses count, and what is in them.
module Matrix.Core.Tests.Federation.KeyResponseTests

open System
open System.Text
open Expecto
open Matrix.Testing
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

let tests =
    testList "Federation.KeyResponseTests" [
        test "A response signed by its key counts" {
            let keys = accepted (sign "ed25519:1" key (response one))

            Expect.equal keys.ServerName server "server name"
            Expect.equal (keys.VerifyKeys |> Seq.map _.KeyId |> Seq.toList) [ "ed25519:1" ] "key id of verify keys"
            Expect.equal keys.VerifyKeys[0].PublicKey (key.PublicKey.ToArray()) "public key"
            Expect.isFalse keys.VerifyKeys[0].ExpiredAt.HasValue "has value"
            Expect.isEmpty keys.OldVerifyKeys "old verify keys"
            Expect.equal keys.Signatures.Count 1 "number of signatures"
            Expect.isTrue (signaturesHold keys) "signatures hold"
        }

        test "A signature by another key does not hold" {
            Expect.isFalse (signaturesHold (accepted (sign "ed25519:1" other (response one)))) "signatures hold"
        }

        test "A changed response does not hold" {
            let signed = sign "ed25519:1" key (response one)

            let changed =
                JsonObject.OfSeq(Seq.append signed.Members [ struct ("valid_until_ts", Json.Int 2000L) ])

            Expect.isFalse (signaturesHold (accepted changed)) "signatures hold"
        }

        test "Every key in use must have signed" {
            let two =
                $"\"verify_keys\":{{\"ed25519:1\":{{\"key\":\"{text key}\"}},"
                + $"\"ed25519:2\":{{\"key\":\"{text other}\"}}}}"

            let first = sign "ed25519:1" key (response two)
            Expect.equal (fault first) (KeyResponseFault.NotSigned "ed25519:2") "fault"
            Expect.equal (fault (response two)) (KeyResponseFault.NotSigned "ed25519:1") "fault"

            let both = accepted (sign "ed25519:2" other first)

            Expect.equal
                (both.Signatures |> Seq.map _.KeyId |> Seq.toList)
                [ "ed25519:1"; "ed25519:2" ]
                "key id of signatures"

            Expect.isTrue (signaturesHold both) "signatures hold"
        }

        test "A signature of another server does not count" {
            let o = response one
            let signature = key.Sign(KeyResponse.BytesToSign o)

            let signed =
                KeyResponse.WithSignature(o, "notary.example", "ed25519:1", ReadOnlySpan<byte> signature)

            Expect.equal (fault signed) (KeyResponseFault.NotSigned "ed25519:1") "fault"
        }

        test "The response of another server does not count" {
            let o = parse $"{{\"server_name\":\"Keys.example\",\"valid_until_ts\":1000,{one}}}"
            Expect.equal (fault (sign "ed25519:1" key o)) KeyResponseFault.OtherServer "fault"
        }

        testTheory "A malformed response names its member" [
            "{\"valid_until_ts\":1,\"verify_keys\":{}}", "server_name"
            "{\"server_name\":\"keys.example\",\"verify_keys\":{}}", "valid_until_ts"
            "{\"server_name\":\"keys.example\",\"valid_until_ts\":\"1\",\"verify_keys\":{}}", "valid_until_ts"
            "{\"server_name\":\"keys.example\",\"valid_until_ts\":1}", "verify_keys"
            "{\"server_name\":\"keys.example\",\"valid_until_ts\":1,\"verify_keys\":[]}", "verify_keys"
            """{"server_name":"keys.example","valid_until_ts":1,"verify_keys":{"ed25519:1":{"key":"AAAA"}}}""",
            "verify_keys.ed25519:1"
            "{\"server_name\":\"keys.example\",\"valid_until_ts\":1,\"verify_keys\":{\"ed25519:1\":\"AAAA\"}}",
            "verify_keys.ed25519:1"
        ]
        <| fun (json, path) -> Expect.equal (fault (parse json)) (KeyResponseFault.Malformed path) "fault"

        test "Keys of unknown algorithms are skipped, and there must be another" {
            let unknown =
                "\"verify_keys\":{\"rsa:1\":{\"key\":\"AAAA\"},\"ed25519:a-b\":{\"key\":\"AAAA\"}"

            Expect.equal (fault (response (unknown + "}"))) KeyResponseFault.NoKeys "fault"

            let keys =
                accepted (sign "ed25519:1" key (response $"{unknown},\"ed25519:1\":{{\"key\":\"{text key}\"}}}}"))

            Expect.equal (keys.VerifyKeys |> Seq.map _.KeyId |> Seq.toList) [ "ed25519:1" ] "key id of verify keys"
        }

        test "Old keys have the time of their end, and malformed ones are skipped" {
            let old =
                String.concat "," [
                    $"\"ed25519:0\":{{\"key\":\"{text other}\",\"expired_ts\":500}}"
                    $"\"ed25519:1\":{{\"key\":\"{text other}\",\"expired_ts\":500}}"
                    $"\"ed25519:2\":{{\"key\":\"{text other}\"}}"
                    "\"ed25519:3\":{\"key\":\"AAAA\",\"expired_ts\":500}"
                ]

            let keys =
                accepted (sign "ed25519:1" key (response $"{one},\"old_verify_keys\":{{{old}}}"))

            Expect.equal
                (keys.OldVerifyKeys
                 |> Seq.map (fun k -> k.KeyId, k.ExpiredAt.Value)
                 |> Seq.toList)
                [ "ed25519:0", 500L ]
                "old verify keys"

            Expect.equal keys.VerifyKeys[0].PublicKey (key.PublicKey.ToArray()) "public key"
        }

        test "Unknown members do no harm" {
            let more =
                "\"tls_fingerprints\":[{\"sha256\":\"AAAA\"}],\"org.example\":{\"a\":[1.5,null]}"

            let keys = accepted (sign "ed25519:1" key (response $"{one},{more}"))
            Expect.isTrue (signaturesHold keys) "signatures hold"

            let keys =
                accepted (sign "ed25519:1" key (response $"{one},\"old_verify_keys\":[]"))

            Expect.isEmpty keys.OldVerifyKeys "old verify keys"
        }

        test "There are at most so many keys" {
            let old =
                String.concat "," [
                    for n in 2..6 -> $"\"ed25519:{n}\":{{\"key\":\"{text other}\",\"expired_ts\":1}}"
                ]

            Expect.equal
                (fault (sign "ed25519:1" key (response $"{one},\"old_verify_keys\":{{{old}}}")))
                (KeyResponseFault.TooManyKeys(6, 5))
                "fault"
        }

        test "Keys are valid until the response says, and seven days at the most" {
            let keys = accepted (sign "ed25519:1" key (response one))
            Expect.equal (keys.ValidUntil 900L) 1000L "valid until"
            Expect.equal (keys.ValidUntil(1000L - 8L * day)) (1000L - day) "valid until"
        }

        test "What this server composes counts" {
            let verify = [| PublishedKey("ed25519:1", key.PublicKey.ToArray(), Nullable()) |]
            let old = [| PublishedKey("ed25519:0", other.PublicKey.ToArray(), Nullable 7L) |]

            let composed =
                sign "ed25519:1" key (KeyResponse.Compose(server, 1000L, verify, old))

            let keys = accepted composed

            Expect.isTrue (signaturesHold keys) "signatures hold"
            Expect.equal keys.OldVerifyKeys[0].ExpiredAt.Value 7L "expired at"
            Expect.equal (keys.ValidUntil 900L) 1000L "valid until"

            Expect.equal
                (CanonicalJson.text (Json.Object(KeyResponse.Compose(server, 1L, [||], [||]))))
                $"{{\"old_verify_keys\":{{}},\"server_name\":\"{server}\",\"valid_until_ts\":1,\"verify_keys\":{{}}}}"
                "text"
        }
    ]
