namespace Matrix.Properties.Simulation

open Matrix.Core.Event
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Rules

/// A signature. Nothing is computed here: it is genuine or not.
[<Struct>]
type Signed = {
    Server: string
    /// Whether that server made it.
    IsGenuine: bool
}

/// An event as it goes from server to server.
type SentEvent = { Pdu: Pdu; Signatures: Signed list }

/// What servers send to each other.
[<RequireQualifiedAccess>]
type Message =
    /// `PUT /send/{txnId}`.
    | Transaction of number: int * events: SentEvent list
    /// Its 200.
    | Acknowledged of number: int
    | Request of number: int * Request
    /// `GET /backfill/{roomId}`: these events, and the latest before them.
    | Backfill of number: int * eventIds: string list
    | Response of number: int * WireResponse

/// The response to a request, as it goes over the network.
and [<RequireQualifiedAccess>] WireResponse =
    | Events of SentEvent list
    | State of stateIds: string[] * authChainIds: string[]
    | Keys
    | Nothing

/// Events as the machine takes them.
[<RequireQualifiedAccess>]
module SentEvent =

    let private asSignature (signed: Signed) : Signature = {
        Entity = signed.Server
        KeyId = "ed25519:a"
        Bytes = [| if signed.IsGenuine then 1uy else 0uy |]
    }

    /// A signature as verified by a server that has these servers' keys.
    let check (hasKeys: string -> bool) (signature: Signature) : CheckedSignature = {
        Signature = signature
        Fate =
            if not (hasKeys signature.Entity) then SignatureFate.Skipped
            elif signature.Bytes = [| 1uy |] then SignatureFate.Valid
            else SignatureFate.Invalid
    }

    /// The event as received by a server that has these servers' keys.
    let receive (format: EventFormat) (hasKeys: string -> bool) (sent: SentEvent) : ReceivedEvent =
        let pdu = sent.Pdu

        {
            Pdu = pdu
            HashHolds = true
            HasRoomId =
                not (
                    pdu.Type = "m.room.create"
                    && format.Version.Settings.RoomIds = RoomIdForm.HashOfCreate
                )
            RequiredSigners = PduFormat.requiredSigners format pdu
            AuthorisingServer = PduFormat.authorisingServer format pdu
            Signatures = [| for signed in sent.Signatures -> check hasKeys (asSignature signed) |]
        }
