namespace Matrix.Core.Auth

open System
open Matrix.Core.Event
open Matrix.Core.Json

/// The state that an event is decided against. It has no event that was rejected when it was put there; one that came
/// as an outlier may have been rejected since. Once there is a create event, the state has it, even where the room
/// version does not name it in `auth_events`.
type IAuthState =
    /// The state event of a type and state key; null if there is none.
    abstract Find: eventType: string * stateKey: string -> AuthEvent | null

/// An event among the `auth_events` of another.
[<Struct>]
type GivenAuthEvent = {
    Event: Pdu
    /// Whether it was rejected when it was received.
    Rejected: bool
}

/// What a decision needs beyond the event and the state.
type AuthFacts = {
    /// Its auth events.
    AuthEvents: GivenAuthEvent[]
    /// The servers with a valid signature on the event.
    Signers: string[]
    /// The public keys, as third-party invites write them, by which a signature in `third_party_invite.signed` is
    /// valid.
    ThirdPartyKeys: string[]
    /// Whether the event was received with a `room_id`; used for create events of room version 12 and later only.
    HasRoomId: bool
} with

    /// The facts of an event with these auth events, all accepted, and a signature of its sender's server only.
    static member OfAccepted(authEvents: Pdu[]) : AuthFacts = {
        AuthEvents = authEvents |> Array.map (fun e -> { Event = e; Rejected = false })
        Signers = [||]
        ThirdPartyKeys = [||]
        HasRoomId = false
    }

/// The public keys of a third-party invite. v1.19 client-server-api#mroomthird_party_invite
[<RequireQualifiedAccess>]
module ThirdPartyKeys =

    /// The key in `public_key`; null if there is none.
    let single (invitation: Pdu) : string | null =
        Content.text invitation.Content "public_key"

    /// The keys in `public_keys`.
    let listed (invitation: Pdu) : string[] =
        match invitation.Content.TryFind "public_keys" with
        | ValueSome(Json.Array items) -> [|
            for item in items do
                match item with
                | Json.Object o ->
                    match Content.text o "public_key" with
                    | null -> ()
                    | key -> key
                | _ -> ()
          |]
        | _ -> [||]

    /// Every key that may have signed the event.
    let all (invitation: Pdu) : string[] =
        match single invitation with
        | null -> listed invitation
        | key -> Array.append [| key |] (listed invitation)

    /// The bytes of a key in either alphabet of base64; null if it is no key of Ed25519.
    let private bytesOf (key: string) : byte[] | null =
        match UnpaddedBase64.decode (key.Replace('-', '+').Replace('_', '/')) with
        | NonNull bytes when bytes.Length = 32 -> bytes
        | _ -> null

    /// The `third_party_invite.signed` of a membership event; null if there is none.
    let signedOf (event: Pdu) : JsonObject | null =
        match Content.find event.Content [| "third_party_invite"; "signed" |] 0 with
        | ValueSome(Json.Object signed) -> signed
        | _ -> null

    /// Those of these keys by which a signature in `third_party_invite.signed` is valid. Whose signature it says it is
    /// does not matter. `verify`: key, message, signature.
    let verifiedOf (verify: Func<byte[], byte[], byte[], bool>) (keys: string[]) (signed: JsonObject) : string[] =
        let message = SignedJson.bytesToSign signed
        let signatures = SignedJson.signatures signed

        keys
        |> Array.distinct
        |> Array.filter (fun key ->
            match bytesOf key with
            | null -> false
            | bytes ->
                signatures
                |> Array.exists (fun s -> s.Bytes.Length = 64 && verify.Invoke(bytes, message, s.Bytes)))

    /// The keys of an invitation by which a signature in `third_party_invite.signed` is valid.
    [<CompiledName "Verified">]
    let verified (verify: Func<byte[], byte[], byte[], bool>) (invitation: Pdu) (signed: JsonObject) : string[] =
        verifiedOf verify (all invitation) signed
