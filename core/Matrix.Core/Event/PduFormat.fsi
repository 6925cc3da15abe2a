namespace Matrix.Core.Event

open System
open Matrix.Core.Json

/// An event from elsewhere that has the format of its room version, and whose signatures are still to be checked.
/// Server-Server API, "Checks performed on receipt of a PDU" and "Validating hashes and signatures on received events".
[<Sealed>]
type ReceivedPdu =

    /// What the event is called.
    member EventId: string

    /// Its room.
    member RoomId: string

    /// Whether it carries a `room_id`: the authorization rules ask, of create events whose id is the room's.
    member HasRoomId: bool

    /// Its sender.
    member Sender: string

    /// Its type.
    member Type: string

    /// When its origin says that it was made: keys must have been valid then.
    member OriginServerTs: int64

    /// The bytes that all its signatures are over.
    member SignedBytes: ReadOnlyMemory<byte>

    /// All signatures that it carries, of algorithms that are understood.
    member Signatures: Signature[]

    /// The servers that must have signed it, or it is dropped. None for an invite by a third-party identifier.
    member RequiredSigners: string[]

    /// The server whose signature the authorization rules will ask for, because its user let the sender into a restricted
    /// room; "" if there is none. It counts as an authorization failure, not as a reason to drop the event.
    member AuthorisingServer: string

    /// Whether its content hash is right.
    member HashHolds: bool

    /// The event: as it came if its content hash is right, else redacted. To be used once its signatures hold.
    member Pdu: Pdu

/// Reading events. Room versions, "Event format".
[<RequireQualifiedAccess>]
module PduFormat =

    /// Checks an event that was read leniently, perhaps inside a larger body.
    val ofJson: format: EventFormat -> event: JsonObject -> Result<ReceivedPdu, PduFault>

    /// Reads and checks an event.
    val ofBytes: format: EventFormat -> utf8: ReadOnlySpan<byte> -> Result<ReceivedPdu, PduFault>

    /// Reads an event that this server stored: nothing is hashed or checked again. An error means that the store is damaged.
    val ofStored: format: EventFormat -> eventId: string -> canonical: byte[] -> Result<Pdu, PduFault>

    /// An event under the identifier that it says it has, without hashes or signatures if need be: drawn by hand, or copied from a log.
    /// What it names may have any form; what has no `depth` has depth 0.
    val ofTrusted: format: EventFormat -> event: JsonObject -> Result<Pdu, PduFault>

    /// The servers that must have signed an event: see `ReceivedPdu.RequiredSigners`, which asks the event as it came.
    val requiredSigners: format: EventFormat -> pdu: Pdu -> string[]

    /// The server whose signature the authorization rules will ask for: see `ReceivedPdu.AuthorisingServer`.
    val authorisingServer: format: EventFormat -> pdu: Pdu -> string

    /// The event with all removed that redaction removes. Room versions, "Redactions". Redacting twice changes nothing more.
    val redact: format: EventFormat -> pdu: Pdu -> Pdu

    /// What an event is called: what it says itself in room versions 1 and 2, its reference hash since. Nothing else of it is checked.
    val eventId: format: EventFormat -> event: JsonObject -> Result<string, PduFault>

    /// The reference hash of an event: its id since room version 3, what others reference it with before.
    /// Server-Server API, "Calculating the reference hash for an event".
    val referenceHash: format: EventFormat -> event: JsonObject -> byte[]

    /// The reference hash of an event of the room, redacted since or not: redaction removes nothing that it covers.
    val referenceHashOf: format: EventFormat -> pdu: Pdu -> byte[]

    /// The content hash of an event. Server-Server API, "Calculating the content hash for an event".
    val contentHash: format: EventFormat -> event: JsonObject -> byte[]

    /// The bytes that an event's signatures are over.
    val bytesToSign: format: EventFormat -> event: JsonObject -> byte[]
