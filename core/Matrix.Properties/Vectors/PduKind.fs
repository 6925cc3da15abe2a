namespace Matrix.Properties.Vectors

open System
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Properties.Generators
open Matrix.Rules
open Matrix.Properties.Vectors.Places

/// The steps from a complete PDU to its verdict. A test puts a wrong one in the place of each.
type PduSteps = {
    Format: RoomVersion -> EventFormat
    /// The event that goes on, by its content hash: complete or redacted.
    Used: EventFormat -> JsonObject -> ReceivedPdu -> Pdu
    IsSignedBy: string -> ReceivedEvent -> bool
    /// The keys of an invitation by which a signature in `signed` is valid.
    ThirdPartyKeys: Ed25519 -> Pdu -> JsonObject -> string[]
}

/// Running them.
[<RequireQualifiedAccess>]
module PduSteps =

    /// Those of this implementation.
    let right: PduSteps = {
        Format = EventFormat
        Used = fun _ _ received -> received.Pdu
        IsSignedBy = fun server event -> event.IsSignedBy server
        ThirdPartyKeys =
            fun ed25519 ->
                ThirdPartyKeys.verified (
                    Func<_, _, _, _>(fun key message signature -> ed25519.Verify key message signature)
                )
    }

/// Complete PDUs, with hashes and signatures that hold or do not.
/// v1.19 server-server-api#checks-performed-on-receipt-of-a-pdu
module internal PduKind =

    /// A PDU of the room, such as a file has it by name.
    let private named (events: Placed<JsonObject>) (name: Placed<string>) : Result<Json, VectorFault> =
        match maybe name.Value events with
        | Some event -> Ok event.Value
        | None -> wrong name $"expected an event of the room, found \"{name.Value}\""

    let private expectedKeys = [
        "verdict"
        "event_id"
        "room_id"
        "content_hash"
        "reference_hash"
        "hash_holds"
        "signed"
        "used"
        "clause"
        "reason"
        "entry"
    ]

    let private withoutUnsigned (event: JsonObject) =
        JsonObject.OfSeq(event.Members |> Seq.filter (fun (struct (key, _)) -> key <> "unsigned"))

    let private read (file: Placed<JsonObject>) (case: Placed<JsonObject>) =
        checked' {
            let! version = text "version" case |> Result.bind EventKinds.knownVersion
            let! rooms = object "rooms" file
            let! room = text "room" case
            let! events = object room.Value rooms
            let! keys = object "keys" file
            let! event = object "event" case
            let! state = need "state" case |> Result.bind asTexts
            let! cited = need "auth_events" case |> Result.bind asTexts
            let! rejected = optional "rejected" asTexts [] case
            let! state = state |> every (named events)

            let! cited =
                cited
                |> every (fun name ->
                    named events name
                    |> Result.map (fun event ->
                        let isRejected = rejected |> List.exists (fun r -> r.Value = name.Value)
                        Json.Object(members [ "event", event; "rejected", Json.Bool isRejected ])))

            let! _ =
                text "verdict" case |> Result.bind (word [ "accepted"; "rejected"; "dropped" ])

            return [
                version.Id,
                members [
                    "version", Json.String version.Id
                    "event", Json.Object event.Value
                    "keys", Json.Object keys.Value
                    "state", Json.Array(Array.ofList state)
                    "auth_events", Json.Array(Array.ofList cited)
                ],
                members [
                    // A file has the event that is used only where it is another one.
                    if not (case.Value.Has "used") && case.Value.Text "verdict" <> "dropped" then
                        "used", Json.Object(withoutUnsigned event.Value)
                    yield! keep expectedKeys case.Value
                ]
            ]
        }

    /// The public keys by server and key id.
    let private keysOf (question: Placed<JsonObject>) : Result<Map<string * string, byte[]>, VectorFault> =
        checked' {
            let! servers = object "keys" question

            let! all =
                [ for struct (server, _) in servers.Value.Members -> server ]
                |> every (fun server ->
                    checked' {
                        let! own = object server servers

                        return!
                            [ for struct (id, _) in own.Value.Members -> id ]
                            |> every (fun id ->
                                text id own
                                |> Result.bind (EventKinds.asBase64 32)
                                |> Result.map (fun bytes -> (server, id), bytes))
                    })

            return Map.ofList (List.concat all)
        }

    let private received (format: EventFormat) (event: Placed<JsonObject>) : Result<Pdu, VectorFault> =
        match PduFormat.ofJson format event.Value with
        | Ok received -> Ok received.Pdu
        | Error fault -> wrong event $"expected an event of its room version: {fault}"

    /// The signatures of an event, checked with the known keys.
    let private signatures (ed25519: Ed25519) (keys: Map<string * string, byte[]>) (received: ReceivedPdu) =
        let message = received.SignedBytes.ToArray()

        received.Signatures
        |> Array.map (fun s -> {
            Signature = s
            Fate =
                match keys.TryFind(s.Entity, s.KeyId) with
                | None -> SignatureFate.Skipped
                | Some key when s.Bytes.Length = 64 && ed25519.Verify key message s.Bytes -> SignatureFate.Valid
                | Some _ -> SignatureFate.Invalid
        })

    /// The invitation that a member event answers, and what it has signed.
    let private invitationOf (state: Map<string * string, Pdu>) (event: Pdu) : (Pdu * JsonObject) option =
        match event.Content.TryFind "third_party_invite" with
        | ValueSome(Json.Object answer) ->
            match answer.TryFind "signed" with
            | ValueSome(Json.Object signed) ->
                state.TryFind("m.room.third_party_invite", string (signed.Text "token"))
                |> Option.map (fun invitation -> invitation, signed)
            | _ -> None
        | _ -> None

    let private parsed (event: Pdu) : JsonObject =
        match JsonReader.ParseObject(event.Canonical.Span, Reading.Lenient, JsonLimits.event) with
        | Ok o -> o
        | Error _ -> JsonObject.Empty

    /// What an answer says of an event that is dropped, and of any other.
    let private checksOf (format: EventFormat) (event: JsonObject) (received: ReceivedPdu) (isSigned: bool) = [
        "event_id", Json.String received.EventId
        "room_id", Json.String received.RoomId
        "content_hash", EventKinds.base64 (PduFormat.contentHash format event)
        "reference_hash", EventKinds.base64 (PduFormat.referenceHash format event)
        "hash_holds", Json.Bool received.HashHolds
        "signed", Json.Bool isSigned
    ]

    /// The events of a question beside the one that it is about.
    let private roomOf (format: EventFormat) (question: Placed<JsonObject>) =
        checked' {
            let! state =
                need "state" question
                |> Result.bind asList
                |> Result.bind (every (asObject >> Result.bind (received format)))

            let! cited =
                need "auth_events" question
                |> Result.bind asList
                |> Result.bind (
                    every (fun item ->
                        checked' {
                            let! item = asObject item
                            let! event = object "event" item |> Result.bind (received format)
                            let! rejected = need "rejected" item |> Result.bind asBool
                            return { Event = event; Rejected = rejected }
                        })
                )

            return Map [ for e in state -> (e.Type, string e.StateKey), e ], cited
        }

    /// The cited events in the order of `auth_events`: a question gives all of them.
    let private citedBy (event: Placed<JsonObject>) (used: Pdu) (given: GivenAuthEvent list) =
        used.AuthEvents
        |> List.ofArray
        |> every (fun id ->
            match given |> List.tryFind (fun c -> c.Event.EventId = id) with
            | Some cited -> Ok cited
            | None -> wrong event $"expected its auth event {id} among 'auth_events'")

    let private decide
        (steps: PduSteps)
        version
        (received: ReceivedEvent)
        (thirdPartyKeys: string[])
        used
        state
        cited
        : Decision =
        AuthCase.decide (RoomCases.rulesOf version) {
            Version = version
            Event = used
            State = state
            Facts = {
                AuthEvents = Array.ofList cited
                Signers =
                    received.Signatures
                    |> Array.map _.Signature.Entity
                    |> Array.distinct
                    |> Array.filter (fun server -> steps.IsSignedBy server received)
                ThirdPartyKeys = thirdPartyKeys
                HasRoomId = received.HasRoomId
            }
        }

    /// The answer of these steps.
    let answerBy (steps: PduSteps) (ed25519: Ed25519) (question: Placed<JsonObject>) : Result<JsonObject, VectorFault> =
        checked' {
            let! version = text "version" question |> Result.bind EventKinds.knownVersion
            let format = steps.Format version
            let! event = object "event" question
            let! keys = keysOf question

            match PduFormat.ofJson format event.Value with
            | Error _ -> return members [ "verdict", Json.String "dropped" ]
            | Ok pdu ->
                let! state, given = roomOf format question
                let used = steps.Used format event.Value pdu

                let thirdPartyKeys =
                    match invitationOf state used with
                    | Some(invitation, signed) -> steps.ThirdPartyKeys ed25519 invitation signed
                    | None -> [||]

                let checkedEvent = ReceivedEvent.OfPdu(pdu, signatures ed25519 keys pdu)

                let isSigned =
                    checkedEvent.RequiredSigners
                    |> Array.forall (fun server -> steps.IsSignedBy server checkedEvent)

                let checks = checksOf format event.Value pdu isSigned

                if not isSigned then
                    return members (("verdict", Json.String "dropped") :: checks)
                else
                    let! cited = citedBy event used given

                    let decision = decide steps version checkedEvent thirdPartyKeys used state cited

                    let verdict = if decision.IsOk then "accepted" else "rejected"
                    let names = (RoomCases.answerOf decision).Members

                    return
                        members [
                            "verdict", Json.String verdict
                            yield! checks
                            "used", Json.Object(parsed used)
                            for struct (key, value) in names do
                                if key <> "allowed" then
                                    key, value
                        ]
        }

    let kind: Kind = {
        Name = "pdu"
        Ours = [ "clause"; "reason"; "entry" ]
        Read = read
        Answer = answerBy PduSteps.right
    }
