/// Questions to the authorization rules: small rooms, and events that are valid or nearly valid.
[<RequireQualifiedAccess>]
module Matrix.Properties.Generators.AuthGen

open FsCheck
open FsCheck.FSharp
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators.AuthStateGen

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

let private memberDrafts (sender: string) (target: string) : (int * Gen<Draft>) list = [
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
]

/// Power levels: often a small change of the current ones, since the rules look at differences.
let private levelsDraft (sender: string) (before: Map<string * string, Pdu>) : Gen<Draft> =
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

let private otherDrafts (sender: string) (target: string) : (int * Gen<Draft>) list = [
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

/// The event in question, without auth events.
let private question (version: RoomVersion) (before: Map<string * string, Pdu>) : Gen<Draft> =
    gen {
        let! sender = Gen.elements users
        let! target = Gen.frequency [ 2, Gen.constant sender; 3, Gen.elements users ]

        let! draft =
            Gen.frequency [
                2, creation version |> Gen.map (Draft.state sender "m.room.create" "")
                yield! memberDrafts sender target
                12, levelsDraft sender before
                yield! otherDrafts sender target
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
    : Gen<GivenAuthEvent[]> =
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

/// Changes of power levels by a member whom the current levels give some power: many are allowed.
let levelsCase (version: RoomVersion) : Gen<AuthCase> =
    let rules = AuthRules version

    gen {
        let! before = state version
        let! sender = Gen.elements users
        let! current = powerLevels
        let! power = Gen.elements [ 50; 51; 100 ]

        let others =
            match current |> List.tryFind (fun (key, _) -> key = "users") with
            | Some(_, Json.Object users) -> [ for struct (user, level) in users.Members -> user, level ]
            | _ -> []

        let current =
            List.filter (fun (key, _) -> key <> "users") current
            @ [
                "users", nested (List.filter (fun (user, _) -> user <> sender) others @ [ sender, number power ])
            ]

        let before =
            before
                .Add(
                    ("m.room.member", sender),
                    stateEvent version $"$member-{sender}" sender "m.room.member" sender [ "membership", text "join" ]
                )
                .Add(("m.room.power_levels", ""), stateEvent version "$levels" alice "m.room.power_levels" "" current)

        let! draft = levelsDraft sender before

        let event =
            Draft.toPdu version {
                draft with
                    Id = "$event:one"
                    Room = Draft.roomOf version createId
            }

        return {
            Version = version
            Event = event
            State = before
            Facts = AuthFacts.OfAccepted(AuthCase.selected rules event before |> Array.ofList)
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
