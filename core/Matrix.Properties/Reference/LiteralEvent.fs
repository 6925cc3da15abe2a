namespace Matrix.Properties.Reference

open System.Security.Cryptography
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Rules

/// Redaction, hashes and the client form, step by step as the specification words them. Slow.
[<RequireQualifiedAccess>]
module LiteralEvent =

    let private without (keys: string list) (o: JsonObject) =
        JsonObject.OfSeq(o.Members |> Seq.filter (fun (struct (k, _)) -> not (List.contains k keys)))

    let private sha256 (o: JsonObject) =
        SHA256.HashData(CanonicalJson.bytes (Json.Object o))

    /// Keeps only the members that one of the paths leads to.
    let rec private keepPaths (paths: string list list) (o: JsonObject) : JsonObject =
        JsonObject.OfSeq [
            for struct (key, value) in o.Members do
                let below =
                    paths
                    |> List.filter (fun path -> List.tryHead path = Some key)
                    |> List.map List.tail

                match value with
                | _ when List.contains [] below -> struct (key, value)
                | Json.Object inner when not below.IsEmpty -> struct (key, Json.Object(keepPaths below inner))
                | _ -> ()
        ]

    /// v1.19 rooms/v11#redactions
    let redact (table: RedactionTable) (event: JsonObject) : JsonObject =
        let eventType =
            match event.TryFind "type" with
            | ValueSome(Json.String t) -> t
            | _ -> ""

        JsonObject.OfSeq [
            for struct (key, value) in event.Members do
                match key, value, Redaction.keptOf table eventType with
                | "content", Json.Object _, KeptContent.Whole -> struct (key, value)
                | "content", Json.Object content, KeptContent.Paths paths ->
                    struct (key, Json.Object(keepPaths paths content))
                | _ when table.TopLevel.Contains key -> struct (key, value)
                | _ -> ()
        ]

    /// v1.19 server-server-api#calculating-the-content-hash-for-an-event
    let contentHash (event: JsonObject) : byte[] =
        event |> without [ "unsigned"; "signatures"; "hashes" ] |> sha256

    /// v1.19 server-server-api#calculating-the-reference-hash-for-an-event
    let referenceHash (table: RedactionTable) (event: JsonObject) : byte[] =
        event |> redact table |> without [ "signatures"; "unsigned" ] |> sha256

    /// v1.19 client-server-api#room-event-format, and the room versions' words on `redacts`.
    let clientForm (version: RoomVersion) (eventId: string) (roomId: string) (event: JsonObject) : JsonObject =
        let content =
            match event.TryFind "content" with
            | ValueSome(Json.Object content) -> content
            | _ -> JsonObject.Empty

        let redacts =
            match event.TryFind "type", version.Settings.Redacts with
            | ValueSome(Json.String "m.room.redaction"), RedactsPlace.TopLevel -> event.TryFind "redacts"
            | ValueSome(Json.String "m.room.redaction"), RedactsPlace.Content -> content.TryFind "redacts"
            | _ -> ValueNone

        JsonObject.OfSeq [
            for key in [ "content"; "origin_server_ts"; "sender"; "state_key"; "type" ] do
                match event.TryFind key with
                | ValueSome value -> struct (key, value)
                | ValueNone -> ()

            struct ("event_id", Json.String eventId)
            struct ("room_id", Json.String roomId)

            match redacts with
            | ValueSome(Json.String id) ->
                let redacts = struct ("redacts", Json.String id)
                redacts
                struct ("content", Json.Object(JsonObject.OfSeq(Seq.append content.Members [ redacts ])))
            | _ -> ()
        ]
