/// Server-Server API, "Resolving server names", step 3: what a response means, and how long it is kept.
module Matrix.Core.Tests.WellKnownTests

open System.Text
open FsCheck
open FsCheck.FSharp
open Expecto
open Matrix.Testing
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

let tests =
    testList "WellKnownTests" [
        test "A valid response delegates to its m-server" {
            let entry = read valid
            Expect.equal entry.Server "m.example:443" "server"
            Expect.equal entry.Response (Response.Delegated "m.example:443") "response"
            Expect.isTrue (isNull (box entry.Fault)) "fault"
        }

        test "Other members are ignored, and the last of two values counts" {
            let entry =
                read (reply """{"m.server":"a.example","x":1.5,"m.server":"b.example"}""")

            Expect.equal entry.Server "b.example" "server"
        }

        testTheory "Only status 200 is valid" [ 201; 204; 304; 404; 500 ]
        <| fun status ->
            let entry = read { valid with Status = status }
            Expect.equal entry.Fault (WellKnownFault.Status status) "fault"
            Expect.equal entry.Response Response.NotDelegated "response"

        testTheory "A body that is no JSON object is invalid" [
            ""
            "{"
            "<html></html>"
            "[]"
            "\"m.example\""
            "{\"m.server\":\"m.example\"} x"
        ]
        <| fun body ->
            match (read (reply body)).Fault with
            | WellKnownFault.NotAnObject _ -> ()
            | fault -> failtest $"{fault}"

        test "A body that is not UTF-8 is invalid" {
            let entry = read { valid with Body = [| 0xFFuy |] }
            Expect.equal entry.Response Response.NotDelegated "response"
        }

        testTheory "A missing m-server is invalid" [
            "{}"
            "{\"m.server\":null}"
            "{\"m.server\":1}"
            "{\"m.server\":[\"m.example\"]}"
            "{\"M.SERVER\":\"m.example\"}"
        ]
        <| fun body -> Expect.equal (read (reply body)).Fault WellKnownFault.NoServer "fault"

        testTheory "An m-server that is no server name is invalid" [
            ""
            "https://m.example"
            "m.example/"
            "m.example:"
            "m.example:0"
            "m.example:70000"
            " m.example"
            "127.1"
            "[::1"
        ]
        <| fun server ->
            let entry = read (reply $"{{\"m.server\":\"{server}\"}}")
            Expect.equal entry.Fault (WellKnownFault.InvalidServer server) "fault"

        test "A body of 51,200 bytes is read, and one byte more is too much" {
            let padded length =
                let body = """{"m.server":"m.example"}"""
                reply (body.PadRight length)

            Expect.equal (read (padded 51_200)).Server "m.example" "server"
            Expect.equal (read (padded 51_201)).Fault (WellKnownFault.TooLarge 51_200) "fault"
        }

        test "Without cache headers a response is kept for 24 hours" {
            Expect.equal (kept valid) (hours 24) "kept"
            Expect.equal (kept (withCache "public, must-revalidate")) (hours 24) "kept"
        }

        testTheory "Cache-Control decides how long a response is kept" [
            "max-age=3600"
            "public, Max-Age=3600 , immutable"
            "max-age=\"3600\""
            "x=\"a, max-age=5\", max-age=3600"
        ]
        <| fun field -> Expect.equal (kept (withCache field)) (hours 1) "kept"

        test "A response is kept for 48 hours at most" {
            Expect.equal (kept (withCache "max-age=172801")) (hours 48) "kept"
            Expect.equal (kept (withCache "max-age=99999999999999999999999")) (hours 48) "kept"

            Expect.equal
                (kept {
                    valid with
                        Expires = now + hours 1000
                })
                (hours 48)
                "kept"
        }

        testTheory "A response that may not be kept is kept for a minute, so that not every request fetches it" [
            "no-store"
            "no-cache, max-age=3600"
            "max-age=0"
            "max-age=soon"
            "max-age=-1"
            "max-age"
        ]
        <| fun field -> Expect.equal (kept (withCache field)) (minutes 1) "kept"

        test "Expires counts from Date, or from now, if Cache-Control has no max-age" {
            let expires = now + hours 2
            Expect.equal (kept { valid with Expires = expires }) (hours 2) "kept"

            let dated = {
                valid with
                    Expires = expires
                    Date = now + hours 1
            }

            Expect.equal (kept dated) (hours 1) "kept"

            Expect.equal
                (kept {
                    dated with
                        CacheControl = "max-age=7200"
                })
                (hours 2)
                "kept"
        }

        test "An Expires that is no date, or is over, means now" {
            Expect.equal (kept { valid with Expires = 0L }) (minutes 1) "kept"
            Expect.equal (kept { valid with Expires = now - 1L }) (minutes 1) "kept"
        }

        test "The time that a response spent in other caches counts" {
            let aged = {
                withCache "max-age=7200" with
                    Age = 3600L
            }

            Expect.equal (kept aged) (hours 1) "kept"

            Expect.equal
                (kept {
                    aged with
                        Age = System.Int64.MaxValue
                })
                (minutes 1)
                "kept"
        }

        testCase "Repeated failures are kept for longer, and for an hour at most"
        <| fun () ->
            let mutable entry = read notFound
            let times = [ entry.ValidUntil - now ]

            let times =
                (times, [ 1..7 ])
                ||> List.fold (fun times _ ->
                    entry <- WellKnownEntry.Failed(WellKnownFault.NoResponse "no connection", entry, now, limits)
                    (entry.ValidUntil - now) :: times)

            Expect.equal (List.rev times) (List.map minutes [ 1; 2; 4; 8; 16; 32; 60; 60 ]) "times"
            Expect.equal entry.Failures 8 "failures"

        test "A valid response ends the series of failures" {
            let failed = WellKnownEntry.Read(notFound, read notFound, now, limits)
            let found = WellKnownEntry.Read(valid, failed, now, limits)
            let again = WellKnownEntry.Read(notFound, found, now, limits)
            Expect.equal [ failed.Failures; found.Failures; again.Failures ] [ 2; 0; 1 ] "failed"
            Expect.equal again.ValidUntil (now + minutes 1) "valid until"
        }

        test "The cache headers of an error lengthen its time, up to an hour" {
            let withAge n = {
                notFound with
                    CacheControl = $"max-age={n}"
            }

            Expect.equal (kept (withAge 600)) (minutes 10) "kept"
            Expect.equal (kept (withAge 86_400)) (hours 1) "kept"
            Expect.equal (kept (withAge 0)) (minutes 1) "kept"
        }

        test "Any response is kept for between a minute and 48 hours, and any error for an hour at most" {
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
        }
    ]
