namespace Matrix.Core.Event

open System
open System.Collections.Generic
open System.Security.Cryptography
open Matrix.Core.Json

/// What an event of this server's is made of.
type EventParts = {
    /// "" for the create event of a room whose id is derived from it.
    RoomId: string
    /// "" unless the room version has servers choose ids.
    EventId: string
    Sender: string
    Type: string
    /// Null for a message event.
    StateKey: string | null
    Content: JsonObject
    OriginServerTs: int64
    Depth: int64
    PrevEvents: string[]
    AuthEvents: string[]
    /// Reference hashes of `PrevEvents` and `AuthEvents`, in their order; empty since room version 3.
    PrevHashes: byte[][]
    AuthHashes: byte[][]
    /// The event that this one redacts, put where the room version has it; null for none.
    Redacts: string | null
}

/// An event of this server's, hashed and not yet signed. Server-Server API, "Adding hashes and signatures to outgoing events".
[<Sealed>]
type UnsignedEvent private (format: EventFormat, fields: PduFields, unsealed: byte[], essential: byte[], eventId: string) =

    static let references (withHashes: bool) (ids: string[]) (hashes: byte[][]) : Json =
        ids
        |> Array.mapi (fun i id ->
            if withHashes then
                let hash =
                    if i < hashes.Length then
                        UnpaddedBase64.encode (ReadOnlySpan<byte> hashes[i])
                    else
                        ""

                Json.Array [|
                    Json.String id
                    Json.Object(JsonObject([| "sha256" |], [| Json.String hash |]))
                |]
            else
                Json.String id)
        |> Json.Array

    static let build (format: EventFormat) (parts: EventParts) : JsonObject =
        let withHashes = format.ReferencesCarryHashes
        let keys = List<string>(12)
        let values = List<Json>(12)

        let add key value =
            keys.Add key
            values.Add value

        let content =
            match parts.Redacts with
            | null -> parts.Content
            | id when not format.RedactsOnTop ->
                JsonObject.OfSeq(Seq.append parts.Content.Members [ struct ("redacts", Json.String id) ])
            | _ -> parts.Content

        // In canonical order.
        add "auth_events" (references withHashes parts.AuthEvents parts.AuthHashes)
        add "content" (Json.Object content)
        add "depth" (Json.Int parts.Depth)

        if format.AssignsIds then
            add "event_id" (Json.String parts.EventId)

        add "origin_server_ts" (Json.Int parts.OriginServerTs)
        add "prev_events" (references withHashes parts.PrevEvents parts.PrevHashes)

        match parts.Redacts with
        | null -> ()
        | id ->
            if format.RedactsOnTop then
                add "redacts" (Json.String id)

        if parts.RoomId <> "" then
            add "room_id" (Json.String parts.RoomId)

        add "sender" (Json.String parts.Sender)

        match parts.StateKey with
        | null -> ()
        | key -> add "state_key" (Json.String key)

        add "type" (Json.String parts.Type)
        JsonObject(keys.ToArray(), values.ToArray())

    let roomId =
        if fields.RoomId = "" then
            Matrix.Core.Ident.RoomId.ofCreateEvent eventId
        else
            fields.RoomId

    /// What the event is called; signatures do not change it.
    member _.EventId = eventId

    /// Its room.
    member _.RoomId = roomId

    /// The bytes to sign.
    member _.BytesToSign: ReadOnlyMemory<byte> = ReadOnlyMemory<byte> essential

    /// Checks and hashes an event. Numbers must be canonical whatever the room version tolerates of others.
    static member Prepare(format: EventFormat, parts: EventParts) : Result<UnsignedEvent, PduFault> =
        let event = build format parts

        match PduFields.valuesFault true event, PduFields.read format event false with
        | ValueSome fault, _
        | _, Error fault -> Error fault
        | ValueNone, Ok fields ->
            use text = new EventText(event, format.Redactor)
            let hashes = SignedJson.hashesText (text.ContentHash())
            let essential = text.Essential hashes

            let eventId =
                if format.AssignsIds then
                    fields.EventId
                else
                    PduFields.idOfHash format (SHA256.HashData essential)

            Ok(UnsignedEvent(format, fields, text.Stored hashes, essential, eventId))

    /// The event with its signatures, if it is not too large then.
    member _.Sign(signatures: Signature[]) : Result<Pdu, PduFault> =
        // Of the members that are built, `state_key` and `type` stand behind `signatures`.
        let mutable members = Slices(ReadOnlySpan<byte> unsealed)

        while members.Next()
              && not (members.Is Spelling.stateKey || members.Is Spelling.eventType) do
            ()

        let at = members.MemberStart
        use out = new ByteBuffer(unsealed.Length + 256)
        out.Raw(ReadOnlySpan<byte>(unsealed, 0, at))
        SignedJson.writeMember out signatures
        out.Byte ','B
        out.Raw(ReadOnlySpan<byte>(unsealed, at, unsealed.Length - at))
        let canonical = out.ToArray()

        if canonical.Length > EventLimits.MaxBytes then
            Error(PduFault.EventTooLarge(canonical.Length, EventLimits.MaxBytes))
        else
            Ok(PduFields.toPdu format fields eventId fields.Content canonical)
