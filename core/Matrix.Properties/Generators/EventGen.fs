namespace Matrix.Properties.Generators

open System
open FsCheck
open FsCheck.FSharp
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Rules

/// Events of every room version, valid or nearly valid.
[<RequireQualifiedAccess>]
module EventGen =

    /// Every format that this server knows.
    let formats: EventFormat list = Versions.all |> List.map EventFormat

    /// A room version's format.
    let format: Gen<EventFormat> = Gen.elements formats

    let private str (s: string) = Json.String s

    let private obj (members: (string * Json) list) =
        JsonObject.OfSeq(members |> Seq.map (fun (k, v) -> struct (k, v)))

    /// Members that some redaction table keeps, and members that none keeps.
    let private knownKeys = [
        "body"
        "msgtype"
        "displayname"
        "name"
        "membership"
        "join_authorised_via_users_server"
        "creator"
        "join_rule"
        "allow"
        "ban"
        "events"
        "events_default"
        "invite"
        "kick"
        "redact"
        "state_default"
        "users"
        "users_default"
        "aliases"
        "history_visibility"
        "redacts"
    ]

    /// Types that redaction tables know, and others.
    let eventType: Gen<string> =
        Gen.frequency [
            4,
            Gen.elements [
                "m.room.member"
                "m.room.create"
                "m.room.join_rules"
                "m.room.power_levels"
                "m.room.aliases"
                "m.room.history_visibility"
                "m.room.redaction"
            ]
            2, Gen.elements [ "m.room.message"; "m.room.encrypted"; "m.reaction"; "m.room.name" ]
            1, JsonGen.text
        ]

    let private thirdPartyInvite =
        Gen.oneof [
            JsonGen.strict
            JsonGen.strictObject
            |> Gen.map (fun signed -> Json.Object(obj [ "display_name", str "x"; "signed", Json.Object signed ]))
            Gen.constant (Json.Object(obj [ "display_name", str "x" ]))
        ]

    /// Contents with members that redaction keeps, and others.
    let content: Gen<JsonObject> =
        gen {
            let! free = JsonGen.strictObject
            let! count = Gen.choose (0, 4)

            let! kept =
                Gen.listOfLength count (Gen.map2 (fun k v -> struct (k, v)) (Gen.elements knownKeys) JsonGen.strict)

            let! third =
                Gen.frequency [
                    2, Gen.constant []
                    1, thirdPartyInvite |> Gen.map (fun t -> [ struct ("third_party_invite", t) ])
                ]

            return JsonObject.OfSeq(Seq.concat [ free.Members; Seq.ofList kept; Seq.ofList third ])
        }

    let private eventId (format: EventFormat) =
        match format.Version.Settings.EventIds with
        | EventIdForm.Assigned -> Gen.map2 (fun n s -> $"$x{n}:{s}") (Gen.choose (0, 1000000)) IdentGen.serverName
        | EventIdForm.Hash -> IdentGen.hash '$' |> Gen.map (fun id -> id.Replace('-', '+').Replace('_', '/'))
        | EventIdForm.UrlSafeHash -> IdentGen.hash '$'

    let private short (gen: Gen<string>) =
        gen |> Gen.filter (fun id -> Text.Encoding.UTF8.GetByteCount id <= 255)

    /// The parts of an event of this version.
    let parts (format: EventFormat) : Gen<EventParts> =
        gen {
            let! sender =
                short (Gen.frequency [ 3, IdentGen.userId; 1, IdentGen.historicalUserId ])

            let! eventType = eventType
            let! stateKey = Gen.elements [ true; false ]
            let! key = Gen.oneof [ Gen.constant ""; JsonGen.text; Gen.constant sender ]
            let! content = content
            let! ts = JsonGen.integer
            let! depth = Gen.choose (0, 1000)
            let! own = eventId format
            let! prevCount = Gen.choose (0, 20)
            let! prev = Gen.arrayOfLength prevCount (eventId format)
            let! authCount = Gen.choose (0, 10)
            let! auth = Gen.arrayOfLength authCount (eventId format)
            let! redacted = eventId format

            let! room =
                if format.RoomIdIsHash then
                    IdentGen.hash '!'
                else
                    Gen.map (fun s -> "!r:" + s) IdentGen.serverName

            return {
                RoomId =
                    if format.RoomIdIsHash && eventType = "m.room.create" then
                        ""
                    else
                        room
                EventId = if format.AssignsIds then own else ""
                Sender = sender
                Type = eventType
                StateKey = if stateKey then key else null
                Content = content
                OriginServerTs = ts
                Depth = int64 depth
                PrevEvents = prev
                AuthEvents = auth
                PrevHashes = prev |> Array.map (fun _ -> Array.init 32 byte)
                AuthHashes = auth |> Array.map (fun _ -> Array.init 32 byte)
                Redacts = if eventType = "m.room.redaction" then redacted else null
            }
        }

    /// A signature of the right size.
    let private signature (server: string) : Gen<Signature> =
        Gen.choose64 (0L, Int64.MaxValue)
        |> Gen.map (fun seed -> {
            Entity = server
            KeyId = "ed25519:auto"
            Bytes = Array.init 64 (fun i -> byte (seed >>> (i % 8 * 8)))
        })

    /// A format, and a signed event of it.
    let signed: Gen<EventFormat * Pdu> =
        gen {
            let! format = format
            let! parts = parts format
            let! own = signature (Matrix.Core.Ident.UserId.server parts.Sender)
            let! other = signature "other"

            let! signatures =
                Gen.elements [
                    [| own |]
                    [| own |]
                    [| own; other |]
                    [| other; own; { own with KeyId = "ed25519:0" } |]
                ]

            match UnsignedEvent.Prepare(format, parts) with
            | Error fault -> return failwith $"the generator made no event: {fault}"
            | Ok unsigned ->
                match unsigned.Sign signatures with
                | Ok pdu -> return (format, pdu)
                | Error fault -> return failwith $"the generator made no event: {fault}"
        }

    /// The members of an event.
    let members (pdu: Pdu) : JsonObject =
        match JsonReader.ParseObject(pdu.Canonical.Span, Reading.Lenient, JsonLimits.event) with
        | Ok o -> o
        | Error e -> failwith $"{e}"

    /// A format, and an event of it with one member removed, changed or added, at the top level or in the content.
    let nearly: Gen<EventFormat * JsonObject> =
        gen {
            let! format, pdu = signed
            let o = members pdu
            let! value = JsonGen.lenient
            let! at = Gen.choose (0, o.Count - 1)

            let! name =
                Gen.elements [
                    "event_id"
                    "room_id"
                    "unsigned"
                    "redacts"
                    "origin"
                    "state_key"
                    "zzz"
                    ""
                ]

            let! how = Gen.choose (0, 3)

            let changed =
                match how with
                | 0 -> JsonObject.OfSeq(Seq.removeAt at o.Members)
                | 1 -> JsonObject.OfSeq(Seq.append o.Members [ struct (o.Key at, value) ])
                | 2 -> JsonObject.OfSeq(Seq.append o.Members [ struct (name, value) ])
                | _ ->
                    let content =
                        JsonObject.OfSeq(Seq.append pdu.Content.Members [ struct (name, value) ])

                    JsonObject.OfSeq(Seq.append o.Members [ struct ("content", Json.Object content) ])

            return (format, changed)
        }
