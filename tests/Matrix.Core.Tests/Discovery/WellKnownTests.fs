/// Server-Server API, "Resolving server names", step 3: what a response means, and how long it is kept.
module Matrix.Core.Tests.WellKnownTests

open System.Text
open FsCheck
open FsCheck.FSharp
open NUnit.Framework
open Matrix.Core.Discovery

let private limits = WellKnownLimits.Default
let private now = 1_800_000_000_000L
let private seconds n = 1000L * int64 n
let private minutes n = seconds (60 * n)
let private hours n = minutes (60 * n)

let private reply (body: string) : WellKnownReply = {
    Status = 200
    CacheControl = ""
    Expires = -1L
    Date = -1L
    Age = 0L
    Body = Encoding.UTF8.GetBytes body
}

let private valid = reply """{"m.server":"m.example:443"}"""
let private notFound = { reply "" with Status = 404 }

let private read reply =
    WellKnownEntry.Read(reply, null, now, limits)

/// How long a response is kept.
let private kept reply = (read reply).ValidUntil - now

let private withCache field = { valid with CacheControl = field }

[<Test>]
let ``A valid response delegates to its m-server`` () =
    let entry = read valid
    Assert.That(entry.Server, Is.EqualTo "m.example:443")
    Assert.That(entry.Response, Is.EqualTo(Response.Delegated "m.example:443"))
    Assert.That(isNull (box entry.Fault), Is.True)

[<Test>]
let ``Other members are ignored, and the last of two values counts`` () =
    let entry =
        read (reply """{"m.server":"a.example","x":1.5,"m.server":"b.example"}""")

    Assert.That(entry.Server, Is.EqualTo "b.example")

[<TestCase(201)>]
[<TestCase(204)>]
[<TestCase(304)>]
[<TestCase(404)>]
[<TestCase(500)>]
let ``Only status 200 is valid`` (status: int) =
    let entry = read { valid with Status = status }
    Assert.That(entry.Fault, Is.EqualTo(WellKnownFault.Status status))
    Assert.That(entry.Response, Is.EqualTo Response.NotDelegated)

[<TestCase("")>]
[<TestCase("{")>]
[<TestCase("<html></html>")>]
[<TestCase("[]")>]
[<TestCase("\"m.example\"")>]
[<TestCase("{\"m.server\":\"m.example\"} x")>]
let ``A body that is no JSON object is invalid`` (body: string) =
    match (read (reply body)).Fault with
    | WellKnownFault.NotAnObject _ -> ()
    | fault -> Assert.Fail $"{fault}"

[<Test>]
let ``A body that is not UTF-8 is invalid`` () =
    let entry = read { valid with Body = [| 0xFFuy |] }
    Assert.That(entry.Response, Is.EqualTo Response.NotDelegated)

[<TestCase("{}")>]
[<TestCase("{\"m.server\":null}")>]
[<TestCase("{\"m.server\":1}")>]
[<TestCase("{\"m.server\":[\"m.example\"]}")>]
[<TestCase("{\"M.SERVER\":\"m.example\"}")>]
let ``A missing m-server is invalid`` (body: string) =
    Assert.That((read (reply body)).Fault, Is.EqualTo WellKnownFault.NoServer)

[<TestCase("")>]
[<TestCase("https://m.example")>]
[<TestCase("m.example/")>]
[<TestCase("m.example:")>]
[<TestCase("m.example:0")>]
[<TestCase("m.example:70000")>]
[<TestCase(" m.example")>]
[<TestCase("127.1")>]
[<TestCase("[::1")>]
let ``An m-server that is no server name is invalid`` (server: string) =
    let entry = read (reply $"{{\"m.server\":\"{server}\"}}")
    Assert.That(entry.Fault, Is.EqualTo(WellKnownFault.InvalidServer server))

[<Test>]
let ``A body of 51,200 bytes is read, and one byte more is too much`` () =
    let padded length =
        let body = """{"m.server":"m.example"}"""
        reply (body.PadRight length)

    Assert.That((read (padded 51_200)).Server, Is.EqualTo "m.example")
    Assert.That((read (padded 51_201)).Fault, Is.EqualTo(WellKnownFault.TooLarge 51_200))

[<Test>]
let ``Without cache headers a response is kept for 24 hours`` () =
    Assert.That(kept valid, Is.EqualTo(hours 24))
    Assert.That(kept (withCache "public, must-revalidate"), Is.EqualTo(hours 24))

[<TestCase("max-age=3600")>]
[<TestCase("public, Max-Age=3600 , immutable")>]
[<TestCase("max-age=\"3600\"")>]
[<TestCase("x=\"a, max-age=5\", max-age=3600")>]
let ``Cache-Control decides how long a response is kept`` (field: string) =
    Assert.That(kept (withCache field), Is.EqualTo(hours 1))

[<Test>]
let ``A response is kept for 48 hours at most`` () =
    Assert.That(kept (withCache "max-age=172801"), Is.EqualTo(hours 48))
    Assert.That(kept (withCache "max-age=99999999999999999999999"), Is.EqualTo(hours 48))

    Assert.That(
        kept {
            valid with
                Expires = now + hours 1000
        },
        Is.EqualTo(hours 48)
    )

[<TestCase("no-store")>]
[<TestCase("no-cache, max-age=3600")>]
[<TestCase("max-age=0")>]
[<TestCase("max-age=soon")>]
[<TestCase("max-age=-1")>]
[<TestCase("max-age")>]
let ``A response that may not be kept is kept for a minute, so that not every request fetches it`` (field: string) =
    Assert.That(kept (withCache field), Is.EqualTo(minutes 1))

[<Test>]
let ``Expires counts from Date, or from now, if Cache-Control has no max-age`` () =
    let expires = now + hours 2
    Assert.That(kept { valid with Expires = expires }, Is.EqualTo(hours 2))

    let dated = {
        valid with
            Expires = expires
            Date = now + hours 1
    }

    Assert.That(kept dated, Is.EqualTo(hours 1))

    Assert.That(
        kept {
            dated with
                CacheControl = "max-age=7200"
        },
        Is.EqualTo(hours 2)
    )

[<Test>]
let ``An Expires that is no date, or is over, means now`` () =
    Assert.That(kept { valid with Expires = 0L }, Is.EqualTo(minutes 1))
    Assert.That(kept { valid with Expires = now - 1L }, Is.EqualTo(minutes 1))

[<Test>]
let ``The time that a response spent in other caches counts`` () =
    let aged = {
        withCache "max-age=7200" with
            Age = 3600L
    }

    Assert.That(kept aged, Is.EqualTo(hours 1))

    Assert.That(
        kept {
            aged with
                Age = System.Int64.MaxValue
        },
        Is.EqualTo(minutes 1)
    )

[<Test>]
let ``Repeated failures are kept for longer, and for an hour at most`` () =
    let mutable entry = read notFound
    let times = [ entry.ValidUntil - now ]

    let times =
        (times, [ 1..7 ])
        ||> List.fold (fun times _ ->
            entry <- WellKnownEntry.Failed(WellKnownFault.NoResponse "no connection", entry, now, limits)
            (entry.ValidUntil - now) :: times)

    Assert.That(List.rev times, Is.EqualTo<int64 list>(List.map minutes [ 1; 2; 4; 8; 16; 32; 60; 60 ]))
    Assert.That(entry.Failures, Is.EqualTo 8)

[<Test>]
let ``A valid response ends the series of failures`` () =
    let failed = WellKnownEntry.Read(notFound, read notFound, now, limits)
    let found = WellKnownEntry.Read(valid, failed, now, limits)
    let again = WellKnownEntry.Read(notFound, found, now, limits)
    Assert.That([ failed.Failures; found.Failures; again.Failures ], Is.EqualTo<int list> [ 2; 0; 1 ])
    Assert.That(again.ValidUntil, Is.EqualTo(now + minutes 1))

[<Test>]
let ``The cache headers of an error lengthen its time, up to an hour`` () =
    let withAge n = {
        notFound with
            CacheControl = $"max-age={n}"
    }

    Assert.That(kept (withAge 600), Is.EqualTo(minutes 10))
    Assert.That(kept (withAge 86_400), Is.EqualTo(hours 1))
    Assert.That(kept (withAge 0), Is.EqualTo(minutes 1))

[<Test>]
let ``Any response is kept for between a minute and 48 hours, and any error for an hour at most`` () =
    let genField =
        Gen.elements [
            ""
            "max-age="
            "no-store"
            "\""
            ","
            "="
            "max-age=\"7"
            "9999999999"
            "s-maxage=3"
            "\\"
        ]
        |> Gen.listOf
        |> Gen.map (String.concat "")

    let genReply =
        gen {
            let! field = genField
            let! status = Gen.elements [ 200; 404 ]
            let! expires = ArbMap.defaults |> ArbMap.generate<int64>
            let! date = ArbMap.defaults |> ArbMap.generate<int64>
            let! age = ArbMap.defaults |> ArbMap.generate<int64>

            return {
                valid with
                    Status = status
                    CacheControl = field
                    Expires = max -1L expires
                    Date = max -1L date
                    Age = age
            }
        }

    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 1000,
        Prop.forAll (Arb.fromGen genReply) (fun reply ->
            let time = kept reply

            time >= minutes 1 && time <= (if reply.Status = 200 then hours 48 else hours 1))
    )
