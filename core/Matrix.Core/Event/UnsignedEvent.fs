namespace Matrix.Core.Event

open System
open System.Collections.Generic
open System.Security.Cryptography
open Matrix.Core.Json

/// The parts of an event of this server.
type EventParts = {
    /// "" for the create event of a room whose id is derived from it.
    RoomId: string
    /// "" unless servers choose event ids in the room version.
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
    /// The event that this one redacts; null for none. It is written where the room version has it.
    Redacts: string | null
}

/// Collects members in canonical order, in an array of the right size.
[<Sealed>]
type private Members(count: int) =
    let keys = Array.zeroCreate<string> count
    let values = Array.zeroCreate<Json> count
    let mutable filled = 0

    member _.Add(key: string, value: Json) =
        keys[filled] <- key
        values[filled] <- value
        filled <- filled + 1

    member _.ToObject() = JsonObject(keys, values)

/// An event of this server, hashed and not yet signed. Its bytes are in pooled memory: dispose it when it is signed.
/// v1.19 server-server-api#adding-hashes-and-signatures-to-outgoing-events
[<Sealed>]
type UnsignedEvent
    private
    (
        format: EventFormat,
        fields: PduFields,
        text: EventText,
        hashes: AddedMember,
        essential: ByteBuffer,
        eventId: string
    ) =

    // Servers differ in whether they write the hashes of references; nobody checks them.
    static let reference (id: string) (hash: byte[]) : Json =
        let hashes =
            if hash.Length = 0 then
                JsonObject.Empty
            else
                JsonObject([| "sha256" |], [| Json.String(UnpaddedBase64.encode (ReadOnlySpan<byte> hash)) |])

        Json.Array [| Json.String id; Json.Object hashes |]

    static let references (withHashes: bool) (ids: string[]) (hashes: byte[][]) : Json =
        if withHashes then
            ids
            |> Array.mapi (fun i id -> reference id (if i < hashes.Length then hashes[i] else [||]))
            |> Json.Array
        else
            ids |> Array.map Json.String |> Json.Array

    static let build (format: EventFormat) (parts: EventParts) : JsonObject =
        let withHashes = format.ReferencesCarryHashes
        let redactsOnTop = format.RedactsOnTop && not (isNull parts.Redacts)
        let isState = not (isNull parts.StateKey)
        let hasRoomId = parts.RoomId <> ""
        let one (isThere: bool) = if isThere then 1 else 0

        let members =
            Members(7 + one format.AssignsIds + one redactsOnTop + one hasRoomId + one isState)

        let content =
            match parts.Redacts with
            | null -> parts.Content
            | id when not format.RedactsOnTop -> parts.Content.With("redacts", Json.String id)
            | _ -> parts.Content

        // In canonical order.
        members.Add("auth_events", references withHashes parts.AuthEvents parts.AuthHashes)
        members.Add("content", Json.Object content)
        members.Add("depth", Json.Int parts.Depth)

        if format.AssignsIds then
            members.Add("event_id", Json.String parts.EventId)

        members.Add("origin_server_ts", Json.Int parts.OriginServerTs)
        members.Add("prev_events", references withHashes parts.PrevEvents parts.PrevHashes)

        match parts.Redacts with
        | null -> ()
        | id ->
            if redactsOnTop then
                members.Add("redacts", Json.String id)

        if hasRoomId then
            members.Add("room_id", Json.String parts.RoomId)

        members.Add("sender", Json.String parts.Sender)

        match parts.StateKey with
        | null -> ()
        | key -> members.Add("state_key", Json.String key)

        members.Add("type", Json.String parts.Type)
        members.ToObject()

    let roomId =
        if fields.RoomId = "" then
            Matrix.Core.Ident.RoomId.ofCreateEvent eventId
        else
            fields.RoomId

    /// The ids and reference hashes of a list of references in a template of another server; a hash that is missing is
    /// empty. There are no hashes since room version 3.
    static member internal References
        (format: EventFormat, template: JsonObject, key: string)
        : Result<struct (string[] * byte[][]), PduFault> =
        let wrong () =
            Error(
                PduFault.WrongType(
                    key,
                    if format.ReferencesCarryHashes then
                        "a list of pairs of an event id and hashes"
                    else
                        "a list of event ids"
                )
            )

        let hashOf (hashes: JsonObject) : byte[] =
            match hashes.Text "sha256" with
            | null -> [||]
            | text ->
                match UnpaddedBase64.decode text with
                | null -> [||]
                | hash -> hash

        match template.TryFind key with
        | ValueNone -> Error(PduFault.Missing key)
        | ValueSome(Json.Array items) ->
            let ids = List<string>()
            let hashes = List<byte[]>()

            for item in items do
                match item with
                | Json.String id when not format.ReferencesCarryHashes -> ids.Add id
                | Json.Array [| Json.String id; Json.Object given |] when format.ReferencesCarryHashes ->
                    ids.Add id
                    hashes.Add(hashOf given)
                | _ -> ()

            if ids.Count = items.Length then
                Ok(struct (ids.ToArray(), hashes.ToArray()))
            else
                wrong ()
        | ValueSome _ -> wrong ()

    /// The event's id. Signatures do not change it.
    member _.EventId = eventId

    /// The event's room.
    member _.RoomId = roomId

    /// The bytes to sign, until it is disposed.
    member _.BytesToSign: ReadOnlyMemory<byte> = essential.WrittenMemory

    /// Checks and hashes an event. It may have all numbers that the room version allows: what it takes over from the
    /// events of others must not stop it.
    static member Prepare(format: EventFormat, parts: EventParts) : Result<UnsignedEvent, PduFault> =
        let event = build format parts

        match PduFields.read format event false true with
        | Error fault -> Error fault
        | Ok fields ->
            let text = new EventText(event, format.Redactor)

            let hashes = {
                Key = "hashes"
                Text = SignedJson.hashesText (text.ContentHash())
            }

            let essential = new ByteBuffer()
            text.WriteEssential(essential, [| hashes |])

            let eventId =
                if format.AssignsIds then
                    fields.EventId
                else
                    PduFields.idOfHash format (SHA256.HashData essential.Written)

            Ok(new UnsignedEvent(format, fields, text, hashes, essential, eventId))

    /// The signed event, unless it is too large.
    member _.Sign(signatures: Signature[]) : Result<Pdu, PduFault> =
        let signed = {
            Key = "signatures"
            Text = SignedJson.signaturesText signatures
        }

        let canonical = text.Stored [| hashes; signed |]

        if canonical.Length > EventLimits.MaxBytes then
            Error(PduFault.EventTooLarge(canonical.Length, EventLimits.MaxBytes))
        else
            Ok(PduFields.toPdu format fields eventId fields.Content canonical)

    interface IDisposable with
        member _.Dispose() =
            (text :> IDisposable).Dispose()
            (essential :> IDisposable).Dispose()
