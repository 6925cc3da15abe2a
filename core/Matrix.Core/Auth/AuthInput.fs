namespace Matrix.Core.Auth

open Matrix.Core.Event
open Matrix.Core.Json

/// The state that an event is decided against. Holds no rejected event, and always the room's create event once there
/// is one, also where the room version does not cite it.
type IAuthState =
    /// The state event of a type and state key; null if there is none.
    abstract Find: eventType: string * stateKey: string -> AuthEvent | null

/// An event among the `auth_events` of another.
[<Struct>]
type CitedEvent = {
    Event: Pdu
    /// Whether it was rejected when it was received.
    Rejected: bool
}

/// What deciding an event needs to know beyond the event and the state.
type AuthFacts = {
    /// The events that it cites as auth events.
    AuthEvents: CitedEvent[]
    /// The servers of which a signature on the event was found valid.
    Signers: string[]
    /// The public keys, as third-party invitations write them, with which a signature in the event's
    /// `third_party_invite.signed` was found valid.
    ThirdPartyKeys: string[]
    /// Whether the event was received with a `room_id`; asked of create events of room version 12 and later only.
    HasRoomId: bool
}

/// Reading and making facts.
[<RequireQualifiedAccess>]
module AuthFacts =

    /// What holds of an event that cites these accepted events, and whose only signature is that of its sender's server.
    let ofAccepted (authEvents: Pdu[]) : AuthFacts = {
        AuthEvents = authEvents |> Array.map (fun e -> { Event = e; Rejected = false })
        Signers = [||]
        ThirdPartyKeys = [||]
        HasRoomId = false
    }

/// The public keys of a third-party invitation. Client-Server API, `m.room.third_party_invite`.
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

    /// Every key that may have signed.
    let all (invitation: Pdu) : string[] =
        match single invitation with
        | null -> listed invitation
        | key -> Array.append [| key |] (listed invitation)
