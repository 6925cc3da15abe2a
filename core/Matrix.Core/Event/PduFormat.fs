namespace Matrix.Core.Event

open System
open System.Security.Cryptography
open Matrix.Core.Ident
open Matrix.Core.Json
open Matrix.Rules

/// The required signers of an event. `Matrix.Rules.Signing` states the rule.
[<RequireQualifiedAccess>]
module private Signers =

    let private asks (format: EventFormat) (signer: ExtraSigner) =
        List.contains signer format.Version.Settings.ExtraSigners

    let private answersThirdParty (eventType: string) (content: JsonObject) =
        eventType = EventTypes.Member
        && content.Text "membership" = "invite"
        && content.Has "third_party_invite"

    let required
        (format: EventFormat)
        (eventId: string)
        (sender: string)
        (eventType: string)
        (content: JsonObject)
        : string[] =
        Array.distinct [|
            if not (answersThirdParty eventType content) then
                UserId.server sender
            if asks format ExtraSigner.EventIdServer then
                Ident.serverOf eventId
        |]

    let authorising (format: EventFormat) (eventType: string) (content: JsonObject) : string =
        if asks format ExtraSigner.AuthorisingServer && eventType = EventTypes.Member then
            match content.Text "join_authorised_via_users_server" with
            | null -> ""
            | user -> Ident.serverOf user
        else
            ""

[<Sealed>]
type ReceivedPdu
    internal
    (
        format: EventFormat,
        event: JsonObject,
        fields: PduFields,
        eventId: string,
        signedBytes: byte[],
        hashHolds: bool,
        canonical: byte[]
    ) =

    // Computed here, on the thread that reads it, and the event's tree is not kept: a response may have thousands.
    let signatures = SignedJson.signatures event
    let hasRoomId = event.Has "room_id"

    let required =
        Signers.required format eventId fields.Sender fields.Type fields.Content

    let authorising = Signers.authorising format fields.Type fields.Content

    let pdu =
        if hashHolds then
            PduFields.toPdu format fields eventId fields.Content canonical
        else
            let redacted = format.Redactor.Redact event
            let content = format.Redactor.Content(fields.Type, fields.Content)

            let fields = {
                fields with
                    Redacts = PduFields.redacts format fields.Type redacted content
            }

            PduFields.toPdu format fields eventId content canonical

    member _.EventId = eventId
    member _.RoomId = pdu.RoomId
    member _.HasRoomId = hasRoomId
    member _.Sender = pdu.Sender
    member _.Type = pdu.Type
    member _.OriginServerTs = pdu.OriginServerTs
    member _.SignedBytes = ReadOnlyMemory<byte> signedBytes
    member _.Signatures = signatures
    member _.RequiredSigners = required
    member _.AuthorisingServer = authorising
    member _.HashHolds = hashHolds
    member _.Pdu = pdu

[<RequireQualifiedAccess>]
module PduFormat =

    /// The content hash in the event; empty if it is not base64.
    let private claimedHash (event: JsonObject) : byte[] =
        match event.TryFind "hashes" with
        | ValueSome(Json.Object hashes) ->
            match hashes.TryFind "sha256" with
            | ValueSome(Json.String text) ->
                match UnpaddedBase64.decode text with
                | null -> [||]
                | bytes -> bytes
            | _ -> [||]
        | _ -> [||]

    let private receive (format: EventFormat) (event: JsonObject) (isLimited: bool) : Result<ReceivedPdu, PduFault> =
        match PduFields.read format event true isLimited with
        | Error fault -> Error fault
        | Ok fields ->
            use text = new EventText(event, format.Redactor)
            let stored = text.Stored [||]

            if stored.Length > EventLimits.MaxBytes then
                Error(PduFault.EventTooLarge(stored.Length, EventLimits.MaxBytes))
            else
                let essential = text.Essential()

                let eventId =
                    if format.AssignsIds then
                        fields.EventId
                    else
                        PduFields.idOfHash format (SHA256.HashData essential)

                // Check 3. v1.19 server-server-api#validating-hashes-and-signatures-on-received-events
                let holds =
                    ReadOnlySpan<byte>(text.ContentHash()).SequenceEqual(ReadOnlySpan<byte>(claimedHash event))

                let canonical = if holds then stored else text.StoredRedacted()
                Ok(ReceivedPdu(format, event, fields, eventId, essential, holds, canonical))

    let ofJson (format: EventFormat) (event: JsonObject) : Result<ReceivedPdu, PduFault> = receive format event true

    [<CompiledName "OfBytes">]
    let ofBytes (format: EventFormat) (utf8: ReadOnlySpan<byte>) : Result<ReceivedPdu, PduFault> =
        match JsonReader.ParseObject(utf8, format.Reading, JsonLimits.event) with
        | Error error -> Error(PduFault.Unreadable error)
        | Ok event -> ofJson format event

    let ofHistory (format: EventFormat) (utf8: ReadOnlySpan<byte>) : Result<ReceivedPdu, PduFault> =
        match JsonReader.ParseObject(utf8, format.Reading, JsonLimits.event) with
        | Error error -> Error(PduFault.Unreadable error)
        | Ok event -> receive format event false

    let ofStored (format: EventFormat) (eventId: string) (canonical: byte[]) : Result<Pdu, PduFault> =
        match JsonReader.ParseObject(ReadOnlySpan<byte> canonical, Reading.Lenient, JsonLimits.event) with
        | Error error -> Error(PduFault.Unreadable error)
        | Ok event ->
            match PduFields.read format event false false with
            | Error fault -> Error fault
            | Ok fields -> Ok(PduFields.toPdu format fields eventId fields.Content canonical)

    let ofTrusted (format: EventFormat) (event: JsonObject) : Result<Pdu, PduFault> =
        match PduFields.readTrusted format event with
        | Error fault -> Error fault
        | Ok fields ->
            use text = new EventText(event, format.Redactor)
            Ok(PduFields.toPdu format fields fields.EventId fields.Content (text.Stored [||]))

    let requiredSigners (format: EventFormat) (pdu: Pdu) : string[] =
        Signers.required format pdu.EventId pdu.Sender pdu.Type pdu.Content

    let authorisingServer (format: EventFormat) (pdu: Pdu) : string =
        Signers.authorising format pdu.Type pdu.Content

    let redact (format: EventFormat) (pdu: Pdu) : Pdu =
        let content = format.Redactor.Content(pdu.Type, pdu.Content)
        use out = new ByteBuffer(pdu.Canonical.Length)
        let mutable members = Slices pdu.Canonical.Span
        out.Byte '{'B

        while members.Next() do
            // No kept key contains a JSON escape, so the raw key is compared.
            let key = KnownStrings.get members.Key

            if format.Redactor.Keeps key then
                if out.Length > 1 then
                    out.Byte ','B

                if key = "content" && not (format.Redactor.KeepsContentOf pdu.Type) then
                    out.Bytes Spelling.contentMember
                    CanonicalJson.writeObject out content
                else
                    out.Raw members.Member

        out.Byte '}'B

        Pdu(
            pdu.RoomVersion,
            pdu.EventId,
            pdu.RoomId,
            pdu.Sender,
            pdu.Type,
            pdu.StateKey,
            pdu.OriginServerTs,
            pdu.Depth,
            content,
            pdu.PrevEvents,
            pdu.AuthEvents,
            (if format.RedactsOnTop then
                 null
             else
                 PduFields.redacts format pdu.Type JsonObject.Empty content),
            out.ToArray()
        )

    let bytesToSign (format: EventFormat) (event: JsonObject) : byte[] =
        use text = new EventText(event, format.Redactor)
        text.Essential()

    let referenceHash (format: EventFormat) (event: JsonObject) : byte[] =
        SHA256.HashData(bytesToSign format event)

    let eventId (format: EventFormat) (event: JsonObject) : Result<string, PduFault> =
        if not format.AssignsIds then
            Ok(PduFields.idOfHash format (referenceHash format event))
        else
            match event.TryFind "event_id" with
            | ValueSome(Json.String id) ->
                match EventId.checkWithServer id with
                | Ok id -> Ok id
                | Error reason -> Error(PduFault.BadId("event_id", reason))
            | ValueSome _ -> Error(PduFault.WrongType("event_id", "a string"))
            | ValueNone -> Error(PduFault.Missing "event_id")

    [<CompiledName "ReferenceHashOf">]
    let referenceHashOf (format: EventFormat) (pdu: Pdu) : byte[] =
        use out = new ByteBuffer(pdu.Canonical.Length)
        let redacted = (redact format pdu).Canonical
        let mutable members = Slices redacted.Span
        out.Byte '{'B

        while members.Next() do
            if not (members.Is Spelling.signatures) then
                if out.Length > 1 then
                    out.Byte ','B

                out.Raw members.Member

        out.Byte '}'B
        SHA256.HashData out.Written

    let contentHash (format: EventFormat) (event: JsonObject) : byte[] =
        use text = new EventText(event, format.Redactor)
        text.ContentHash()
