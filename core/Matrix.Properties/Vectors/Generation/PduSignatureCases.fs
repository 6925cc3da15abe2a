/// PDU vectors of content hashes, signatures and event ids. v1.19 server-server-api#signing-events
module internal Matrix.Properties.Vectors.Generation.PduSignatureCases

open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Reference
open Matrix.Properties.Vectors
open Matrix.Properties.Generators
open Matrix.Rules
open Matrix.Properties.Vectors.Generation.PduCase
open Matrix.Properties.Vectors.Generation.PduRooms

/// Valid and invalid content hashes.
let hashes (room: PduRoom) : PduCase list =
    let accepted = case "open" room "accepted"
    let byBob = sealed' room [ two ] (message bob)
    let topic = state alice "m.room.topic" "" [ "topic", text "vectors" ]

    let levels =
        sealed' room [ one ] (state alice "m.room.power_levels" "" (levels room.Version))

    [
        accepted "A message" byBob
        accepted
            "What is unsigned is neither hashed nor signed"
            (byBob |> with' "unsigned" (nested [ "age", number 5 ]))
        accepted
            "A message whose body was changed after it was hashed is used as redacted"
            (byBob |> withContent "body" (text "forged"))
        accepted
            "A topic that was changed after it was hashed is used as redacted"
            (sealed' room [ one ] topic |> withContent "topic" (text "forged"))
        accepted
            "A ban whose reason was changed after it was hashed is used as redacted"
            (sealed' room [ one ] (membership alice bob "ban" [ "reason", text "spam" ])
             |> withContent "reason" (text "forged"))
        accepted
            "Power levels with a member that was added after they were hashed are used as redacted"
            (levels |> withContent "note" (text "forged"))
        case "open" room "dropped" "A time that was changed after the event was signed breaks the signature"
        <| (byBob |> with' "origin_server_ts" (Json.Int 1L))
    ]

let signatures (seedOf: string -> string -> byte[]) (room: PduRoom) : PduCase list =
    let accepted = case "open" room "accepted"
    let dropped = case "open" room "dropped"
    let hashed = room.Draft("event", two, message bob) |> room.Hashed
    let signed = hashed |> room.Signed [ two ]

    let sign server keyId =
        room.SignedBy server keyId (seedOf server keyId)

    let stranger = seedOf "stranger.example" "ed25519:1"

    [
        dropped "An event without a signature" (hashed |> with' "signatures" (nested []))
        dropped "A signature by another key" (hashed |> room.SignedBy two "ed25519:1" stranger)
        dropped "A signature of another server alone" (hashed |> sign one "ed25519:1")
        dropped "The port belongs to the server's name" (hashed |> sign "two.example" "ed25519:1")
        dropped "A signature by a key that nobody knows" (hashed |> sign two "ed25519:unknown")
        accepted "A second key of the server" (hashed |> sign two "ed25519:2")
        accepted "Signatures by two keys of the server" (signed |> sign two "ed25519:2")
        accepted "Two signatures by one key, under two ids" (signed |> sign two "ed25519:same")
        accepted "A signature by an unknown key beside a valid one" (signed |> sign two "ed25519:unknown")
        dropped
            "A broken signature by a known key beside a valid one"
            (signed |> room.SignedBy two "ed25519:2" stranger)
        accepted
            "A broken signature of a server that need not sign"
            (signed |> room.SignedBy three "ed25519:1" stranger)
        dropped
            "A signature of an unknown algorithm alone"
            (hashed |> with' "signatures" (nested [ two, nested [ "rsa:1", text "AAAA" ] ]))
    ]

/// Event ids that servers choose (versions 1 and 2): the server in the id must sign too.
let chosenIds (room: PduRoom) : PduCase list =
    if room.Version.Settings.EventIds <> EventIdForm.Assigned then
        []
    else
        let elsewhere = room.Draft("event", three, message bob) |> room.Hashed

        [
            case "open" room "accepted" "The sender's server and that of the event's id sign"
            <| room.Signed [ two; three ] elsewhere
            case "open" room "dropped" "The server of the event's id has not signed"
            <| room.Signed [ two ] elsewhere
            case "open" room "dropped" "The server of the event's id has signed, and the sender's has not"
            <| room.Signed [ three ] elsewhere
        ]
