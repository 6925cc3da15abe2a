/// Vectors of complete PDUs. Each case says what becomes of its event; the rest of an answer follows from the literal
/// definitions.
module internal Matrix.Properties.Vectors.Generation.PduCases

open System
open System.Collections.Generic
open System.Text
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Reference
open Matrix.Properties.Reference.Authorization
open Matrix.Properties.Vectors
open Matrix.Properties.Generators
open Matrix.Rules

let private one = "one.example"
let private two = "two.example:8448"
let private three = "three.example"
let private identity = "id.example"

let private alice = "@alice:" + one
let private anna = "@anna:" + one
let private bob = "@bob:" + two
let private carol = "@carol:" + three

/// The ids of the servers' known keys. `ed25519:same` is a second id of the key `ed25519:1`.
let private servers = [
    one, [ "ed25519:1" ]
    two, [ "ed25519:1"; "ed25519:2"; "ed25519:same" ]
    "two.example", [ "ed25519:1" ]
    three, [ "ed25519:1" ]
]

/// All keys, with those that belong to no server of the room: the identity server's and a stranger's.
let private everyKey =
    servers
    @ [
        identity, [ "ed25519:single"; "ed25519:listed" ]
        "stranger.example", [ "ed25519:1" ]
    ]

type private Case = {
    Name: string
    Room: string * PduRoom
    State: string list
    Event: JsonObject
    Rejected: string list
    Verdict: string
}

/// The seed of each key. Two key ids of one server name the same key.
let private seeds (ed25519: Ed25519) : string -> string -> byte[] =
    let known = Dictionary<string * string, byte[]>()

    fun server keyId ->
        let keyId = keyId.Replace("ed25519:same", "ed25519:1")

        match known.TryGetValue((server, keyId)) with
        | true, seed -> seed
        | _ ->
            let seed = PduKeys.seedOf ed25519 server keyId
            known[(server, keyId)] <- seed
            seed

let private state sender eventType key content : Unsealed = {
    Type = eventType
    StateKey = Some key
    Sender = sender
    Content = content
}

let private membership sender target (word: string) more =
    state sender "m.room.member" target (("membership", text word) :: more)

let private message sender : Unsealed = {
    Type = "m.room.message"
    StateKey = None
    Sender = sender
    Content = [ "body", text "hello"; "msgtype", text "m.text" ]
}

let private base64 (bytes: byte[]) =
    UnpaddedBase64.encode (ReadOnlySpan<byte> bytes)

let private urlSafe (base64: string) =
    base64.Replace('+', '-').Replace('/', '_')

let private levels (version: RoomVersion) = [
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

let private created (version: RoomVersion) more =
    state alice "m.room.create" "" [
        "room_version", text version.Id
        if version.Settings.Creators = Creators.ContentCreator then
            "creator", text alice
        yield! more
    ]

let private begun ed25519 seedOf version inCreate joinRule =
    let room = PduRoom(version, ed25519, seedOf)
    room.Add("create", [ one ], created version inCreate)
    room.Add("alice", [ one ], membership alice alice "join" [])
    room.Add("levels", [ one ], state alice "m.room.power_levels" "" (levels version))
    room.Add("rules", [ one ], state alice "m.room.join_rules" "" joinRule)
    room

let private publicRule = [ "join_rule", text "public" ]

/// A room that anyone may join, with a member elsewhere and an invitation of a third-party identifier.
let private openRoom (ed25519: Ed25519) seedOf version =
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

let private with' (key: string) (value: Json) (o: JsonObject) =
    JsonObject.OfSeq(Seq.append o.Members [ struct (key, value) ])

let private withContent key value (event: JsonObject) =
    match event.TryFind "content" with
    | ValueSome(Json.Object content) -> event |> with' "content" (Json.Object(with' key value content))
    | _ -> event

/// Each event of a room, decided with the state before it.
let private chain (title: string) (room: PduRoom) : Case list = [
    for i, (name, event) in List.indexed room.Events ->
        {
            Name = $"{title}: {name}, with the state before it"
            Room = title, room
            State = [
                for earlier, other in List.truncate i room.Events do
                    if other.Has "state_key" then
                        earlier
            ]
            Event = event
            Rejected = []
            Verdict = "accepted"
        }
]

let private case title (room: PduRoom) verdict name event = {
    Name = name
    Room = title, room
    State = room.State
    Event = event
    Rejected = []
    Verdict = verdict
}

let private sealed' (room: PduRoom) (servers: string list) (draft: Unsealed) =
    room.Draft("event", List.head servers, draft)
    |> room.Hashed
    |> room.Signed servers

/// Content hashes that match or do not.
let private hashes (room: PduRoom) : Case list =
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

/// Signatures of events.
let private signatures (seedOf: string -> string -> byte[]) (room: PduRoom) : Case list =
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
let private chosenIds (room: PduRoom) : Case list =
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

/// What the authorization rules decide.
let private decisions (room: PduRoom) : Case list =
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
let private thirdParty (ed25519: Ed25519) (seedOf: string -> string -> byte[]) (room: PduRoom) : Case list =
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
let private unfederated (room: PduRoom) : Case list = [
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
let private restricted (seedOf: string -> string -> byte[]) (room: PduRoom) : Case list =
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

let private rooms ed25519 seedOf (version: RoomVersion) : (string * PduRoom) list = [
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

let private casesOf ed25519 seedOf (rooms: (string * PduRoom) list) : Case list = [
    for title, room in rooms do
        yield! chain title room

        match title with
        | "open" ->
            yield! hashes room
            yield! signatures seedOf room
            yield! chosenIds room
            yield! decisions room
            yield! thirdParty ed25519 seedOf room
        | "unfederated" -> yield! unfederated room
        | _ -> yield! restricted seedOf room
]

let private serverOf (id: string) = id.Substring(id.IndexOf ':' + 1)

let private objectAt (o: JsonObject) (key: string) =
    match o.TryFind key with
    | ValueSome(Json.Object inner) -> inner
    | _ -> JsonObject.Empty

/// Server-Server API, "Validating hashes and signatures on received events".
let private isSignedBy (ed25519: Ed25519) keys (room: PduRoom) (event: JsonObject) (server: string) : bool =
    let own = objectAt (objectAt event "signatures") server

    let valid = [
        for struct (keyId, signature) in own.Members do
            match Map.tryFind (server, keyId) keys, signature with
            | Some key, Json.String signature ->
                match UnpaddedBase64.decode signature with
                | NonNull bytes -> ed25519.Verify key (room.BytesToSign event) bytes
                | _ -> false
            | _ -> ()
    ]

    not valid.IsEmpty && List.forall id valid

let private isThirdParty (event: JsonObject) =
    event.Text "type" = "m.room.member"
    && (objectAt event "content").Text "membership" = "invite"
    && (objectAt event "content").Has "third_party_invite"

/// The servers without whose signature an event is dropped.
let private needed (version: RoomVersion) (eventId: string) (event: JsonObject) : string list = [
    if not (isThirdParty event) then
        serverOf (string (event.Text "sender"))
    if version.Settings.EventIds = EventIdForm.Assigned then
        serverOf eventId
]

/// The keys of an invitation that verify a signature of `signed`.
let private thirdPartyKeys (ed25519: Ed25519) (state: Map<string * string, Pdu>) (content: JsonObject) : string[] =
    let signed = objectAt (objectAt content "third_party_invite") "signed"

    let message =
        JsonObject.OfSeq(signed.Members |> Seq.filter (fun (struct (key, _)) -> key <> "signatures"))
        |> Json.Object
        |> CanonicalJson.bytes

    let signatures = [
        for struct (_, own) in (objectAt signed "signatures").Members do
            match own with
            | Json.Object own ->
                for struct (_, signature) in own.Members do
                    match signature with
                    | Json.String signature -> Convert.FromBase64String(signature + "==")
                    | _ -> ()
            | _ -> ()
    ]

    match state.TryFind("m.room.third_party_invite", string (signed.Text "token")) with
    | None -> [||]
    | Some invitation ->
        AuthReference.publicKeysOf invitation
        |> Array.distinct
        |> Array.filter (fun key ->
            let bytes = Convert.FromBase64String(key.Replace('-', '+').Replace('_', '/') + "=")
            signatures |> List.exists (ed25519.Verify bytes message))

/// What is expected of a case: its verdict, and what the literal definitions say.
let private expected (ed25519: Ed25519) keys (case: Case) : (string * Json) list =
    let _, room = case.Room
    let version = room.Version
    let event = case.Event
    let contentHash = base64 (LiteralEvent.contentHash event)
    let holds = (objectAt event "hashes").Text "sha256" = contentHash
    let eventId = room.IdOf event

    let isSigned =
        needed version eventId event |> List.forall (isSignedBy ed25519 keys room event)

    let checks = [
        "event_id", text eventId
        "room_id", text (room.RoomIdOf(eventId, event))
        "content_hash", text contentHash
        "reference_hash", text (base64 (LiteralEvent.referenceHash version.Redaction event))
        "hash_holds", Json.Bool holds
        "signed", Json.Bool isSigned
    ]

    let verdict, more =
        if not isSigned then
            "dropped", []
        else
            let used =
                if holds then
                    JsonObject.OfSeq(event.Members |> Seq.filter (fun (struct (key, _)) -> key <> "unsigned"))
                else
                    LiteralEvent.redact version.Redaction event

            let state =
                Map [
                    for name in case.State do
                        let pdu = room.Pdu(room.Event name)
                        (pdu.Type, string pdu.StateKey), pdu
                ]

            let decision =
                AuthReference.decide {
                    Version = version
                    Event = room.Pdu used
                    State = state
                    Facts = {
                        AuthEvents = [|
                            for name in room.NamesOfCited event ->
                                {
                                    Event = room.Pdu(room.Event name)
                                    Rejected = List.contains name case.Rejected
                                }
                        |]
                        Signers = [|
                            for struct (server, _) in (objectAt event "signatures").Members do
                                if isSignedBy ed25519 keys room event server then
                                    server
                        |]
                        ThirdPartyKeys = thirdPartyKeys ed25519 state (objectAt used "content")
                        HasRoomId = event.Has "room_id"
                    }
                }

            (if decision.IsOk then "accepted" else "rejected"),
            [
                if not holds then
                    "used", Json.Object used
                for struct (key, value) in (RoomCases.answerOf decision).Members do
                    if key <> "allowed" then
                        key, value
            ]

    if verdict <> case.Verdict then
        failwith $"{version.Id}: {case.Name}: the verdict is {verdict}, expected {case.Verdict}"

    ("verdict", text verdict) :: checks @ more

/// The file of the vectors.
let file (ed25519: Ed25519) : string =
    let seedOf = seeds ed25519
    let out = StringBuilder()
    let canonical (json: Json) = CanonicalJson.text json

    let names (all: string list) =
        Json.Array [| for name in all -> text name |]

    let keyTable (all: (string * string list) list) (value: byte[] -> byte[]) =
        nested [
            for server, ids in all -> server, nested [ for id in ids -> id, text (base64 (value (seedOf server id))) ]
        ]

    let keys =
        Map [
            for server, ids in servers do
                for id in ids -> (server, id), ed25519.PublicKey(seedOf server id)
        ]

    let versions = [ for version in Versions.all -> version, rooms ed25519 seedOf version ]

    let lines (items: string list) = String.concat ",\n" items

    let roomText (version: RoomVersion, title: string, room: PduRoom) =
        let events = [
            for name, event in room.Events -> $"   {canonical (text name)}: {canonical (Json.Object event)}"
        ]

        $"  {canonical (text (version.Id + title))}: {{\n{lines events}\n  }}"

    let caseText (case: Case) =
        let title, room = case.Room

        let members = [
            "name", text case.Name
            "version", text room.Version.Id
            "room", text (room.Version.Id + title)
            "state", names case.State
            "auth_events", names (room.NamesOfCited case.Event)
            if not case.Rejected.IsEmpty then
                "rejected", names case.Rejected
            "event", Json.Object case.Event
            yield! expected ed25519 keys case
        ]

        let texts = [ for key, value in members -> $"{canonical (text key)}: {canonical value}" ]
        "  {" + String.concat ", " texts + "}"

    let about =
        "Complete PDUs, hashed and signed by the keys of `seeds`, in every room version: what becomes of each, and why. \
         The literal definitions give the answers; `mx vectors generate` writes this file."

    out
        .Append("{\n")
        .Append($" \"about\": {canonical (text about)},\n")
        .Append(" \"kind\": \"pdu\",\n")
        .Append($" \"seeds\": {canonical (keyTable everyKey id)},\n")
        .Append($" \"keys\": {canonical (keyTable servers ed25519.PublicKey)},\n")
        .Append(" \"rooms\": {\n")
        .Append(
            lines [
                for version, rooms in versions do
                    for title, room in rooms -> roomText (version, title, room)
            ]
        )
        .Append("\n },\n \"cases\": [\n")
        .Append(
            lines [
                for _, rooms in versions do
                    for case in casesOf ed25519 seedOf rooms -> caseText case
            ]
        )
        .Append("\n ]\n}\n")
        .ToString()
