module Matrix.Core.Tests.FacadeJsonTests

open System
open NUnit.Framework
open Matrix.Core.Facade
open Matrix.Core.Json

[<Test>]
let ``The host reads JSON by methods that return a boolean`` () =
    let mutable value = JsonObject.Empty
    let mutable error = Unchecked.defaultof<JsonError>
    let limits = JsonText.ClientBodyLimits

    Assert.That(
        JsonText.TryParseObject(ReadOnlySpan<byte> """{"a":1.5}"""B, Reading.Client, limits, &value, &error),
        Is.True
    )

    Assert.That(value.TryFind "a", Is.EqualTo(ValueSome(Json.Float 1.5)))
    Assert.That(JsonText.TryParseObject(ReadOnlySpan<byte> "[]"B, Reading.Client, limits, &value, &error), Is.False)
    Assert.That(error.Fault, Is.EqualTo JsonFault.NotAnObject)
    Assert.That(value.Count, Is.EqualTo 0)
    Assert.That(JsonText.TryParseStored(ReadOnlySpan<byte> """{"a":{}}"""B, &value), Is.True)
    let mutable inner = Json.Null
    Assert.That(JsonText.TryGet(value, "a", &inner), Is.True)
    Assert.That(JsonText.TryGet(value, "b", &inner), Is.False)

[<Test>]
let ``The host splits identifiers by methods that return a boolean`` () =
    let mutable a = ""
    let mutable b = ""
    let mutable port = 0
    Assert.That(Identifiers.TryNewUserId("domain", "alice", &a, &b), Is.True)
    Assert.That(a, Is.EqualTo "@alice:domain")
    Assert.That(Identifiers.TryNewUserId("domain", "Alice", &a, &b), Is.False)
    Assert.That(b, Does.Contain "character")
    Assert.That(Identifiers.TryKeyId("ed25519:a:b", &a, &b), Is.True)
    Assert.That(a + "|" + b, Is.EqualTo "ed25519|a:b")
    Assert.That(Identifiers.TryKeyId("ed25519", &a, &b), Is.False)
    Assert.That(Identifiers.TryServerName("[::1]:8448", &a, &port), Is.True)
    Assert.That($"{a} {port}", Is.EqualTo "[::1] 8448")
    Assert.That(Identifiers.TryServerName("a b", &a, &port), Is.False)
