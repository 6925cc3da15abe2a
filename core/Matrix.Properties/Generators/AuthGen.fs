/// Questions to the authorization rules: small rooms, and events that are valid or nearly valid.
[<RequireQualifiedAccess>]
module Matrix.Properties.Generators.AuthGen

open FsCheck
open FsCheck.FSharp
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json

let private alice, bob, carol = "@alice:one", "@bob:one", "@carol:two"
let private users = [ alice; bob; carol ]
let private token = "token"
let private createId = "$create"

/// Mostly the first, sometimes one of the others.
let private mostly (usual: 'a) (others: 'a list) : Gen<'a> =
    Gen.frequency [ 5, Gen.constant usual; 2, Gen.elements others ]

/// A member, or none.
let private maybe (odds: int) (member': Gen<string * Json>) : Gen<(string * Json) list> =
    Gen.frequency [ odds, Gen.map List.singleton member'; 10 - odds, Gen.constant [] ]

let private membersOf (parts: Gen<(string * Json) list> list) : Gen<(string * Json) list> =
    Gen.sequenceToList parts |> Gen.map List.concat

let private malformed =
    Gen.elements [
        Json.Null
        Json.Bool true
        text "x"
        nested []
        Json.Array [||]
        Json.Float 1.5
    ]

let private level: Gen<Json> =
    Gen.frequency [
        30, Gen.elements [ -1; 0; 1; 49; 50; 51; 99; 100; 101 ] |> Gen.map number
        1, Gen.elements [ text "50"; text " +0100 "; text "5x"; Json.Float 50.9; Json.Float 1e300 ]
        1, malformed
    ]

let private membership: Gen<Json> =
    Gen.frequency [
        20, Gen.elements [ "join"; "invite"; "leave"; "ban"; "knock" ] |> Gen.map text
        1, Gen.elements [ text "absent"; text ""; Json.Null; number 1 ]
    ]

let private joinRule: Gen<Json> =
    Gen.frequency [
        20,
        Gen.elements [ "public"; "invite"; "knock"; "restricted"; "knock_restricted"; "private" ]
        |> Gen.map text
        1, Gen.elements [ text "other"; number 1 ]
    ]

let private levelsOf (names: string list) (odds: int) : Gen<Json> =
    names
    |> List.map (fun name -> maybe odds (level |> Gen.map (fun l -> name, l)))
    |> membersOf
    |> Gen.map nested

let private powerLevels: Gen<(string * Json) list> =
    let named =
        [
            "users_default"
            "events_default"
            "state_default"
            "ban"
            "redact"
            "kick"
            "invite"
        ]
        |> List.map (fun name -> maybe 3 (level |> Gen.map (fun l -> name, l)))

    let map name odds inner =
        maybe odds (Gen.frequency [ 20, inner; 1, malformed ] |> Gen.map (fun v -> name, v))

    membersOf [
        yield! named
        map "users" 8 (Gen.frequency [ 20, levelsOf users 5; 1, levelsOf [ "nobody"; alice ] 8 ])
        map "events" 5 (levelsOf [ "m.room.name"; "m.room.message"; "m.room.power_levels" ] 5)
        map "notifications" 3 (levelsOf [ "room"; "other" ] 6)
    ]

let private creation (version: RoomVersion) : Gen<(string * Json) list> =
    membersOf [
        maybe 8 (mostly (text alice) [ text bob; number 1 ] |> Gen.map (fun c -> "creator", c))
        maybe
            5
            (mostly (text version.Id) [ text "unheard-of"; number 6; text "1" ]
             |> Gen.map (fun v -> "room_version", v))
        maybe
            3
            (Gen.elements [ Json.Bool false; Json.Bool true; text "false" ]
             |> Gen.map (fun f -> "m.federate", f))
        maybe
            4
            (Gen.elements [
                Json.Array [| text bob |]
                Json.Array [| text alice; text carol |]
                Json.Array [||]
                Json.Array [| text "bob" |]
                Json.Array [| number 1 |]
                text bob
             ]
             |> Gen.map (fun a -> "additional_creators", a))
    ]

let private thirdPartyKeys: Gen<(string * Json) list> =
    membersOf [
        maybe
            6
            (Gen.elements [ text "key-a"; text "key-b"; number 1 ]
             |> Gen.map (fun k -> "public_key", k))
        maybe
            6
            (Gen.elements [
                Json.Array [| nested [ "public_key", text "key-b" ] |]
                Json.Array [| nested []; nested [ "public_key", text "key-c" ] |]
                Json.Array [||]
                nested []
             ]
             |> Gen.map (fun k -> "public_keys", k))
    ]

let private stateEvent (version: RoomVersion) id sender eventType key content =
    {
        Draft.state sender eventType key content with
            Id = id
            Room = Draft.roomOf version createId
    }
    |> Draft.toPdu version

/// The state of a small room: its create event, and often the other events.
let private state (version: RoomVersion) : Gen<Map<string * string, Pdu>> =
    let entry odds (event: Gen<Pdu>) =
        Gen.frequency [ odds, Gen.map List.singleton event; 10 - odds, Gen.constant [] ]

    gen {
        let! create =
            creation version
            |> Gen.map (stateEvent version createId alice "m.room.create" "")
            |> Gen.map List.singleton

        let! hasCreate = Gen.frequency [ 60, Gen.constant true; 1, Gen.constant false ]

        let! members =
            users
            |> List.map (fun user ->
                let content =
                    Gen.frequency [ 12, Gen.constant (text "join"); 10, membership ]
                    |> Gen.map (fun m -> [ "membership", m ])

                entry
                    9
                    (content
                     |> Gen.map (stateEvent version $"$member-{user}" user "m.room.member" user)))
            |> Gen.sequenceToList

        let! levels =
            entry
                8
                (powerLevels
                 |> Gen.map (stateEvent version "$levels" alice "m.room.power_levels" ""))

        let! rules =
            maybe 9 (joinRule |> Gen.map (fun r -> "join_rule", r))
            |> Gen.map (stateEvent version "$rules" alice "m.room.join_rules" "")
            |> entry 8

        let! invitation =
            gen {
                let! sender = mostly alice [ bob ]
                let! content = thirdPartyKeys
                return stateEvent version "$invitation" sender "m.room.third_party_invite" token content
            }
            |> entry 6

        return
            [
                if hasCreate then
                    yield! create
                yield! List.concat members
                yield! levels
                yield! rules
                yield! invitation
            ]
            |> List.map (fun event -> (event.Type, string event.StateKey), event)
            |> Map.ofList
    }

let private signed: Gen<Json> =
    membersOf [
        maybe 9 (Gen.elements [ text bob; text carol; number 1 ] |> Gen.map (fun m -> "mxid", m))
        maybe 9 (mostly (text token) [ text "other"; number 1 ] |> Gen.map (fun t -> "token", t))
    ]
    |> Gen.map nested

/// An invitation that redeems a third-party one, correct in nearly every respect.
let private thirdPartyInvitation (target: string) : Gen<(string * Json) list> =
    gen {
        let! mxid = mostly target users
        let! token = mostly token [ "other" ]

        return [
            "membership", text "invite"
            "third_party_invite", nested [ "signed", nested [ "mxid", text mxid; "token", text token ] ]
        ]
    }

let private memberContent: Gen<(string * Json) list> =
    membersOf [
        maybe 9 (membership |> Gen.map (fun m -> "membership", m))
        maybe
            3
            (mostly (text bob) [ text carol; text alice; text "bob"; number 1 ]
             |> Gen.map (fun u -> "join_authorised_via_users_server", u))
        maybe
            3
            (Gen.frequency [
                8, maybe 9 (signed |> Gen.map (fun s -> "signed", s)) |> Gen.map nested
                1, malformed
             ]
             |> Gen.map (fun t -> "third_party_invite", t))
    ]

/// The event in question, without auth events.
let private question (version: RoomVersion) (before: Map<string * string, Pdu>) : Gen<Draft> =
    gen {
        let! sender = Gen.elements users
        let! target = Gen.frequency [ 2, Gen.constant sender; 3, Gen.elements users ]

        let! draft =
            Gen.frequency [
                2, creation version |> Gen.map (Draft.state sender "m.room.create" "")
                10, memberContent |> Gen.map (Draft.state sender "m.room.member" target)
                2,
                Gen.elements users
                |> Gen.map (fun friend ->
                    Draft.state sender "m.room.member" sender [
                        "membership", text "join"
                        "join_authorised_via_users_server", text friend
                    ])
                2, Gen.constant (Draft.state sender "m.room.member" target [ "membership", text "leave" ])
                3,
                thirdPartyInvitation target
                |> Gen.map (Draft.state sender "m.room.member" target)
                12,
                // Often a small change of the current levels: the rules look at differences.
                gen {
                    let! fresh = powerLevels

                    let current =
                        match before.TryFind("m.room.power_levels", "") with
                        | Some event -> [ for struct (k, v) in event.Content.Members -> k, v ]
                        | None -> []

                    let! kept = Gen.elements [ 0; 1; 1; 1; 2 ]

                    return
                        match kept with
                        | 0 -> fresh
                        | 1 -> current @ List.truncate 2 fresh
                        | _ -> current
                }
                |> Gen.map (Draft.state sender "m.room.power_levels" "")
                1,
                joinRule
                |> Gen.map (fun r -> Draft.state sender "m.room.join_rules" "" [ "join_rule", r ])
                2, thirdPartyKeys |> Gen.map (Draft.state sender "m.room.third_party_invite" token)
                2, Gen.constant (Draft.state sender "m.room.name" "" [ "name", text "n" ])
                3,
                Gen.elements [ ""; ""; "_"; "_more_:two"; "x"; ":1" ]
                |> Gen.map (fun more -> Draft.state sender "org.example.own" (target + more) [])
                2, Gen.constant (Draft.message sender "m.room.message" [ "body", text "b" ])
                2,
                Gen.elements [ "one"; "two"; "" ]
                |> Gen.map (fun key -> Draft.state sender "m.room.aliases" key [])
                1, Gen.constant (Draft.message sender "m.room.aliases" [])
                2,
                Gen.elements [ Some "$x:one"; Some "$x:two"; Some "$x"; None ]
                |> Gen.map (fun redacts -> {
                    Draft.message sender "m.room.redaction" [] with
                        Redacts = redacts
                })
            ]

        let! keyless = Gen.frequency [ 30, Gen.constant false; 1, Gen.constant true ]

        let! prev =
            Gen.elements [ [ "$last" ]; [ "$last" ]; [ createId ]; [ createId; "$last" ]; [] ]

        let! room =
            mostly (Draft.roomOf version createId) [
                Draft.roomOf version createId
                Draft.roomOf version createId
                "!room:two"
                "!other"
            ]

        return {
            draft with
                Id = "$event:one"
                Room = room
                Prev = prev
                StateKey = if keyless then None else draft.StateKey
        }
    }

/// Its auth events: usually the right selection; sometimes fewer, more or wrong ones.
let private cited
    (version: RoomVersion)
    (rules: AuthRules)
    (event: Pdu)
    (before: Map<string * string, Pdu>)
    : Gen<CitedEvent[]> =
    let right =
        AuthCase.selected rules event before
        |> List.map (fun e -> { Event = e; Rejected = false })

    let elsewhere (event: Pdu) =
        {
            Draft.state event.Sender event.Type (string event.StateKey) [] with
                Room = "!another:one"
        }
        |> Draft.toPdu version

    Gen.frequency [
        12, Gen.constant right
        1, Gen.constant (right @ List.truncate 1 right)
        1, Gen.constant (List.truncate (List.length right - 1) right)
        1, Gen.constant (right |> List.filter (fun c -> c.Event.Type <> "m.room.create"))
        1,
        Gen.constant (
            right
            |> List.map (fun c -> {
                c with
                    Rejected = c.Event.Type = "m.room.member"
            })
        )
        1,
        Gen.constant (
            right
            |> List.map (fun c ->
                if c.Event.Type = "m.room.power_levels" then
                    { c with Event = elsewhere c.Event }
                else
                    c)
        )
        1,
        Gen.elements [
            "m.room.create"
            "m.room.join_rules"
            "m.room.name"
            "m.room.third_party_invite"
        ]
        |> Gen.map (fun eventType ->
            right
            @ [
                for KeyValue((t, _), e) in before do
                    if t = eventType then
                        { Event = e; Rejected = false }
            ])
    ]
    |> Gen.map Array.ofList

/// Any question to a version's rules.
let case (version: RoomVersion) : Gen<AuthCase> =
    let rules = AuthRules version

    gen {
        let! before = state version
        let! draft = question version before
        let event = Draft.toPdu version draft
        let! cited = cited version rules event before
        let! signers = Gen.elements [ [||]; [| "one" |]; [| "one"; "two" |]; [| "two" |] ]

        let! keys =
            Gen.elements [ [||]; [| "key-a" |]; [| "key-b" |]; [| "key-c"; "key-x" |] ]

        let! hasRoomId = Gen.frequency [ 3, Gen.constant false; 1, Gen.constant true ]

        return {
            Version = version
            Event = event
            State = before
            Facts = {
                AuthEvents = cited
                Signers = signers
                ThirdPartyKeys = keys
                HasRoomId = hasRoomId
            }
        }
    }

/// Smaller questions: without an entry of the state, a member of the content or an auth event.
let shrink (case: AuthCase) : seq<AuthCase> =
    seq {
        for key in case.State.Keys do
            yield {
                case with
                    State = case.State.Remove key
            }

        for i in 0 .. case.Facts.AuthEvents.Length - 1 do
            yield {
                case with
                    Facts.AuthEvents = Array.removeAt i case.Facts.AuthEvents
            }

        let event = case.Event

        for struct (key, _) in event.Content.Members do
            let content = [
                for struct (k, v) in event.Content.Members do
                    if k <> key then
                        k, v
            ]

            yield {
                case with
                    Event =
                        {
                            Id = event.EventId
                            Room = event.RoomId
                            Sender = event.Sender
                            Type = event.Type
                            StateKey = Option.ofObj event.StateKey
                            Content = content
                            Prev = List.ofArray event.PrevEvents
                            Auth = []
                            Redacts = Option.ofObj event.Redacts
                            Time = event.OriginServerTs
                            Depth = event.Depth
                        }
                        |> Draft.toPdu case.Version
            }
    }
