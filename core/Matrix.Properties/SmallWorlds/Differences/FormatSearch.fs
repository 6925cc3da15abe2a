namespace Matrix.Properties.SmallWorlds

open System.Collections.Generic
open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators

/// The smallest event or text that two versions read differently.
[<RequireQualifiedAccess>]
module internal FormatSearch =

    let private object' (members: (string * Json) list) = JsonWriting.object' members

    let private references (version: RoomVersion) (ids: string list) : Json =
        Json.Array [|
            for id in ids ->
                match version.Settings.References with
                | EventReferences.Ids -> text id
                | EventReferences.IdsWithHashes -> Json.Array [| text id; nested [ "sha256", text "aGFzaA" ] |]
        |]

    /// An event of the form that a version has.
    let private event (version: RoomVersion) (more: (string * Json) list) : JsonObject =
        let isCreateOfHash = version.Settings.RoomIds = RoomIdForm.HashOfCreate

        let defaults = [
            "type", text "m.room.message"
            "room_id",
            text (
                if isCreateOfHash then
                    "!" + String.replicate 43 "A"
                else
                    "!room:one"
            )
            "sender", text "@alice:one"
            "origin_server_ts", number 1
            "depth", number 1
            "content", nested []
            "prev_events", references version []
            "auth_events", references version []
            "hashes", nested [ "sha256", text "aGFzaA" ]
            "signatures", nested [ "one", nested [ "ed25519:1", text "c2ln" ] ]
            if version.Settings.EventIds = EventIdForm.Assigned then
                "event_id", text "$event:one"
        ]

        let all = object' (defaults @ more)

        // An event with a wrong content hash would be redacted.
        let hash = PduFormat.contentHash (EventFormat version) all

        let hashes =
            nested [ "sha256", text (UnpaddedBase64.encode (System.ReadOnlySpan<byte> hash)) ]

        object' (defaults @ more @ [ "hashes", hashes ])

    let private without (key: string) (o: JsonObject) : JsonObject =
        JsonObject.OfSeq(o.Members |> Seq.filter (fun struct (k, _) -> k <> key))

    let private received (version: RoomVersion) (event: JsonObject) =
        PduFormat.ofJson (EventFormat version) event

    let private outcomeOf (version: RoomVersion) (event: JsonObject) (ok: ReceivedPdu -> string) : string =
        match received version event with
        | Ok pdu -> ok pdu
        | Error fault -> $"refused: {fault}"

    let private apart given a b =
        if a = b then None else Some(ShownCase.InWords(given, a, b))

    let private ids (a: RoomVersion) (b: RoomVersion) =
        // The first event whose hashes differ in spelling.
        seq { 1..1000 }
        |> Seq.tryPick (fun time ->
            let made version =
                event version [ "origin_server_ts", number time ]

            apart
                $"a message of @alice:one, origin_server_ts {time}"
                (outcomeOf a (made a) (fun p -> "event id " + p.EventId))
                (outcomeOf b (made b) (fun p -> "event id " + p.EventId)))

    let private rooms (a: RoomVersion) (b: RoomVersion) =
        let create (version: RoomVersion) =
            let all =
                event version [
                    "type", text "m.room.create"
                    "state_key", text ""
                    "content", nested [ "creator", text "@alice:one"; "room_version", text version.Id ]
                ]

            if version.Settings.RoomIds = RoomIdForm.HashOfCreate then
                without "room_id" all
            else
                all

        let what (p: ReceivedPdu) =
            (if p.HasRoomId then
                 "its room_id: "
             else
                 "the hash of the event: ")
            + p.RoomId

        apart
            "the create event of @alice:one: the room's id"
            (outcomeOf a (create a) what)
            (outcomeOf b (create b) what)

    let private form given (more: RoomVersion -> (string * Json) list) (a: RoomVersion) (b: RoomVersion) =
        let fate version =
            outcomeOf version (event version (more version)) (fun _ -> "accepted")

        apart given (fate a) (fate b)

    let private referenced (a: RoomVersion) (b: RoomVersion) =
        let authEvents = [ "prev_events", references a [ "$other:one" ]; "auth_events", references a [] ]

        form
            ("an event with prev_events "
             + CanonicalJson.text (Json.Object(object' [ List.head authEvents ])))
            (fun _ -> authEvents)
            a
            b

    let private named (a: RoomVersion) (b: RoomVersion) =
        let made version = without "event_id" (event version [])

        apart
            "an event without event_id"
            (outcomeOf a (made a) (fun p -> "accepted, as " + p.EventId))
            (outcomeOf b (made b) (fun p -> "accepted, as " + p.EventId))

    let private deep =
        form "an event of depth 9007199254740992, which is 2^53" (fun _ -> [ "depth", Json.Int 9007199254740992L ])

    let private numbers (a: RoomVersion) (b: RoomVersion) =
        let read (version: RoomVersion) =
            let body = "{\"a\":1.5}"B

            match
                JsonReader.ParseObject(
                    System.ReadOnlySpan<byte> body,
                    (EventFormat version).Reading,
                    JsonLimits.federationBody
                )
            with
            | Ok _ -> "read"
            | Error error -> $"refused: {error}"

        apart "{\"a\":1.5}" (read a) (read b)

    let private signers (a: RoomVersion) (b: RoomVersion) =
        let signed (p: ReceivedPdu) =
            "signatures of " + String.concat " and " p.RequiredSigners

        let made version =
            event version [ "sender", text "@carol:two" ]

        apart
            "a message of @carol:two, with an event id of server one where ids have a server"
            (outcomeOf a (made a) signed)
            (outcomeOf b (made b) signed)

    let private authorising (a: RoomVersion) (b: RoomVersion) =
        let signed (p: ReceivedPdu) =
            match p.AuthorisingServer with
            | "" -> "no signature of three"
            | server -> $"a signature of {server}, by the authorization rules"

        let ofJoin version =
            event version [
                "type", text "m.room.member"
                "sender", text "@carol:two"
                "state_key", text "@carol:two"
                "content",
                nested [
                    "membership", text "join"
                    "join_authorised_via_users_server", text "@alice:three"
                ]
            ]

        apart
            "a join of @carol:two that @alice:three authorises"
            (outcomeOf a (ofJoin a) signed)
            (outcomeOf b (ofJoin b) signed)

    let private redacts (a: RoomVersion) (b: RoomVersion) =
        let redaction version =
            event version [
                "type", text "m.room.redaction"
                "redacts", text "$beside:one"
                "content", nested [ "redacts", text "$inside:one" ]
            ]

        let what (p: ReceivedPdu) =
            match p.Pdu.Redacts with
            | null -> "redacts nothing"
            | id -> "redacts " + id

        apart
            "a redaction that names $beside:one beside its content and $inside:one in it"
            (outcomeOf a (redaction a) what)
            (outcomeOf b (redaction b) what)

    let private validity (a: RoomVersion) (b: RoomVersion) =
        let fate (version: RoomVersion) =
            match version.Settings.KeyValidity with
            | KeyValidity.NotEnforced -> "the signature counts"
            | KeyValidity.Enforced -> "the signature is ignored"

        apart "an event of origin_server_ts 2, signed with a key whose valid_until_ts is 1" (fate a) (fate b)

    /// The smallest event that the two versions redact differently.
    let private redacted (row: string) (a: RoomVersion) (b: RoomVersion) =
        let first, second = Redactor a.Redaction, Redactor b.Redaction

        let shown event =
            let x, y = first.Redact event, second.Redact event

            if x.Equals y then
                None
            else
                Some(ShownCase.Redacted(event, x, y))

        match row with
        | "top-level" ->
            let only =
                Set.union (a.Redaction.TopLevel - b.Redaction.TopLevel) (b.Redaction.TopLevel - a.Redaction.TopLevel)

            [ for key in only -> key, text "x" ] |> object' |> shown
        | eventType ->
            let kept (version: RoomVersion) =
                Redaction.keptOf version.Redaction eventType

            let paths kept =
                match kept with
                | KeptContent.Whole -> []
                | KeptContent.Paths paths -> paths

            let rec at (path: string list) : Json =
                match path with
                | [] -> text "x"
                | key :: rest -> nested [ key, at rest ]

            let x, y = paths (kept a), paths (kept b)
            let candidates = List.except x y @ List.except y x @ [ [ "anything" ] ]

            candidates
            |> List.tryPick (fun path -> object' [ "type", text eventType; "content", at path ] |> shown)

    /// The smallest case for a row outside of authorization.
    let shows (a: RoomVersion) (b: RoomVersion) (id: string) : ShownCase option =
        let starts (prefix: string) =
            id.StartsWith(prefix, System.StringComparison.Ordinal)

        match id with
        | "ids.event" -> ids a b
        | "event.room_id" -> rooms a b
        | "event.event_id" -> named a b
        | "event.auth_events"
        | "event.prev_events"
        | "event.references" -> referenced a b
        | "event.depth"
        | "limits.depth" -> deep a b
        | "redaction.names"
        | "event.redacts" -> redacts a b
        | "policy.numbers" -> numbers a b
        | _ when starts "rooms.id" -> rooms a b
        | _ when starts "json." -> numbers a b
        | "signatures.authorising-user" -> authorising a b
        | _ when starts "signatures." -> signers a b
        | _ when starts "keys." -> validity a b
        | _ when starts "kept." -> redacted (id.Substring 5) a b
        | _ -> None
