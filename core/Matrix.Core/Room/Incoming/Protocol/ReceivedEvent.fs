namespace Matrix.Core.Room.Incoming.Protocol

open System
open Matrix.Core.Event

/// A signature of an event, and the result of its verification.
[<Struct>]
type CheckedSignature = {
    Signature: Signature
    /// `Skipped` while the key is not known.
    Fate: SignatureFate
}

/// An event of another server in the format of its room version (check 1 of those on receipt).
/// v1.19 server-server-api#checks-performed-on-receipt-of-a-pdu
type ReceivedEvent = {
    /// The event, redacted if its content hash was wrong (check 3).
    Pdu: Pdu
    /// Whether its content hash was right.
    HashHolds: bool
    /// Whether it came with a `room_id`; used for create events only.
    HasRoomId: bool
    /// The servers that must have signed it.
    RequiredSigners: string[]
    /// The server of the authorising user of a restricted join; "" if there is none.
    AuthorisingServer: string
    /// Its signatures, verified with the known keys.
    Signatures: CheckedSignature[]
} with

    /// The event that `PduFormat` read, with checked signatures.
    static member OfPdu(received: ReceivedPdu, signatures: CheckedSignature[]) : ReceivedEvent = {
        Pdu = received.Pdu
        HashHolds = received.HashHolds
        HasRoomId = received.HasRoomId
        RequiredSigners = received.RequiredSigners
        AuthorisingServer = received.AuthorisingServer
        Signatures = signatures
    }

    /// Whether a server validly signed: at least one signature is valid, and none by a known key is invalid.
    /// v1.19 server-server-api#validating-hashes-and-signatures-on-received-events
    member this.IsSignedBy(server: string) : bool =
        let mutable isValid = false
        let mutable isInvalid = false

        for each in this.Signatures do
            if String.Equals(each.Signature.Entity, server) then
                isValid <- isValid || each.Fate.IsValid
                isInvalid <- isInvalid || each.Fate.IsInvalid

        isValid && not isInvalid
