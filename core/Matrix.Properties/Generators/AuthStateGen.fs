/// The states of small rooms for questions to the authorization rules, and the parts that they share with events.
module internal Matrix.Properties.Generators.AuthStateGen

open FsCheck
open FsCheck.FSharp
open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Json

let alice, bob, carol = "@alice:one", "@bob:one", "@carol:two"
let users = [ alice; bob; carol ]
let token = "token"
let createId = "$create"

/// Mostly the first, sometimes one of the others.
let mostly (usual: 'a) (others: 'a list) : Gen<'a> =
    Gen.frequency [ 5, Gen.constant usual; 2, Gen.elements others ]

/// A member, or none.
let maybe (odds: int) (member': Gen<string * Json>) : Gen<(string * Json) list> =
    Gen.frequency [ odds, Gen.map List.singleton member'; 10 - odds, Gen.constant [] ]

let membersOf (parts: Gen<(string * Json) list> list) : Gen<(string * Json) list> =
    Gen.sequenceToList parts |> Gen.map List.concat

let malformed =
    Gen.elements [
        Json.Null
        Json.Bool true
        text "x"
        nested []
        Json.Array [||]
        Json.Float 1.5
    ]

let level: Gen<Json> =
    Gen.frequency [
        30, Gen.elements [ -1; 0; 1; 49; 50; 51; 99; 100; 101 ] |> Gen.map number
        1, Gen.elements [ text "50"; text " +0100 "; text "5x"; Json.Float 50.9; Json.Float 1e300 ]
        1, malformed
    ]

let membership: Gen<Json> =
    Gen.frequency [
        20, Gen.elements [ "join"; "invite"; "leave"; "ban"; "knock" ] |> Gen.map text
        1, Gen.elements [ text "absent"; text ""; Json.Null; number 1 ]
    ]

let joinRule: Gen<Json> =
    Gen.frequency [
        20,
        Gen.elements [ "public"; "invite"; "knock"; "restricted"; "knock_restricted"; "private" ]
        |> Gen.map text
        1, Gen.elements [ text "other"; number 1 ]
    ]

let levelsOf (names: string list) (odds: int) : Gen<Json> =
    names
    |> List.map (fun name -> maybe odds (level |> Gen.map (fun l -> name, l)))
    |> membersOf
    |> Gen.map nested

let powerLevels: Gen<(string * Json) list> =
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

let creation (version: RoomVersion) : Gen<(string * Json) list> =
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

let thirdPartyKeys: Gen<(string * Json) list> =
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

let stateEvent (version: RoomVersion) id sender eventType key content =
    {
        Draft.state sender eventType key content with
            Id = id
            Room = Draft.roomOf version createId
    }
    |> Draft.toPdu version

/// The state of a small room: its create event, and often the other events.
let state (version: RoomVersion) : Gen<Map<string * string, Pdu>> =
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
