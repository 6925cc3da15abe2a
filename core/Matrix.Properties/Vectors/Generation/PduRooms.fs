/// The servers, keys, users and rooms of the PDU vectors.
module internal Matrix.Properties.Vectors.Generation.PduRooms

open System
open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Reference
open Matrix.Properties.Reference.Authorization
open Matrix.Properties.Vectors
open Matrix.Properties.Generators
open Matrix.Rules

let one = "one.example"
let two = "two.example:8448"
let three = "three.example"
let identity = "id.example"

let alice = "@alice:" + one
let anna = "@anna:" + one
let bob = "@bob:" + two
let carol = "@carol:" + three

/// The ids of the servers' known keys. `ed25519:same` is a second id of the key `ed25519:1`.
let servers = [
    one, [ "ed25519:1" ]
    two, [ "ed25519:1"; "ed25519:2"; "ed25519:same" ]
    "two.example", [ "ed25519:1" ]
    three, [ "ed25519:1" ]
]

/// All keys, with those that belong to no server of the room: the identity server's and a stranger's.
let everyKey =
    servers
    @ [
        identity, [ "ed25519:single"; "ed25519:listed" ]
        "stranger.example", [ "ed25519:1" ]
    ]

/// The seed of each key. Two key ids of one server name the same key.
let seeds (ed25519: Ed25519) : string -> string -> byte[] =
    let known = Dictionary<string * string, byte[]>()

    fun server keyId ->
        let keyId = keyId.Replace("ed25519:same", "ed25519:1")

        match known.TryGetValue((server, keyId)) with
        | true, seed -> seed
        | _ ->
            let seed = PduKeys.seedOf ed25519 server keyId
            known[(server, keyId)] <- seed
            seed

let state sender eventType key content : Unsealed = {
    Type = eventType
    StateKey = Some key
    Sender = sender
    Content = content
}

let membership sender target (word: string) more =
    state sender "m.room.member" target (("membership", text word) :: more)

let message sender : Unsealed = {
    Type = "m.room.message"
    StateKey = None
    Sender = sender
    Content = [ "body", text "hello"; "msgtype", text "m.text" ]
}

let base64 (bytes: byte[]) =
    UnpaddedBase64.encode (ReadOnlySpan<byte> bytes)

let urlSafe (base64: string) =
    base64.Replace('+', '-').Replace('/', '_')

let levels (version: RoomVersion) = [
    // Creators of version 12 have more power than any level, and must not be listed in `users`.
    if version.Settings.Creators = Creators.SenderAndAdditional then
        "users", nested []
    else
        "users", nested [ alice, number 100 ]
    "invite", number 0
    "events_default", number 0
    "state_default", number 50
    "kick", number 50
    "ban", number 50
    "redact", number 50
]

let created (version: RoomVersion) more =
    state alice "m.room.create" "" [
        "room_version", text version.Id
        if version.Settings.Creators = Creators.ContentCreator then
            "creator", text alice
        yield! more
    ]

let begun ed25519 seedOf version inCreate joinRule =
    let room = PduRoom(version, ed25519, seedOf)
    room.Add("create", [ one ], created version inCreate)
    room.Add("alice", [ one ], membership alice alice "join" [])
    room.Add("levels", [ one ], state alice "m.room.power_levels" "" (levels version))
    room.Add("rules", [ one ], state alice "m.room.join_rules" "" joinRule)
    room

let publicRule = [ "join_rule", text "public" ]

/// A room that anyone may join, with a member elsewhere and an invitation of a third-party identifier.
let openRoom (ed25519: Ed25519) seedOf version =
    let room = begun ed25519 seedOf version [] publicRule
    room.Add("bob", [ two ], membership bob bob "join" [])

    let key name =
        text (base64 (ed25519.PublicKey(seedOf identity name)))

    let listed =
        text (urlSafe (base64 (ed25519.PublicKey(seedOf identity "ed25519:listed"))))

    room.Add(
        "invitation",
        [ one ],
        state alice "m.room.third_party_invite" "token" [
            "display_name", text "c…"
            "key_validity_url", text "https://id.example/valid"
            "public_key", key "ed25519:single"
            "public_keys",
            Json.Array [|
                nested [ "public_key", key "ed25519:single" ]
                nested [ "public_key", listed ]
            |]
        ]
    )

    room

let rooms ed25519 seedOf (version: RoomVersion) : (string * PduRoom) list = [
    "open", openRoom ed25519 seedOf version
    "unfederated", begun ed25519 seedOf version [ "m.federate", Json.Bool false ] publicRule
    if List.contains JoinRule.Restricted version.Settings.JoinRules then
        "restricted",
        begun ed25519 seedOf version [] [
            "join_rule", text "restricted"
            "allow",
            Json.Array [|
                nested [ "type", text "m.room_membership"; "room_id", text "!other:one.example" ]
            |]
        ]
]
