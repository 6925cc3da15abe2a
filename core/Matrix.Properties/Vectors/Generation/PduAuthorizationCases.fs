/// PDU vectors of the authorization rules, with signatures that the rules depend on.
module internal Matrix.Properties.Vectors.Generation.PduAuthorizationCases

open System
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Reference
open Matrix.Properties.Vectors
open Matrix.Properties.Generators
open Matrix.Rules
open Matrix.Properties.Vectors.Generation.PduCase
open Matrix.Properties.Vectors.Generation.PduRooms

/// Decisions of the authorization rules.
let decisions (room: PduRoom) : PduCase list =
    let rejected = case "open" room "rejected"

    [
        rejected
            "A topic of a member without the power"
            (sealed' room [ two ] (state bob "m.room.topic" "" [ "topic", text "mine" ]))
        rejected "A message of a user who is not in the room" (sealed' room [ three ] (message carol))
        rejected "A kick of the creator" (sealed' room [ two ] (membership bob alice "leave" []))
        {
            rejected "A rejected event among the auth events" (sealed' room [ two ] (message bob)) with
                Rejected = [ "levels" ]
        }
        if room.Version.Settings.RoomIds = RoomIdForm.HashOfCreate then
            {
                rejected
                    "A create event that names its room"
                    (room.Draft("event", one, created room.Version [])
                     |> with' "room_id" (text "!room:one.example")
                     |> with' "prev_events" (Json.Array [||])
                     |> room.Hashed
                     |> room.Signed [ one ]) with
                    State = []
            }
    ]

/// Invitations by third-party identifiers, with the identity server's signatures.
let thirdParty (ed25519: Ed25519) (seedOf: string -> string -> byte[]) (room: PduRoom) : PduCase list =
    let plain mxid token =
        object' [ "mxid", text mxid; "token", text token ]

    let by server keyId seed (o: JsonObject) =
        let signature = ed25519.Sign seed (SignedJson.bytesToSign o)
        SignedJson.withSignature o server keyId (ReadOnlySpan<byte> signature)

    let right = plain carol "token"
    let single = seedOf identity "ed25519:single"
    let stranger = seedOf "stranger.example" "ed25519:1"
    let good = right |> by identity "ed25519:0" single

    let answer (signed: JsonObject) =
        membership alice carol "invite" [
            "third_party_invite", nested [ "display_name", text "c…"; "signed", Json.Object signed ]
        ]

    let accepted name signed =
        case "open" room "accepted" name (sealed' room [ one ] (answer signed))

    let rejected name signed =
        case "open" room "rejected" name (sealed' room [ one ] (answer signed))

    [
        accepted "An invitation with a signature by the key in public_key" good
        accepted
            "An invitation with a signature by a key in public_keys, which is written with the URL-safe alphabet"
            (right |> by identity "ed25519:0" (seedOf identity "ed25519:listed"))
        accepted
            "An invitation with two signatures, one of them broken, under two key ids"
            (good |> by identity "ed25519:1" stranger)
        accepted "An invitation with two valid signatures by one key" (good |> by "other.example" "ed25519:0" single)
        rejected "An invitation with a signature by another key" (right |> by identity "ed25519:0" stranger)
        rejected "An invitation whose signed block is not signed" (right |> with' "signatures" (nested []))
        rejected
            "An invitation whose signed block was changed after it was signed"
            (good |> with' "sender" (text alice))
        rejected "An invitation of somebody else" (plain anna "token" |> by identity "ed25519:0" single)
        rejected "An invitation with an unknown token" (plain carol "other" |> by identity "ed25519:0" single)
        case "open" room "accepted" "An invitation by a third-party identifier that another server sends"
        <| sealed' room [ three ] (answer good)
        if room.Version.Settings.EventIds = EventIdForm.Assigned then
            case
                "open"
                room
                "dropped"
                "An invitation by a third-party identifier that the server of its id did not sign"
            <| (room.Draft("event", one, answer good) |> room.Hashed |> room.Signed [ three ])
    ]

/// A room that is closed to other servers.
let unfederated (room: PduRoom) : PduCase list = [
    case "unfederated" room "accepted" "A message in a room that is closed to other servers"
    <| sealed' room [ one ] (message alice)
    case "unfederated" room "accepted" "A second user of the server joins a room that is closed to others"
    <| sealed' room [ one ] (membership anna anna "join" [])
    case "unfederated" room "rejected" "A user of another server joins a room that is closed to other servers"
    <| sealed' room [ two ] (membership bob bob "join" [])
    case "unfederated" room "accepted" "A user of another server is invited to a room that is closed to other servers"
    <| sealed' room [ one ] (membership alice bob "invite" [])
]

/// Restricted joins, which the authorising user's server signs.
let restricted (seedOf: string -> string -> byte[]) (room: PduRoom) : PduCase list =
    let accepted = case "restricted" room "accepted"
    let rejected = case "restricted" room "rejected"

    let join =
        membership bob bob "join" [ "displayname", text "Bob"; "join_authorised_via_users_server", text alice ]

    let hashed = room.Draft("event", two, join) |> room.Hashed
    let both = hashed |> room.Signed [ two; one ]

    // Redaction keeps the authorising user since version 9.
    let isKept =
        match Redaction.keptOf room.Version.Redaction "m.room.member" with
        | KeptContent.Paths paths -> List.contains [ "join_authorised_via_users_server" ] paths
        | KeptContent.Whole -> true

    [
        accepted "A restricted join that the authorising user's server signed" both
        rejected "A restricted join that the authorising user's server did not sign" (hashed |> room.Signed [ two ])
        rejected
            "A restricted join with a broken signature of the authorising user's server"
            (hashed
             |> room.Signed [ two ]
             |> room.SignedBy one "ed25519:1" (seedOf "stranger.example" "ed25519:1"))
        case "restricted" room "dropped" "A restricted join that only the authorising user's server signed"
        <| (hashed |> room.Signed [ one ])
        (if isKept then accepted else rejected)
            "A restricted join whose display name was changed after it was hashed"
            (both |> withContent "displayname" (text "forged"))
    ]
