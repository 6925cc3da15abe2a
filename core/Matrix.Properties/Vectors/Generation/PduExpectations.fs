/// The expected answer to a PDU vector: its verdict, and the rest from the literal definitions.
module internal Matrix.Properties.Vectors.Generation.PduExpectations

open System
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Reference
open Matrix.Properties.Reference.Authorization
open Matrix.Properties.Vectors
open Matrix.Properties.Generators
open Matrix.Rules
open Matrix.Properties.Vectors.Generation.PduCase
open Matrix.Properties.Vectors.Generation.PduRooms

let private serverOf (id: string) = id.Substring(id.IndexOf ':' + 1)

let private objectAt (o: JsonObject) (key: string) =
    match o.TryFind key with
    | ValueSome(Json.Object inner) -> inner
    | _ -> JsonObject.Empty

/// v1.19 server-server-api#validating-hashes-and-signatures-on-received-events
let private isSignedBy (ed25519: Ed25519) keys (room: PduRoom) (event: JsonObject) (server: string) : bool =
    let own = objectAt (objectAt event "signatures") server

    let valid = [
        for struct (keyId, signature) in own.Members do
            match Map.tryFind (server, keyId) keys, signature with
            | Some key, Json.String signature ->
                match UnpaddedBase64.decode signature with
                | NonNull bytes -> ed25519.Verify key (room.BytesToSign event) bytes
                | _ -> false
            | _ -> ()
    ]

    not valid.IsEmpty && List.forall id valid

let private isThirdParty (event: JsonObject) =
    event.Text "type" = "m.room.member"
    && (objectAt event "content").Text "membership" = "invite"
    && (objectAt event "content").Has "third_party_invite"

/// The servers whose signatures an event needs; without them it is dropped.
let private needed (version: RoomVersion) (eventId: string) (event: JsonObject) : string list = [
    if not (isThirdParty event) then
        serverOf (string (event.Text "sender"))
    if version.Settings.EventIds = EventIdForm.Assigned then
        serverOf eventId
]

/// The keys of an invitation that verify a signature of `signed`.
let private thirdPartyKeys (ed25519: Ed25519) (state: Map<string * string, Pdu>) (content: JsonObject) : string[] =
    let signed = objectAt (objectAt content "third_party_invite") "signed"

    let message =
        JsonObject.OfSeq(signed.Members |> Seq.filter (fun (struct (key, _)) -> key <> "signatures"))
        |> Json.Object
        |> CanonicalJson.bytes

    let signatures = [
        for struct (_, own) in (objectAt signed "signatures").Members do
            match own with
            | Json.Object own ->
                for struct (_, signature) in own.Members do
                    match signature with
                    | Json.String signature -> Convert.FromBase64String(signature + "==")
                    | _ -> ()
            | _ -> ()
    ]

    match state.TryFind("m.room.third_party_invite", string (signed.Text "token")) with
    | None -> [||]
    | Some invitation ->
        AuthReference.publicKeysOf invitation
        |> Array.distinct
        |> Array.filter (fun key ->
            let bytes = Convert.FromBase64String(key.Replace('-', '+').Replace('_', '/') + "=")
            signatures |> List.exists (ed25519.Verify bytes message))

/// The facts about an event that the authorization rules take from outside the state.
let private facts
    (ed25519: Ed25519)
    keys
    (case: PduCase)
    (used: JsonObject)
    (state: Map<string * string, Pdu>)
    : AuthFacts =
    let _, room = case.Room
    let event = case.Event

    {
        AuthEvents = [|
            for name in room.NamesOfAuthEvents event ->
                {
                    Event = room.Pdu(room.Event name)
                    Rejected = List.contains name case.Rejected
                }
        |]
        Signers = [|
            for struct (server, _) in (objectAt event "signatures").Members do
                if isSignedBy ed25519 keys room event server then
                    server
        |]
        ThirdPartyKeys = thirdPartyKeys ed25519 state (objectAt used "content")
        HasRoomId = event.Has "room_id"
    }

/// The verdict on a signed event, and the members of the answer that explain it.
let private decided (ed25519: Ed25519) keys (case: PduCase) (hashHolds: bool) : string * (string * Json) list =
    let _, room = case.Room
    let event = case.Event

    let used =
        if hashHolds then
            JsonObject.OfSeq(event.Members |> Seq.filter (fun (struct (key, _)) -> key <> "unsigned"))
        else
            LiteralEvent.redact room.Version.Redaction event

    let state =
        Map [
            for name in case.State do
                let pdu = room.Pdu(room.Event name)
                (pdu.Type, string pdu.StateKey), pdu
        ]

    let decision =
        AuthReference.decide {
            Version = room.Version
            Event = room.Pdu used
            State = state
            Facts = facts ed25519 keys case used state
        }

    (if decision.IsOk then "accepted" else "rejected"),
    [
        if not hashHolds then
            "used", Json.Object used
        for struct (key, value) in (RoomCases.answerOf decision).Members do
            if key <> "allowed" then
                key, value
    ]

/// The answer: the verdict, the ids, the hashes and the decision.
let expected (ed25519: Ed25519) keys (case: PduCase) : (string * Json) list =
    let _, room = case.Room
    let version = room.Version
    let event = case.Event
    let contentHash = base64 (LiteralEvent.contentHash event)
    let holds = (objectAt event "hashes").Text "sha256" = contentHash
    let eventId = room.IdOf event

    let isSigned =
        needed version eventId event |> List.forall (isSignedBy ed25519 keys room event)

    let verdict, more =
        if isSigned then
            decided ed25519 keys case holds
        else
            "dropped", []

    if verdict <> case.Verdict then
        failwith $"{version.Id}: {case.Name}: the verdict is {verdict}, expected {case.Verdict}"

    [
        "verdict", text verdict
        "event_id", text eventId
        "room_id", text (room.RoomIdOf(eventId, event))
        "content_hash", text contentHash
        "reference_hash", text (base64 (LiteralEvent.referenceHash version.Redaction event))
        "hash_holds", Json.Bool holds
        "signed", Json.Bool isSigned
        yield! more
    ]
