namespace Matrix.Properties.Vectors

open System
open System.Text
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Json

/// Kinds without events: canonical JSON, unpadded base64, identifiers.
module internal TextKinds =

    let private faultName (fault: JsonFault) =
        match fault with
        | JsonFault.TooDeep _ -> "TooDeep"
        | JsonFault.TooLarge _ -> "TooLarge"
        | other -> string other

    let private refused (fault: string) =
        members [ "accepted", Json.Bool false; "fault", Json.String fault ]

    /// v1.19 appendices#canonical-json
    let canonicalJson: Kind = {
        Name = "canonical-json"
        Ours = [ "fault" ]
        Read =
            fun _ case ->
                checked' {
                    let! canonical = maybeText "canonical" case
                    let! fault = maybeText "refused" case

                    let! expected =
                        match canonical, fault with
                        | Some canonical, None ->
                            Ok(members [ "accepted", Json.Bool true; "canonical", Json.String canonical ])
                        | None, Some fault -> Ok(refused fault)
                        | _ -> wrong case "expected either 'canonical' or 'refused'"

                    return [ "", members (keep [ "input"; "input_hex"; "reading" ] case.Value), expected ]
                }
        Answer =
            fun _ question ->
                checked' {
                    let! reading =
                        optional "reading" (asText >> Result.bind (word [ "strict"; "lenient" ])) "strict" question

                    let! bytes =
                        match maybe "input_hex" question with
                        | Some hex -> asText hex |> Result.bind asHex
                        | None -> text "input" question |> Result.map (fun t -> Encoding.UTF8.GetBytes t.Value)

                    let reading =
                        if reading = "lenient" then
                            Reading.Lenient
                        else
                            Reading.Strict

                    return
                        match JsonReader.Parse(ReadOnlySpan<byte> bytes, reading, JsonLimits.event) with
                        | Ok json ->
                            members [
                                "accepted", Json.Bool true
                                "canonical", Json.String(CanonicalJson.text json)
                            ]
                        | Error e -> refused (faultName e.Fault)
                }
    }

    /// v1.19 appendices#unpadded-base64
    let unpaddedBase64: Kind = {
        Name = "unpadded-base64"
        Ours = []
        Read =
            fun _ case ->
                checked' {
                    let! base64 = text "base64" case

                    match maybe "hex" case with
                    | Some { Value = Json.Null } ->
                        return [
                            "", members [ "decode", Json.String base64.Value ], members [ "accepted", Json.Bool false ]
                        ]
                    | _ ->
                        let! hex = text "hex" case

                        let decoding =
                            "",
                            members [ "decode", Json.String base64.Value ],
                            members [ "accepted", Json.Bool true; "hex", Json.String hex.Value ]

                        let encoding =
                            "",
                            members [ "encode", Json.String hex.Value ],
                            members [ "base64", Json.String base64.Value ]

                        // Padding is accepted, but not written.
                        return
                            if base64.Value.EndsWith '=' then
                                [ decoding ]
                            else
                                [ decoding; encoding ]
                }
        Answer =
            fun _ question ->
                checked' {
                    match maybe "encode" question with
                    | Some hex ->
                        let! bytes = asText hex |> Result.bind asHex
                        return members [ "base64", Json.String(UnpaddedBase64.encode (ReadOnlySpan<byte> bytes)) ]
                    | None ->
                        let! base64 = text "decode" question

                        return
                            match UnpaddedBase64.decode base64.Value with
                            | null -> members [ "accepted", Json.Bool false ]
                            | bytes ->
                                members [
                                    "accepted", Json.Bool true
                                    "hex", Json.String(Convert.ToHexStringLower bytes)
                                ]
                }
    }

    let private grammars: (string * (string -> bool)) list = [
        "server-name", ServerName.check >> Result.isOk
        "user-id", UserId.check >> Result.isOk
        "new-localpart", UserId.checkNewLocalpart "domain" >> Result.isOk
        "room-id", RoomId.check >> Result.isOk
        "room-alias", RoomAlias.check >> Result.isOk
        "event-id-1", EventId.checkWithServer >> Result.isOk
        "event-id-3", EventId.checkHashStandard >> Result.isOk
        "event-id-4", EventId.checkHashUrlSafe >> Result.isOk
        "opaque", OpaqueId.checkOpaque >> Result.isOk
        "namespaced", OpaqueId.checkNamespaced >> Result.isOk
        "device-id", DeviceId.check >> Result.isOk
        "server-key-id", KeyId.checkServerKey >> Result.isOk
    ]

    /// An identifier. A file may write a long one as a repetition.
    let private written (id: Placed<Json>) : Result<string, VectorFault> =
        match id.Value with
        | Json.Object _ ->
            checked' {
                let! o = asObject id
                let! repeated = text "repeat" o
                let! times = need "times" o |> Result.bind asInt
                let! before = text "before" o
                let! after = text "after" o

                if times < 0L || times > 10_000L then
                    return! wrong id "expected 'times' from 0 to 10000"
                else
                    return before.Value + String.replicate (int times) repeated.Value + after.Value
            }
        | _ -> asText id |> Result.map _.Value

    /// v1.19 appendices#identifier-grammar
    let identifier: Kind = {
        Name = "identifier"
        Ours = []
        Read =
            fun _ case ->
                checked' {
                    let! grammar = text "grammar" case
                    let! id = need "id" case |> Result.bind written
                    let! valid = need "valid" case |> Result.bind asBool

                    return [
                        "",
                        members [ "grammar", Json.String grammar.Value; "id", Json.String id ],
                        members [ "valid", Json.Bool valid ]
                    ]
                }
        Answer =
            fun _ question ->
                checked' {
                    let! grammar = text "grammar" question |> Result.bind (word (List.map fst grammars))
                    let! id = text "id" question
                    let _, holds = grammars |> List.find (fun (name, _) -> name = grammar)
                    return members [ "valid", Json.Bool(holds id.Value) ]
                }
    }
