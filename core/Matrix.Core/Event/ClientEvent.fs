namespace Matrix.Core.Event

open System
open System.Buffers
open Matrix.Core.Json

/// What this server adds to an event for one client. Default values are omitted.
/// v1.19 client-server-api#room-event-format: `unsigned`.
[<Struct; NoEquality; NoComparison>]
type UnsignedParts =
    /// Milliseconds since the event was sent, if `HasAge`.
    [<DefaultValue(false)>]
    val mutable Age: int64

    /// Whether there is an `Age`.
    [<DefaultValue(false)>]
    val mutable HasAge: bool

    /// The transaction id with which this client's device sent the event.
    [<DefaultValue(false)>]
    val mutable TransactionId: string | null

    /// The canonical content of the state event that this one replaced.
    [<DefaultValue(false)>]
    val mutable PrevContent: ReadOnlyMemory<byte>

    /// The id of the state event that this one replaced.
    [<DefaultValue(false)>]
    val mutable ReplacesState: string | null

    /// The membership of the client's user at the event.
    [<DefaultValue(false)>]
    val mutable Membership: string | null

    /// The redaction, as an event in client form.
    [<DefaultValue(false)>]
    val mutable RedactedBecause: ReadOnlyMemory<byte>

    /// The bundled aggregations, a JSON object.
    [<DefaultValue(false)>]
    val mutable Relations: ReadOnlyMemory<byte>

    /// Whether nothing is added.
    member this.IsEmpty =
        not this.HasAge
        && isNull this.TransactionId
        && this.PrevContent.IsEmpty
        && isNull this.ReplacesState
        && isNull this.Membership
        && this.RedactedBecause.IsEmpty
        && this.Relations.IsEmpty

/// The bytes written around the slices.
module private Envelope =

    let unsignedOpen = ",\"unsigned\":{"B
    let age = "\"age\":"B
    let relations = "\"m.relations\":"B
    let membership = "\"membership\":"B
    let prevContent = "\"prev_content\":"B
    let redactedBecause = "\"redacted_because\":"B
    let replacesState = "\"replaces_state\":"B
    let transactionId = "\"transaction_id\":"B
    let redactsOpen = "{\"redacts\":"B
    let redactionType = "\"m.room.redaction\""B
    let contentOpen = "{\"content\":"B
    let eventId = "\"event_id\":"B
    let originServerTs = "\"origin_server_ts\":"B
    let redacts = "\"redacts\":"B
    let roomId = "\"room_id\":"B
    let sender = "\"sender\":"B
    let stateKey = "\"state_key\":"B
    let eventType = "\"type\":"B

/// An event in the form that clients see, without what differs between readers. It is made once, however often the
/// event is written.
[<Sealed>]
type ClientForm internal (bytes: byte[], roomIdAt: int) =

    /// The members up to the place of `room_id`.
    member internal _.Head = ReadOnlySpan<byte>(bytes, 0, roomIdAt)

    /// The members after it, up to `unsigned`.
    member internal _.Tail = ReadOnlySpan<byte>(bytes, roomIdAt, bytes.Length - roomIdAt)

/// Events in the form that clients see. They are written from the stored canonical bytes without parsing: an envelope
/// around slices. v1.19 client-server-api#room-event-format, v1.19 client-server-api#stripped-state
[<AbstractClass; Sealed>]
type ClientEvent private () =

    /// Writes `"key":"value"`, with a comma unless it is the first member.
    static member private Text(out: ByteBuffer, first: bool, key: byte[], value: string) =
        if not first then
            out.Byte ','B

        out.Bytes key
        CanonicalJson.writeString out value

    static member private Raw(out: ByteBuffer, first: bool, key: byte[], value: ReadOnlySpan<byte>) =
        if not first then
            out.Byte ','B

        out.Bytes key
        out.Raw value

    static member private WriteUnsigned(out: ByteBuffer, parts: inref<UnsignedParts>) =
        out.Bytes Envelope.unsignedOpen
        let start = out.Length

        if parts.HasAge then
            out.Bytes Envelope.age
            CanonicalJson.writeInt out parts.Age

        if not parts.Relations.IsEmpty then
            ClientEvent.Raw(out, out.Length = start, Envelope.relations, parts.Relations.Span)

        match parts.Membership with
        | null -> ()
        | membership -> ClientEvent.Text(out, out.Length = start, Envelope.membership, membership)

        if not parts.PrevContent.IsEmpty then
            ClientEvent.Raw(out, out.Length = start, Envelope.prevContent, parts.PrevContent.Span)

        if not parts.RedactedBecause.IsEmpty then
            ClientEvent.Raw(out, out.Length = start, Envelope.redactedBecause, parts.RedactedBecause.Span)

        match parts.ReplacesState with
        | null -> ()
        | id -> ClientEvent.Text(out, out.Length = start, Envelope.replacesState, id)

        match parts.TransactionId with
        | null -> ()
        | id -> ClientEvent.Text(out, out.Length = start, Envelope.transactionId, id)

        out.Byte '}'B

    /// Writes a redaction's content with `redacts` in it, as in rooms of version 11 and later.
    static member private WriteContentWithRedacts
        (out: ByteBuffer, content: ReadOnlySpan<byte>, redacts: ReadOnlySpan<byte>)
        =
        out.Bytes Envelope.redactsOpen
        out.Raw redacts
        let mutable members = Slices content

        while members.Next() do
            if not (members.Is Spelling.redacts) then
                out.Byte ','B
                out.Raw members.Member

        out.Byte '}'B

    /// The value of this key in canonical bytes; empty if it is absent. The key must need no escapes.
    static member private Member(canonical: ReadOnlySpan<byte>, key: byte[]) : ReadOnlySpan<byte> =
        let mutable members = Slices canonical
        let mutable found = ReadOnlySpan<byte>.Empty
        let mutable go = true

        while go && members.Next() do
            if members.Is key then
                found <- members.Value
                go <- false

        found

    /// The stored content: a slice of the canonical bytes.
    static member Content(canonical: ReadOnlyMemory<byte>) : ReadOnlyMemory<byte> =
        let mutable members = Slices canonical.Span
        let mutable found = ReadOnlyMemory<byte>.Empty
        let mutable go = true

        while go && members.Next() do
            if members.Is Spelling.content then
                let struct (start, length) = members.ValueRange
                found <- canonical.Slice(start, length)
                go <- false

        found

    /// The stored timestamp; 0 if there is none.
    static member OriginServerTs(canonical: ReadOnlyMemory<byte>) : int64 =
        let text = ClientEvent.Member(canonical.Span, Spelling.originServerTs)
        let mutable value = 0L
        let mutable used = 0

        if System.Buffers.Text.Utf8Parser.TryParse(text, &value, &used) then
            value
        else
            0L

    static member private Of(canonical: ReadOnlySpan<byte>, slice: struct (int * int)) : ReadOnlySpan<byte> =
        let struct (start, length) = slice
        canonical.Slice(start, length)

    /// The event's client form, from its canonical bytes. A redaction names the redacted event both beside and inside
    /// its content, whatever its room version: older clients read one place, newer clients the other.
    static member FormOf(format: EventFormat, eventId: string, canonical: ReadOnlySpan<byte>) : ClientForm =
        let mutable contentAt = struct (0, 0)
        let mutable tsAt = struct (0, 0)
        let mutable redactsAt = struct (0, 0)
        let mutable senderAt = struct (0, 0)
        let mutable stateKeyAt = struct (0, 0)
        let mutable typeAt = struct (0, 0)
        let mutable members = Slices canonical

        while members.Next() do
            // The lengths rule out most keys without a comparison.
            match members.Key.Length with
            | 4 when members.Is Spelling.eventType -> typeAt <- members.ValueRange
            | 6 when members.Is Spelling.sender -> senderAt <- members.ValueRange
            | 7 when members.Is Spelling.content -> contentAt <- members.ValueRange
            | 7 when members.Is Spelling.redacts -> redactsAt <- members.ValueRange
            | 9 when members.Is Spelling.stateKey -> stateKeyAt <- members.ValueRange
            | 16 when members.Is Spelling.originServerTs -> tsAt <- members.ValueRange
            | _ -> ()

        let content = ClientEvent.Of(canonical, contentAt)
        let stateKey = ClientEvent.Of(canonical, stateKeyAt)
        let eventType = ClientEvent.Of(canonical, typeAt)
        let mutable redacts = ClientEvent.Of(canonical, redactsAt)
        let isRedaction = eventType.SequenceEqual(ReadOnlySpan<byte> Envelope.redactionType)

        if not isRedaction then
            redacts <- ReadOnlySpan<byte>.Empty
        elif not format.RedactsOnTop then
            redacts <- ClientEvent.Member(content, Spelling.redacts)

        // A value that is not a string names no event.
        if redacts.Length > 0 && redacts[0] <> '"'B then
            redacts <- ReadOnlySpan<byte>.Empty

        use out = new ByteBuffer(canonical.Length + 256)
        out.Bytes Envelope.contentOpen

        if redacts.Length > 0 && format.RedactsOnTop then
            ClientEvent.WriteContentWithRedacts(out, content, redacts)
        else
            out.Raw content

        ClientEvent.Text(out, false, Envelope.eventId, eventId)
        ClientEvent.Raw(out, false, Envelope.originServerTs, ClientEvent.Of(canonical, tsAt))

        if redacts.Length > 0 then
            ClientEvent.Raw(out, false, Envelope.redacts, redacts)

        let roomIdAt = out.Length
        ClientEvent.Raw(out, false, Envelope.sender, ClientEvent.Of(canonical, senderAt))

        if stateKey.Length > 0 then
            ClientEvent.Raw(out, false, Envelope.stateKey, stateKey)

        ClientEvent.Raw(out, false, Envelope.eventType, eventType)
        ClientForm(out.ToArray(), roomIdAt)

    /// Writes an event for a client. `roomId` is null where the response gives it elsewhere.
    static member Write
        (out: ByteBuffer, form: ClientForm, roomId: string | null, unsigned: inref<UnsignedParts>)
        : unit =
        out.Raw form.Head

        match roomId with
        | null -> ()
        | id -> ClientEvent.Text(out, false, Envelope.roomId, id)

        out.Raw form.Tail

        if not unsigned.IsEmpty then
            ClientEvent.WriteUnsigned(out, &unsigned)

        out.Byte '}'B

    /// Writes a stripped state event: content, sender, state key and type only.
    static member WriteStripped(out: ByteBuffer, canonical: ReadOnlySpan<byte>) : unit =
        let mutable members = Slices canonical
        out.Byte '{'B
        let start = out.Length

        while members.Next() do
            if
                members.Is Spelling.content
                || members.Is Spelling.sender
                || members.Is Spelling.stateKey
                || members.Is Spelling.eventType
            then
                if out.Length > start then
                    out.Byte ','B

                out.Raw members.Member

        out.Byte '}'B
