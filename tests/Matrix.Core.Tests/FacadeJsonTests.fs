module Matrix.Core.Tests.FacadeJsonTests

open System
open Expecto
open Matrix.Testing
open Matrix.Core.Facade
open Matrix.Core.Json

let tests =
    testList "FacadeJsonTests" [
        testCase "The host reads JSON by methods that return a boolean"
        <| fun () ->
            let mutable value = JsonObject.Empty
            let mutable error = Unchecked.defaultof<JsonError>
            let limits = JsonText.ClientBodyLimits

            Expect.isTrue
                (JsonText.TryParseObject(ReadOnlySpan<byte> """{"a":1.5}"""B, Reading.Client, limits, &value, &error))
                "try parse object"

            Expect.equal (value.TryFind "a") (ValueSome(Json.Float 1.5)) "try find"

            Expect.isFalse
                (JsonText.TryParseObject(ReadOnlySpan<byte> "[]"B, Reading.Client, limits, &value, &error))
                "try parse object"

            Expect.equal error.Fault JsonFault.NotAnObject "fault"
            Expect.equal value.Count 0 "number of value"
            Expect.isTrue (JsonText.TryParseStored(ReadOnlySpan<byte> """{"a":{}}"""B, &value)) "try parse stored"
            let mutable inner = Json.Null
            Expect.isTrue (JsonText.TryGet(value, "a", &inner)) "try get"
            Expect.isFalse (JsonText.TryGet(value, "b", &inner)) "try get"

        testCase "The host splits identifiers by methods that return a boolean"
        <| fun () ->
            let mutable a = ""
            let mutable b = ""
            let mutable port = 0
            Expect.isTrue (Identifiers.TryNewUserId("domain", "alice", &a, &b)) "try new user id"
            Expect.equal a "@alice:domain" "the value"
            Expect.isFalse (Identifiers.TryNewUserId("domain", "Alice", &a, &b)) "try new user id"
            Expect.stringContains b "character" "the value"
            Expect.isTrue (Identifiers.TryKeyId("ed25519:a:b", &a, &b)) "try key id"
            Expect.equal (a + "|" + b) "ed25519|a:b" "the value"
            Expect.isFalse (Identifiers.TryKeyId("ed25519", &a, &b)) "try key id"
            Expect.isTrue (Identifiers.TryServerName("[::1]:8448", &a, &port)) "try server name"
            Expect.equal $"{a} {port}" "[::1] 8448" "port"
            Expect.isFalse (Identifiers.TryServerName("a b", &a, &port)) "try server name"
    ]
