/// Where the core decides without the tables, its behaviour agrees with their rows.
module Matrix.Core.Tests.RulesAsDataTests

open System
open System.Security.Cryptography
open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json

let private versions = Versions.withUnstable

let private obj (members: (string * Json) list) =
    Json.Object(JsonObject.OfSeq [ for key, value in members -> struct (key, value) ])

let private text (s: string) = Json.String s

/// The hash of an event, as versions 3 and later name events.
let private hash = String('A', 43)

let private reference (references: EventReferences) (i: int) =
    let id = "$" + string i + ":one"

    match references with
    | EventReferences.Ids -> text id
    | EventReferences.IdsWithHashes -> Json.Array [| text id; obj [ "sha256", text hash ] |]

/// A value that a row allows.
let private sample (shape: FieldShape) : Json =
    match shape with
    | FieldShape.String -> text "$other:one"
    | FieldShape.ShortString bytes -> text (String('x', bytes))
    | FieldShape.UserId -> text "@alice:one"
    | FieldShape.RoomIdWithDomain -> text "!room:one"
    | FieldShape.RoomIdHash -> text ("!" + hash)
    | FieldShape.EventIdWithDomain -> text "$event:one"
    | FieldShape.Integer -> Json.Int 1L
    | FieldShape.IntegerUpTo most -> Json.Int most
    | FieldShape.Object -> obj []
    | FieldShape.Hashes -> obj [ "sha256", text hash ]
    | FieldShape.Signatures -> obj [ "one", obj [ "ed25519:1", text "AAAA" ] ]
    | FieldShape.References(references, most) -> Json.Array [| for i in 1..most -> reference references i |]

/// Values close to those that a row allows: the least one beyond a bound, and other forms of the same type.
let private beyond (shape: FieldShape) : Json list =
    match shape with
    | FieldShape.ShortString bytes -> [ text (String('x', bytes + 1)); text (String('ä', bytes / 2 + 1)) ]
    | FieldShape.UserId -> [ text "alice:one"; text "@alice"; text ("@" + String('a', 251) + ":one") ]
    | FieldShape.RoomIdWithDomain -> [ text ("!" + hash); text ("!" + String('a', 251) + ":one") ]
    | FieldShape.RoomIdHash -> [ text "!room:one"; text ("!" + hash + "A") ]
    | FieldShape.EventIdWithDomain -> [ text ("$" + hash); text ("$" + String('a', 251) + ":one") ]
    | FieldShape.IntegerUpTo most -> [
        Json.Int -1L
        if most < Int64.MaxValue then
            Json.Int(most + 1L)
      ]
    | FieldShape.References(references, most) -> [
        Json.Array [| for i in 1 .. most + 1 -> reference references i |]
        Json.Array [|
            reference
                (if references = EventReferences.Ids then
                     EventReferences.IdsWithHashes
                 else
                     EventReferences.Ids)
                1
        |]
      ]
    | FieldShape.Hashes -> [ obj [ "md5", text hash ]; obj [ "sha256", Json.Int 1L ] ]
    | FieldShape.Signatures -> [ obj [ "one", text "AAAA" ]; obj [ "one", obj [ "ed25519:1", Json.Int 1L ] ] ]
    | FieldShape.String
    | FieldShape.Integer
    | FieldShape.Object -> []

/// The JSON type of a row's values.
let private kind (json: Json) =
    match json with
    | Json.Null -> "null"
    | Json.Bool _ -> "boolean"
    | Json.Int _
    | Json.BigInt _ -> "integer"
    | Json.Float _ -> "float"
    | Json.String _ -> "string"
    | Json.Array _ -> "list"
    | Json.Object _ -> "object"

let private ofEveryKind = [ Json.Null; Json.Bool true; Json.Int 1L; text "x"; Json.Array [||]; obj [] ]

let private fields (version: RoomVersion) = Fields.ofSettings version.Settings

/// An event with every member of the version's rows.
let private whole (version: RoomVersion) : Map<string, Json> =
    Map.ofList [ for f in fields version -> f.Key, sample f.Shape ]

let private accepts (version: RoomVersion) (event: Map<string, Json>) : bool =
    let event =
        JsonObject.OfSeq [ for KeyValue(key, value) in event -> struct (key, value) ]

    match PduFormat.ofJson (EventFormat version) event with
    | Ok _ -> true
    | Error _ -> false

let private without (keys: string list) (o: JsonObject) =
    JsonObject.OfSeq(o.Members |> Seq.filter (fun (struct (key, _)) -> not (List.contains key keys)))

let private sha256 (o: JsonObject) =
    SHA256.HashData(CanonicalJson.bytes (Json.Object o))

/// Whether a condition holds for an event alone.
let rec private holds (event: Map<string, Json>) (condition: Condition) : bool =
    let rec has (path: string list) (json: Json) =
        match path, json with
        | [], _ -> true
        | key :: rest, Json.Object o ->
            match o.TryFind key with
            | ValueSome inner -> has rest inner
            | ValueNone -> false
        | _ -> false

    match condition with
    | Condition.Always -> true
    | Condition.Not inner -> not (holds event inner)
    | Condition.And parts -> List.forall (holds event) parts
    | Condition.Or parts -> List.exists (holds event) parts
    | Condition.TypeIs eventType -> event["type"] = text eventType
    | Condition.ContentHas path -> has path event["content"]
    | Condition.MembershipIs membership ->
        match event["content"] with
        | Json.Object content -> content.TryFind "membership" = ValueSome(text (Settings.membershipWord membership))
        | _ -> false
    | other -> failwith $"{other} is not asked of the event alone"

let tests =
    testList "RulesAsDataTests" [
        testList "An event whose members are as their rows say is accepted" [
            for version in versions do
                test version.Id { Expect.isTrue (accepts version (whole version)) "accepts" }
        ]

        testList "An event without a member is refused if the row says that it is required" [
            for version in versions do
                test version.Id {
                    for f in fields version do
                        let without = (whole version).Remove f.Key
                        Expect.equal (accepts version without) (f.Presence = Presence.Optional) f.Key

                        let ofCreate = without.Add("type", text "m.room.create")

                        if f.Key <> "type" then
                            Expect.equal
                                (accepts version ofCreate)
                                (f.Presence <> Presence.Always)
                                $"{f.Key} of a create event"
                }
        ]

        testList "A member of another type than its row's, or beyond its bounds, is refused" [
            for version in versions do
                test version.Id {
                    for f in fields version do
                        let wrong =
                            (ofEveryKind |> List.filter (fun json -> kind json <> kind (sample f.Shape)))
                            @ beyond f.Shape

                        for json in wrong do
                            let event = (whole version).Add(f.Key, json)
                            Expect.isFalse (accepts version event) $"{f.Key}: {CanonicalJson.text json}"
                }
        ]

        testList "An event is accepted up to the limit in bytes" [
            for version in versions do
                test version.Id {
                    let ofSize (bytes: int) =
                        let body (n: int) =
                            (whole version).Add("content", obj [ "body", text (String('x', n)) ]).Remove "unsigned"

                        let size (event: Map<string, Json>) =
                            (CanonicalJson.bytes (obj (Map.toList event))).Length

                        body (bytes - size (body 0))

                    Expect.isTrue (accepts version (ofSize Limits.EventBytes)) "accepts"
                    Expect.isFalse (accepts version (ofSize (Limits.EventBytes + 1))) "accepts"

                    Expect.isTrue
                        (accepts version ((ofSize Limits.EventBytes).Add("unsigned", obj [ "age", Json.Int 1L ])))
                        "accepts"
                }
        ]

        testList "Hashes are of an event without the members that the rows remove" [
            for version in versions do
                test version.Id {
                    let format = EventFormat version

                    let event =
                        JsonObject.OfSeq [ for KeyValue(key, value) in whole version -> struct (key, value) ]

                    let essential = format.Redactor.Redact event

                    Expect.equal
                        (PduFormat.contentHash format event)
                        (sha256 (without Signing.removedForContentHash event))
                        "content hash"

                    Expect.equal
                        (PduFormat.referenceHash format event)
                        (sha256 (without Signing.removedForReferenceHash essential))
                        "reference hash"
                }
        ]

        testList "The servers that must sign are those of the rows" [
            for version in versions do
                test version.Id {
                    let format = EventFormat version

                    for eventType in [ "m.room.member"; "m.room.message" ] do
                        for membership in [ "join"; "invite"; "leave" ] do
                            for more in
                                [
                                    []
                                    [ "third_party_invite", obj [] ]
                                    [ "join_authorised_via_users_server", text "@carol:three" ]
                                ] do
                                let event =
                                    (whole version)
                                        .Add("type", text eventType)
                                        .Add("event_id", text "$event:two")
                                        .Add("content", obj (("membership", text membership) :: more))

                                let expected =
                                    Signing.requirements version.Settings
                                    |> List.filter (fun r -> holds event r.When)
                                    |> List.map (fun r ->
                                        match r.Server with
                                        | Server.Of User.Sender -> "one"
                                        | Server.OfEventId -> "two"
                                        | Server.Of User.Authorising -> "three"
                                        | other -> failwith $"{other}")
                                    |> set

                                match
                                    PduFormat.ofJson
                                        format
                                        (JsonObject.OfSeq [ for KeyValue(k, v) in event -> struct (k, v) ])
                                with
                                | Error fault -> failtest $"{fault}"
                                | Ok received ->
                                    let actual =
                                        set [
                                            yield! received.RequiredSigners
                                            if received.AuthorisingServer <> "" then
                                                received.AuthorisingServer
                                        ]

                                    Expect.equal actual expected $"{eventType} {membership} {more}"
                }
        ]

        testList "Numbers are read as strictly as the rows say" [
            for version in versions do
                test version.Id {
                    let format = EventFormat version
                    let strict = version.Settings.Json = JsonStrictness.Strict

                    let reads (literal: string) =
                        let text = "{\"content\":{\"n\":" + literal + "}}"

                        match
                            JsonReader.ParseObject(
                                ReadOnlySpan<byte>(Text.Encoding.UTF8.GetBytes text),
                                format.Reading,
                                JsonLimits.event
                            )
                        with
                        | Ok _ -> true
                        | Error _ -> false

                    Expect.isTrue (reads (string Limits.Integer)) "reads"
                    Expect.equal (reads (string (Limits.Integer + 1L))) (not strict) "reads"
                    Expect.equal (reads (string (-Limits.Integer - 1L))) (not strict) "reads"
                    Expect.equal (reads "1.5") (not strict) "reads"
                }
        ]

        testList "Values count as levels as the rows say" [
            for values in PowerLevelValues.all do
                test $"{values}" {
                    let counts json = (LevelValues.read values json).IsSome
                    let strings = values <> PowerLevelValues.Integers
                    let floats = values = PowerLevelValues.IntegersFloatsAndStrings

                    Expect.isTrue (counts (Json.Int -5L)) "counts"

                    for s in [ "100"; "000100"; "-100"; "+100"; " 100 "; " +0100 " ] do
                        Expect.equal (counts (text s)) strings s

                    for s in [ ""; "1.0"; "- 1"; "--1"; "1e2"; "0x1" ] do
                        Expect.isFalse (counts (text s)) s

                    Expect.equal (counts (Json.Float 51146.98)) floats "counts"

                    // A double's value is a level even beyond 64 bits; the page has no bound for strings.
                    for d in [ 1e300; -1e300; 1e19 ] do
                        Expect.equal (counts (Json.Float d)) floats (string d)

                    for s in
                        [
                            "9223372036854775808"
                            "-100000000000000000000000"
                            "00000000000000000000000000100"
                        ] do
                        Expect.equal (counts (text s)) strings s
                }
        ]

        test "A level beyond 64 bits is above every level within 64 bits" {
            let level json =
                match LevelValues.read PowerLevelValues.IntegersFloatsAndStrings json with
                | ValueSome n -> n
                | ValueNone -> failwith "no level"

            Expect.equal (level (Json.Float 1e300)) Limits.Power "level"
            Expect.equal (level (Json.Float -1e300)) (-Limits.Power) "level"
            Expect.equal (level (text "+123456789012345678901234567890")) Limits.Power "level"
            Expect.equal (level (text " -123456789012345678901234567890 ")) (-Limits.Power) "level"
            Expect.equal (level (Json.Int Int64.MaxValue)) Limits.Power "level"
            Expect.equal (level (Json.Int Int64.MinValue)) (-Limits.Power) "level"
            Expect.equal (level (text "00000000000000000000000000100")) 100L "level"
        }
    ]
