namespace Matrix.Properties.Vectors

open System
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Rules

/// Kinds about a single event: its format, hashes, signatures and redaction, and the levels in it.
module internal EventKinds =

    let knownVersion (id: Placed<string>) : Result<RoomVersion, VectorFault> =
        match Versions.tryFindUnstable id.Value with
        | Some version -> Ok version
        | None -> wrong id $"expected a known room version, found \"{id.Value}\""

    /// The versions of a case: `version`, or each of `versions`.
    let versionsOf (case: Placed<JsonObject>) : Result<string list, VectorFault> =
        let known id =
            knownVersion id |> Result.map (fun _ -> id.Value)

        match maybe "versions" case with
        | Some listed -> asTexts listed |> Result.bind (every known)
        | None -> text "version" case |> Result.bind known |> Result.map List.singleton

    let formatOf (question: Placed<JsonObject>) : Result<EventFormat, VectorFault> =
        text "version" question |> Result.bind knownVersion |> Result.map EventFormat

    /// One question for each version of a case.
    let private perVersion (keys: string list) (expected: JsonObject) (case: Placed<JsonObject>) =
        versionsOf case
        |> Result.map (
            List.map (fun version ->
                version, members (("version", Json.String version) :: keep keys case.Value), expected)
        )

    let base64 (bytes: byte[]) =
        Json.String(UnpaddedBase64.encode (ReadOnlySpan<byte> bytes))

    /// v1.19 rooms/v11#redactions
    let redaction: Kind = {
        Name = "redaction"
        Ours = []
        Read =
            fun _ case ->
                checked' {
                    let! redacted = need "redacted" case
                    return! perVersion [ "event" ] (members [ "redacted", redacted.Value ]) case
                }
        Answer =
            fun _ question ->
                checked' {
                    let! format = formatOf question
                    let! event = object "event" question
                    return members [ "redacted", Json.Object(format.Redactor.Redact event.Value) ]
                }
    }

    let private faultName (fault: PduFault) =
        match fault with
        | PduFault.Unreadable _ -> "Unreadable"
        | PduFault.NotCanonical -> "NotCanonical"
        | PduFault.Missing _ -> "Missing"
        | PduFault.WrongType _ -> "WrongType"
        | PduFault.BadId _ -> "BadId"
        | PduFault.KeyTooLong _ -> "KeyTooLong"
        | PduFault.EventTooLarge _ -> "EventTooLarge"
        | PduFault.TooManyReferences _ -> "TooManyReferences"
        | PduFault.DepthOutOfRange _ -> "DepthOutOfRange"

    let private verdict (fault: string option) =
        match fault with
        | None -> members [ "accepted", Json.Bool true ]
        | Some fault -> members [ "accepted", Json.Bool false; "fault", Json.String fault ]

    /// v1.19 rooms/v12#event-format-1
    let eventFormat: Kind = {
        Name = "event-format"
        Ours = [ "fault" ]
        Read =
            fun _ case ->
                checked' {
                    let! fault = maybeText "fault" case
                    return! perVersion [ "event" ] (verdict fault) case
                }
        Answer =
            fun _ question ->
                checked' {
                    let! format = formatOf question
                    let! event = object "event" question

                    return
                        match PduFormat.ofJson format event.Value with
                        | Ok _ -> verdict None
                        | Error fault -> verdict (Some(faultName fault))
                }
    }

    let private hashes = [ "content_hash"; "reference_hash"; "event_id"; "room_id" ]

    /// v1.19 server-server-api#signing-events; v1.19 rooms/v4#event-ids
    let eventHashes: Kind = {
        Name = "event-hashes"
        Ours = []
        Read =
            fun _ case ->
                checked' {
                    let! all = hashes |> every (fun key -> text key case)
                    let expected = List.zip hashes [ for t in all -> Json.String t.Value ]
                    return! perVersion [ "event" ] (members expected) case
                }
        Answer =
            fun _ question ->
                checked' {
                    let! format = formatOf question
                    let! event = object "event" question

                    match PduFormat.ofJson format event.Value with
                    | Error fault -> return! wrong event $"expected an event of its room version: {fault}"
                    | Ok received ->
                        return
                            members [
                                "content_hash", base64 (PduFormat.contentHash format event.Value)
                                "reference_hash", base64 (PduFormat.referenceHash format event.Value)
                                "event_id", Json.String received.EventId
                                "room_id", Json.String received.RoomId
                            ]
                }
    }

    let asBase64 (size: int) (placed: Placed<string>) : Result<byte[], VectorFault> =
        match UnpaddedBase64.decode placed.Value with
        | NonNull bytes when bytes.Length = size -> Ok bytes
        | _ -> wrong placed $"expected the base64 of {size} bytes"

    let private withMember (o: JsonObject) key value =
        JsonObject.OfSeq(Seq.append o.Members [ struct (key, value) ])

    /// v1.19 appendices#signing-json; v1.19 server-server-api#adding-hashes-and-signatures-to-outgoing-events
    let signing: Kind = {
        Name = "signing"
        Ours = []
        Read =
            fun file case ->
                checked' {
                    let shared = keep [ "seed"; "entity"; "key_id" ] file.Value
                    let! signature = text "signature" case
                    let! signed = object "signed" case

                    let expected =
                        members [ "signature", Json.String signature.Value; "signed", Json.Object signed.Value ]

                    let question = shared @ keep [ "signs"; "input"; "version" ] case.Value
                    let! version = maybeText "version" case
                    return [ Option.defaultValue "" version, members question, expected ]
                }
        Answer =
            fun ed25519 question ->
                checked' {
                    let! seed = text "seed" question |> Result.bind (asBase64 32)
                    let! entity = text "entity" question
                    let! keyId = text "key_id" question
                    let! input = object "input" question
                    let! signs = text "signs" question |> Result.bind (word [ "json"; "event" ])

                    let! hashed, bytes =
                        if signs = "json" then
                            Ok(input.Value, SignedJson.bytesToSign input.Value)
                        else
                            checked' {
                                let! format = formatOf question
                                let hash = base64 (PduFormat.contentHash format input.Value)

                                let event =
                                    withMember input.Value "hashes" (Json.Object(members [ "sha256", hash ]))

                                return event, PduFormat.bytesToSign format event
                            }

                    let signature = ed25519.Sign seed bytes

                    let signed =
                        SignedJson.withSignature hashed entity.Value keyId.Value (ReadOnlySpan<byte> signature)

                    return members [ "signature", base64 signature; "signed", Json.Object signed ]
                }
    }

    /// v1.19 appendices#checking-for-a-signature
    let signatureCheck: Kind = {
        Name = "signature-check"
        Ours = []
        Read =
            fun _ case ->
                checked' {
                    let! valid = need "valid" case |> Result.bind asBool
                    let question = keep [ "object"; "entity"; "keys" ] case.Value
                    return [ "", members question, members [ "valid", Json.Bool valid ] ]
                }
        Answer =
            fun ed25519 question ->
                checked' {
                    let! signed = object "object" question
                    let! entity = text "entity" question
                    let! keys = object "keys" question

                    let! known =
                        [ for struct (id, value) in keys.Value.Members -> id, value ]
                        |> every (fun (id, value) ->
                            asText {
                                At = $"{keys.At}.{id}"
                                Value = value
                            }
                            |> Result.bind (asBase64 32)
                            |> Result.map (fun bytes -> id, bytes))

                    let bytes = SignedJson.bytesToSign signed.Value

                    let fates =
                        SignedJson.signatures signed.Value
                        |> Array.filter (fun s -> s.Entity = entity.Value)
                        |> Array.map (fun s ->
                            match List.tryFind (fun (id, _) -> id = s.KeyId) known with
                            | None -> SignatureFate.Skipped
                            | Some(_, key) when s.Bytes.Length = 64 && ed25519.Verify key bytes s.Bytes ->
                                SignatureFate.Valid
                            | Some _ -> SignatureFate.Invalid)

                    return members [ "valid", Json.Bool(SignedJson.holds fates) ]
                }
    }

    /// v1.19 rooms/v1#deprecated-event-content-schemas: the values that are power levels.
    let powerLevel: Kind = {
        Name = "power-level"
        Ours = []
        Read =
            fun _ case ->
                checked' {
                    let! level = need "level" case
                    return! perVersion [ "value" ] (members [ "level", level.Value ]) case
                }
        Answer =
            fun _ question ->
                checked' {
                    let! format = formatOf question
                    let! value = need "value" question

                    return
                        members [
                            "level",
                            match LevelValues.read format.Version.Settings.PowerLevelValues value.Value with
                            | ValueSome n -> Json.Int n
                            | ValueNone -> Json.Null
                        ]
                }
    }
