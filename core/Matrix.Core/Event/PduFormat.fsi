namespace Matrix.Core.Event

open System
open Matrix.Core.Json

/// A received event in the format of its room version, whose signatures are not yet checked.
/// v1.19 server-server-api#checks-performed-on-receipt-of-a-pdu,
/// v1.19 server-server-api#validating-hashes-and-signatures-on-received-events
[<Sealed>]
type ReceivedPdu =

    /// The event's id.
    member EventId: string

    /// Its room.
    member RoomId: string

    /// Whether it has a `room_id`. The authorization rules check this for create events whose hash is the room's id.
    member HasRoomId: bool

    /// Its sender.
    member Sender: string

    /// Its type.
    member Type: string

    /// `origin_server_ts`, at which the signing keys must have been valid.
    member OriginServerTs: int64

    /// The signed bytes.
    member SignedBytes: ReadOnlyMemory<byte>

    /// Its signatures, of known algorithms.
    member Signatures: Signature[]

    /// The servers whose signatures are required: without them the event is dropped. None for an invite by a
    /// third-party identifier.
    member RequiredSigners: string[]

    /// The server of the authorising user of a restricted join; "" if there is none. The authorization rules check its
    /// signature: without it the event is rejected, not dropped.
    member AuthorisingServer: string

    /// Whether its content hash is correct.
    member HashHolds: bool

    /// The event, redacted if its content hash is wrong. Use it only once its signatures are valid.
    member Pdu: Pdu

/// Reading events. v1.19 rooms/v12#event-format-1
[<RequireQualifiedAccess>]
module PduFormat =

    /// Checks an event that was parsed leniently, possibly as part of a larger body.
    val ofJson: format: EventFormat -> event: JsonObject -> Result<ReceivedPdu, PduFault>

    /// Reads and checks an event.
    [<CompiledName "OfBytes">]
    val ofBytes: format: EventFormat -> utf8: ReadOnlySpan<byte> -> Result<ReceivedPdu, PduFault>

    /// The same for an event in a response of `GET /backfill/{roomId}`, which may have any number of `prev_events` and
    /// `auth_events`.
    val ofHistory: format: EventFormat -> utf8: ReadOnlySpan<byte> -> Result<ReceivedPdu, PduFault>

    /// Reads a stored event without checking it again. An error means that the store is damaged.
    val ofStored: format: EventFormat -> eventId: string -> canonical: byte[] -> Result<Pdu, PduFault>

    /// Reads an event that was written by hand or copied from a log. It has its own `event_id`; hashes, signatures and
    /// `depth` (then 0) may be missing, and other identifiers may have any form.
    val ofTrusted: format: EventFormat -> event: JsonObject -> Result<Pdu, PduFault>

    /// The required signers of a parsed event. `ReceivedPdu.RequiredSigners` has those of an event as received.
    val requiredSigners: format: EventFormat -> pdu: Pdu -> string[]

    /// The authorising user's server. `ReceivedPdu.AuthorisingServer` has that of an event as received.
    val authorisingServer: format: EventFormat -> pdu: Pdu -> string

    /// The redacted event. v1.19 rooms/v11#redactions. Redacting it again changes nothing.
    val redact: format: EventFormat -> pdu: Pdu -> Pdu

    /// An event's id: its `event_id` in room versions 1 and 2, its reference hash since. The event is not checked.
    val eventId: format: EventFormat -> event: JsonObject -> Result<string, PduFault>

    /// An event's reference hash. It is the event id since room version 3, and a part of references before.
    /// v1.19 server-server-api#calculating-the-reference-hash-for-an-event
    val referenceHash: format: EventFormat -> event: JsonObject -> byte[]

    /// The reference hash of a stored event. It is the same for the redacted event.
    [<CompiledName "ReferenceHashOf">]
    val referenceHashOf: format: EventFormat -> pdu: Pdu -> byte[]

    /// The content hash of an event. v1.19 server-server-api#calculating-the-content-hash-for-an-event
    val contentHash: format: EventFormat -> event: JsonObject -> byte[]

    /// The bytes of an event to sign.
    val bytesToSign: format: EventFormat -> event: JsonObject -> byte[]
