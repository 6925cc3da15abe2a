module Matrix.Core.Tests.EventTests

open System
open System.Text
open Expecto
open Matrix.Testing
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Json

let private formatOf (version: string) : EventFormat =
    match EventFormat.ForVersion version with
    | null -> failwith $"unknown version {version}"
    | format -> format

let private parse (text: string) : JsonObject =
    match
        JsonReader.ParseObject(ReadOnlySpan<byte>(Encoding.UTF8.GetBytes text), Reading.Lenient, JsonLimits.event)
    with
    | Ok o -> o
    | Error e -> failwith $"{e}"

let private ok (result: Result<'a, PduFault>) : 'a =
    match result with
    | Ok value -> value
    | Error fault -> failwith $"{fault}"

let private draft (version: string) (content: string) : EventParts =
    let format = formatOf version

    {
        RoomId =
            if format.RoomIdIsHash then
                "!Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg"
            else
                "!r:domain"
        EventId = if format.AssignsIds then "$e:domain" else ""
        Sender = "@a:domain"
        Type = "m.room.message"
        StateKey = null
        Content = parse content
        OriginServerTs = 1L
        Depth = 2L
        PrevEvents = [||]
        AuthEvents = [||]
        PrevHashes = [||]
        AuthHashes = [||]
        Redacts = null
    }

let private signature: Signature = {
    Entity = "domain"
    KeyId = "ed25519:1"
    Bytes = Array.zeroCreate 64
}

let private sign (version: string) (parts: EventParts) : Pdu =
    (ok (UnsignedEvent.Prepare(formatOf version, parts))).Sign [| signature |] |> ok

let private receivedOf (version: string) (eventType: string) (content: string) =
    let parts = {
        draft version content with
            Type = eventType
            StateKey = "@a:domain"
    }

    let parts =
        if parts.EventId = "" then
            parts
        else
            { parts with EventId = "$e:elsewhere" }

    ok (PduFormat.ofBytes (formatOf version) (sign version parts).Canonical.Span)

let private clientForm (version: string) (pdu: Pdu) (roomId: string | null) (unsigned: UnsignedParts) =
    use out = new ByteBuffer()
    let form = ClientEvent.FormOf(formatOf version, pdu.EventId, pdu.Canonical.Span)
    ClientEvent.Write(out, form, roomId, &unsigned)
    Encoding.UTF8.GetString out.Written

let private contentOf (form: JsonObject) : JsonObject =
    match form.TryFind "content" with
    | ValueSome(Json.Object content) -> content
    | _ -> failwith "no content"

/// An object of `depth` nested objects.
let private nested (depth: int) : string =
    String.replicate (depth - 1) "{\"a\":" + "{}" + String('}', depth - 1)

let tests =
    testList "EventTests" [
        test "An event may take at most 65536 bytes, including its signatures" {
            let sized n =
                let parts = draft "12" ("{\"body\":\"" + String('x', n) + "\"}")
                (ok (UnsignedEvent.Prepare(formatOf "12", parts))).Sign [| signature |]

            let overhead = (ok (sized 0)).Canonical.Length
            let largest = ok (sized (65536 - overhead))
            Expect.equal largest.Canonical.Length 65536 "number of canonical"
            Expect.isTrue (Result.isOk (PduFormat.ofBytes (formatOf "12") largest.Canonical.Span)) "of bytes"

            match sized (65537 - overhead) with
            | Error(PduFault.EventTooLarge(65537, 65536) as fault) -> Expect.isTrue fault.IsSize "is size"
            | other -> failtest $"{other}"
        }

        test "The size of a received event does not count unsigned" {
            let pdu = sign "12" (draft "12" ("{\"body\":\"" + String('x', 65000) + "\"}"))
            let unsigned = parse ("{\"x\":\"" + String('y', 2000) + "\"}")

            let event =
                JsonObject.OfSeq(
                    Seq.append (parse (Encoding.UTF8.GetString pdu.Canonical.Span)).Members [
                        struct ("unsigned", Json.Object unsigned)
                    ]
                )

            Expect.isTrue (ok (PduFormat.ofJson (formatOf "12") event)).HashHolds "hash holds"
        }

        test "A float in a local event is refused from room version 6 on" {
            for version in [ "1"; "5"; "6"; "12" ] do
                match UnsignedEvent.Prepare(formatOf version, draft version """{"a":1.5}"""), version with
                | Error PduFault.NotCanonical, ("6" | "12")
                | Ok _, ("1" | "5") -> ()
                | other, _ -> failtest $"{version}: {other}"
        }

        test "An event with a wrong content hash is redacted" {
            let pdu = sign "11" (draft "11" """{"body":"the truth"}""")

            let forged =
                (Encoding.UTF8.GetString pdu.Canonical.Span).Replace("the truth", "a lie")

            let received =
                ok (PduFormat.ofBytes (formatOf "11") (ReadOnlySpan<byte>(Encoding.UTF8.GetBytes forged)))

            Expect.isFalse received.HashHolds "hash holds"
            Expect.equal received.EventId pdu.EventId "event id"
            Expect.equal received.Pdu.Content.Count 0 "number of content"
            Expect.equal received.Pdu pdu "pdu"
            let stored = PduFormat.redact (formatOf "11") pdu
            Expect.isTrue (received.Pdu.Canonical.Span.SequenceEqual stored.Canonical.Span) "sequence equal"
        }

        test "The redacted event's id is where the room version has it" {
            for version in [ "1"; "10"; "11"; "12" ] do
                let parts = {
                    draft version """{"reason":"spam"}""" with
                        Type = "m.room.redaction"
                        Redacts = "$x"
                }

                let pdu = sign version parts
                Expect.equal pdu.Redacts "$x" "redacts"
                let members = parse (Encoding.UTF8.GetString pdu.Canonical.Span)
                let onTop = (formatOf version).RedactsOnTop
                Expect.equal (members.Has "redacts") onTop "has"
                Expect.equal (pdu.Content.Has "redacts") (not onTop) "has"

                // Since version 11 redaction keeps it, since it is needed to understand the event.
                Expect.equal (PduFormat.redact (formatOf version) pdu).Redacts (if onTop then null else "$x") "redacts"
        }

        test "The room id of a create event of version 12 is its own id" {
            let parts = {
                draft "12" """{"room_version":"12"}""" with
                    Type = "m.room.create"
                    StateKey = ""
                    RoomId = ""
            }

            let unsigned = ok (UnsignedEvent.Prepare(formatOf "12", parts))
            let pdu = ok (unsigned.Sign [| signature |])
            Expect.equal pdu.RoomId ("!" + pdu.EventId.Substring 1) "room id"
            Expect.equal unsigned.RoomId pdu.RoomId "room id"
            Expect.isTrue (RoomId.isValid pdu.RoomId) "is valid"
            let members = parse (Encoding.UTF8.GetString pdu.Canonical.Span)
            Expect.isFalse (members.Has "room_id") "has"

            // The authorization rules reject a create event with a room_id.
            let named = members.With("room_id", Json.String "!r:domain")

            Expect.isTrue (ok (PduFormat.ofJson (formatOf "12") named)).HasRoomId "has room id"
            Expect.isFalse (ok (PduFormat.ofJson (formatOf "12") members)).HasRoomId "has room id"
        }

        test "The required signers depend on the event and its room version" {
            let signers version eventType content =
                let received = receivedOf version eventType content
                // A server that has the parsed event finds the same signers.
                Expect.equal
                    (PduFormat.requiredSigners (formatOf version) received.Pdu)
                    received.RequiredSigners
                    "required signers"

                Expect.equal
                    (PduFormat.authorisingServer (formatOf version) received.Pdu)
                    received.AuthorisingServer
                    "authorising server"

                Array.toList received.RequiredSigners

            let invite = """{"membership":"invite","third_party_invite":{}}"""
            Expect.equal (signers "3" "m.room.message" "{}") [ "domain" ] "signers"
            Expect.equal (signers "2" "m.room.message" "{}") [ "domain"; "elsewhere" ] "signers"
            Expect.equal (signers "12" "m.room.member" invite) [] "signers"
            Expect.equal (signers "2" "m.room.member" invite) [ "elsewhere" ] "signers"

            Expect.equal
                (signers "12" "m.room.member" """{"membership":"join","third_party_invite":{}}""")
                [ "domain" ]
                "signers"

            let join =
                """{"membership":"join","join_authorised_via_users_server":"@b:other:80"}"""

            Expect.equal (receivedOf "10" "m.room.member" join).AuthorisingServer "other:80" "authorising server"
            Expect.equal (receivedOf "7" "m.room.member" join).AuthorisingServer "" "authorising server"
            Expect.equal (receivedOf "10" "m.room.topic" join).AuthorisingServer "" "authorising server"
        }

        test "At least one signature must be valid, and none invalid" {
            let holds = SignedJson.holds
            Expect.isFalse (holds [||]) "holds"
            Expect.isFalse (holds [| SignatureFate.Skipped |]) "holds"
            Expect.isTrue (holds [| SignatureFate.Valid; SignatureFate.Skipped |]) "holds"
            Expect.isFalse (holds [| SignatureFate.Valid; SignatureFate.Invalid |]) "holds"
        }

        test "Signatures of unknown algorithms are ignored, and broken ones are never valid" {
            let o =
                parse """{"signatures":{"a":{"rsa:1":"AAAA","ed25519:1":"%%","ed25519:2":"AAAA"},"b":5}}"""

            let found = SignedJson.signatures o
            Expect.equal (found |> Array.map (fun s -> s.KeyId)) [| "ed25519:1"; "ed25519:2" |] "found"
            Expect.equal found[0].Bytes.Length 0 "number of bytes"
            Expect.equal found[1].Bytes.Length 3 "number of bytes"
        }

        testCase "The client form has the members added for the client, and none of those between servers"
        <| fun () ->
            let pdu =
                sign "12" {
                    draft "12" """{"body":"a } \" { b","list":[1,{"x":"]"}]}""" with
                        StateKey = "k\"ey"
                }

            let mutable unsigned = UnsignedParts()
            unsigned.Age <- 5L
            unsigned.HasAge <- true
            unsigned.TransactionId <- "t\"1"
            unsigned.PrevContent <- ReadOnlyMemory<byte>(Encoding.UTF8.GetBytes """{"p":1}""")
            unsigned.ReplacesState <- "$old"
            unsigned.Membership <- "join"
            unsigned.Relations <- ReadOnlyMemory<byte>(Encoding.UTF8.GetBytes """{"m.thread":{}}""")
            unsigned.RedactedBecause <- ReadOnlyMemory<byte>(Encoding.UTF8.GetBytes """{"r":1}""")

            let expected =
                """{"content":{"body":"a } \" { b","list":[1,{"x":"]"}]},"event_id":"EVENT","origin_server_ts":1,"""
                + """"room_id":"ROOM","sender":"@a:domain","state_key":"k\"ey","type":"m.room.message","""
                + """"unsigned":{"age":5,"m.relations":{"m.thread":{}},"membership":"join","prev_content":{"p":1},"""
                + """"redacted_because":{"r":1},"replaces_state":"$old","transaction_id":"t\"1"}}"""

            let expected = expected.Replace("EVENT", pdu.EventId).Replace("ROOM", pdu.RoomId)
            Expect.equal (clientForm "12" pdu pdu.RoomId unsigned) expected "client form"

            // Each part alone is an object too.
            let mutable only = UnsignedParts()
            only.TransactionId <- "t"

            Expect.stringEnds
                (clientForm "12" pdu null only)
                ""","type":"m.room.message","unsigned":{"transaction_id":"t"}}"""
                "client form"

            Expect.stringEnds (clientForm "12" pdu null (UnsignedParts())) ""","type":"m.room.message"}""" "client form"

        test "A client finds the redacted event's id beside and inside the content" {
            for version in [ "10"; "12" ] do
                let parts = {
                    draft version """{"reason":"spam"}""" with
                        Type = "m.room.redaction"
                        Redacts = "$x"
                }

                let form = parse (clientForm version (sign version parts) null (UnsignedParts()))
                Expect.equal (form.TryFind "redacts") (ValueSome(Json.String "$x")) "try find"
                Expect.equal ((contentOf form).TryFind "redacts") (ValueSome(Json.String "$x")) "try find"
                Expect.equal ((contentOf form).TryFind "reason") (ValueSome(Json.String "spam")) "try find"
        }

        test "Only redactions name a redacted event" {
            let form =
                parse (clientForm "12" (sign "12" (draft "12" """{"redacts":"$x"}""")) null (UnsignedParts()))

            Expect.isFalse (form.Has "redacts") "has"
        }

        test "Stripped state has four members" {
            let pdu =
                sign "12" {
                    draft "12" """{"name":"n"}""" with
                        Type = "m.room.name"
                        StateKey = ""
                }

            use out = new ByteBuffer()
            ClientEvent.WriteStripped(out, pdu.Canonical.Span)

            Expect.equal
                (Encoding.UTF8.GetString out.Written)
                """{"content":{"name":"n"},"sender":"@a:domain","state_key":"","type":"m.room.name"}"""
                "get string"
        }

        test "An event nested deeper than 128 is refused from every source, and one of 128 can be stored" {
            for version in [ "1"; "12" ] do
                let format = formatOf version
                let deepest = sign version (draft version (nested 127))
                Expect.isTrue (Result.isOk (PduFormat.ofBytes format deepest.Canonical.Span)) "of bytes"

                Expect.isTrue
                    (Result.isOk (PduFormat.ofStored format deepest.EventId (deepest.Canonical.ToArray())))
                    "of stored"

                match UnsignedEvent.Prepare(format, draft version (nested 128)) with
                | Error(PduFault.Unreadable { Fault = JsonFault.TooDeep 128 }) -> ()
                | other -> failtest $"{other}"

                // The parser allows deeper nesting inside a transaction.
                let members = parse (Encoding.UTF8.GetString deepest.Canonical.Span)

                let deeper =
                    JsonObject.OfSeq(Seq.append members.Members [ struct ("content", Json.Object(parse (nested 128))) ])

                match PduFormat.ofJson format deeper with
                | Error(PduFault.Unreadable { Fault = JsonFault.TooDeep 128 }) -> ()
                | other -> failtest $"{other}"
        }

        test "A redaction table with one changed row redacts some event differently" {
            let sample =
                FsCheck.FSharp.Gen.sample 3000 Matrix.Properties.Generators.EventGen.nearly

            let right = Matrix.Rules.Versions.v12.Redaction

            let differs (change: Matrix.Rules.RedactionEdit) =
                let wrong = Redactor(Matrix.Rules.Redaction.apply change right)

                sample
                |> Seq.exists (fun (_, event) ->
                    wrong.Redact event
                    <> Matrix.Properties.Reference.LiteralEvent.redact right event)

            for change in
                [
                    Matrix.Rules.RedactionEdit.DropTopLevel [ "depth" ]
                    Matrix.Rules.RedactionEdit.Keep("m.room.message", [ "body" ])
                    Matrix.Rules.RedactionEdit.Keep("m.room.member", [ "third_party_invite"; "display_name" ])
                    Matrix.Rules.RedactionEdit.KeepWhole "m.room.power_levels"
                    Matrix.Rules.RedactionEdit.KeepNothing "m.room.create"
                ] do
                Expect.isTrue (differs change) $"{change}"
        }
    ]
