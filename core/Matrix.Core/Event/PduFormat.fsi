namespace Matrix.Core.Event

open System
open Matrix.Core.Json

/// An event from elsewhere that has the format of its room version, and whose signatures are still to be checked.
/// Server-Server API, "Checks performed on receipt of a PDU" and "Validating hashes and signatures on received events".
[<Sealed>]
type ReceivedPdu =

    /// The event's id.
    member EventId: string

    /// Its room.
    member RoomId: string

    /// Whether it has a `room_id`: the authorization rules check that of create events whose hash is the room's id.
    member HasRoomId: bool

    /// Its sender.
    member Sender: string

    /// Its type.
    member Type: string

    /// `origin_server_ts`: the signing keys must have been valid then.
    member OriginServerTs: int64

    /// The bytes that its signatures are over.
    member SignedBytes: ReadOnlyMemory<byte>

    /// Its signatures, of known algorithms.
    member Signatures: Signature[]

    /// The servers without whose signatures it is dropped. None for an invite by a third-party identifier.
    member RequiredSigners: string[]

    /// The server of the authorising user of a restricted join, whose signature the authorization rules check; "" if
    /// there is none. A missing one is an authorization failure, not a reason to drop the event.
    member AuthorisingServer: string

    /// Whether its content hash is correct.
    member HashHolds: bool

    /// The event, redacted if its content hash is wrong. To be used once its signatures are valid.
    member Pdu: Pdu

/// Reading events. Room versions, "Event format".
[<RequireQualifiedAccess>]
module PduFormat =

    /// Checks an event that was parsed leniently, perhaps inside a larger body.
    val ofJson: format: EventFormat -> event: JsonObject -> Result<ReceivedPdu, PduFault>

    /// Reads and checks an event.
    val ofBytes: format: EventFormat -> utf8: ReadOnlySpan<byte> -> Result<ReceivedPdu, PduFault>

    /// Reads a stored event: nothing is hashed or checked again. An error means that the store is damaged.
    val ofStored: format: EventFormat -> eventId: string -> canonical: byte[] -> Result<Pdu, PduFault>

    /// Reads an event written by hand or copied from a log: with its own `event_id`, and perhaps without hashes,
    /// signatures and `depth` (then 0). Other identifiers may have any form.
    val ofTrusted: format: EventFormat -> event: JsonObject -> Result<Pdu, PduFault>

    /// The required signers of a parsed event: see `ReceivedPdu.RequiredSigners`, which reads the event as it came.
    val requiredSigners: format: EventFormat -> pdu: Pdu -> string[]

    /// The authorising user's server: see `ReceivedPdu.AuthorisingServer`.
    val authorisingServer: format: EventFormat -> pdu: Pdu -> string

    /// The redacted event. Room versions, "Redactions". Redacting it again changes nothing.
    val redact: format: EventFormat -> pdu: Pdu -> Pdu

    /// An event's id: its `event_id` in room versions 1 and 2, its reference hash since. Nothing else is checked.
    val eventId: format: EventFormat -> event: JsonObject -> Result<string, PduFault>

    /// The reference hash of an event: its id since room version 3, and part of references to it before.
    /// Server-Server API, "Calculating the reference hash for an event".
    val referenceHash: format: EventFormat -> event: JsonObject -> byte[]

    /// The reference hash of a stored event, redacted or not: redaction removes nothing that it covers.
    val referenceHashOf: format: EventFormat -> pdu: Pdu -> byte[]

    /// The content hash of an event. Server-Server API, "Calculating the content hash for an event".
    val contentHash: format: EventFormat -> event: JsonObject -> byte[]

    /// The bytes that an event's signatures are over.
    val bytesToSign: format: EventFormat -> event: JsonObject -> byte[]
