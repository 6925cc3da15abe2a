namespace Matrix.Properties.Generators

open FsCheck
open FsCheck.FSharp
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Core.Push

/// A user's edit of their push rules.
type PushEdit =
    | PutRule of PushRuleKind * ruleId: string * body: JsonObject * before: string option * after: string option
    | DeleteRule of PushRuleKind * ruleId: string
    | EnableRule of PushRuleKind * ruleId: string * enabled: bool
    | SetRuleActions of PushRuleKind * ruleId: string * body: JsonObject

/// An event, and what push rules need to know of its room.
type PushScene = {
    Event: Pdu
    Members: int
    SenderPower: int64
    Levels: JsonObject option
} with

    /// The event as push rules see it, with nothing cached.
    member this.Fresh() : PushEvent =
        let levels: JsonObject | null =
            match this.Levels with
            | Some levels -> levels
            | None -> null

        PushEvent(this.Event, this.Members, this.SenderPower, levels)

/// Events, rooms and push rules.
[<RequireQualifiedAccess>]
module PushGen =

    let private object (members: (string * Json) list) =
        JsonObject.OfSeq(members |> List.map (fun (k, v) -> struct (k, v)))

    let private str s = Json.String s

    /// Texts with words, word boundaries and both cases.
    let text: Gen<string> =
        Gen.choose (0, 10)
        |> Gen.bind (fun n ->
            Gen.listOfLength
                n
                (Gen.frequency [
                    3, Gen.elements [ "a"; "b" ]
                    2, Gen.elements [ "A"; "ab"; " "; "_"; "-"; "é"; "É"; "😀"; "\u212A"; "*"; "?" ]
                ]))
        |> Gen.map (String.concat "")

    /// Patterns that sometimes match such texts.
    let pattern: Gen<string> =
        Gen.choose (0, 5)
        |> Gen.bind (fun n ->
            Gen.listOfLength
                n
                (Gen.frequency [
                    3, Gen.elements [ "a"; "b"; "ab" ]
                    2, Gen.constant "*"
                    1, Gen.elements [ "?"; "A"; " "; "_"; "é"; "😀" ]
                ]))
        |> Gen.map (String.concat "")

    /// Parts of patterns that are longer than the matcher's words, and texts that have them, or all but one character.
    let longPart: Gen<string * string> =
        gen {
            let! length = Gen.choose (55, 140)

            let! part =
                Gen.listOfLength length (Gen.frequency [ 8, Gen.constant 'a'; 1, Gen.elements [ 'b'; '?' ] ])

            let! before = Gen.choose (0, 90)
            let! after = Gen.choose (0, 90)

            let filler n =
                Gen.listOfLength n (Gen.frequency [ 9, Gen.constant 'a'; 1, Gen.elements [ 'b'; ' ' ] ])

            let! left = filler before
            let! right = filler after
            let! wild = Gen.elements [ 'a'; 'B'; ' ' ]
            let filled = part |> List.map (fun c -> if c = '?' then wild else c)
            let! broken = Gen.choose (0, 3 * length)
            let within = filled |> List.mapi (fun i c -> if i = broken then 'c' else c)
            let text (characters: char list) = System.String(List.toArray characters)
            return text part, text (left @ within @ right)
        }

    /// The users of the room; rules are evaluated for some of them.
    let users = [ "@alice:example.org"; "@bob:example.org"; "@carol:example.com" ]

    let private user = Gen.elements users

    let private scalar =
        Gen.oneof [
            text |> Gen.map str
            user |> Gen.map str
            Gen.elements [
                Json.Bool true
                Json.Bool false
                Json.Null
                Json.Int 0L
                Json.Int 1L
                str "m.replace"
            ]
        ]

    let private maybe (name: string) (value: Gen<Json>) : Gen<(string * Json) list> =
        Gen.oneof [ Gen.constant []; value |> Gen.map (fun v -> [ name, v ]) ]

    let private content: Gen<JsonObject> =
        gen {
            let! body = maybe "body" (Gen.oneof [ Gen.map str text; scalar ])

            let! msgtype =
                maybe "msgtype" (Gen.elements [ str "m.text"; str "m.notice"; Json.Int 1L ])

            let! mentions =
                maybe
                    "m.mentions"
                    (gen {
                        let! ids =
                            maybe
                                "user_ids"
                                (Gen.listOf scalar |> Gen.map (List.truncate 3 >> List.toArray >> Json.Array))

                        let! room = maybe "room" scalar
                        return Json.Object(object (ids @ room))
                    })

            let! relates =
                maybe
                    "m.relates_to"
                    (Gen.elements [ str "m.replace"; str "m.thread" ]
                     |> Gen.map (fun t -> Json.Object(object [ "rel_type", t ])))

            let! membership = maybe "membership" (Gen.elements [ str "invite"; str "join" ])
            let! other = maybe "a.b" scalar
            return object (body @ msgtype @ mentions @ relates @ membership @ other)
        }

    let private types = [
        "m.room.message"
        "m.room.message"
        "m.room.encrypted"
        "m.room.member"
        "m.reaction"
        "m.room.tombstone"
        "m.room.server_acl"
        "m.call.invite"
        "org.example.x"
    ]

    /// An event in its room.
    let scene: Gen<PushScene> =
        gen {
            let! eventType = Gen.elements types

            let! stateKey =
                Gen.frequency [ 2, Gen.constant None; 1, Gen.constant (Some ""); 1, Gen.map Some user ]

            let! sender = user
            let! content = content
            let! members = Gen.choose (1, 4)
            let! power = Gen.elements [ 0L; 49L; 50L; 100L; System.Int64.MaxValue ]

            let! levels =
                maybe "room" (Gen.elements [ Json.Int 0L; Json.Int 100L; str "20"; str "x"; Json.Null ])

            let! hasLevels = Gen.elements [ true; false ]

            let stateKey =
                match stateKey with
                | Some key -> key: string | null
                | None -> null

            let pdu =
                Pdu(
                    "12",
                    "$event",
                    "!room:example.org",
                    sender,
                    eventType,
                    stateKey,
                    1L,
                    1L,
                    content,
                    [||],
                    [||],
                    null,
                    [||]
                )

            return {
                Event = pdu
                Members = members
                SenderPower = power
                Levels = if hasLevels then Some(object levels) else None
            }
        }

    let private key =
        Gen.elements [
            "type"
            "sender"
            "state_key"
            "room_id"
            "content.body"
            "content.msgtype"
            @"content.m\.mentions.user_ids"
            @"content.m\.mentions.room"
            @"content.a\.b"
            "content.a.b"
            "content"
            "nothing"
            ""
        ]

    /// Conditions of every kind.
    let condition: Gen<PushCondition> =
        Gen.oneof [
            Gen.map2
                (fun k p -> PushCondition.EventMatch(k, p))
                key
                (Gen.oneof [ pattern; Gen.elements ("m.room.*" :: types) ])
            Gen.map2 (fun k v -> PushCondition.EventPropertyIs(k, v)) key scalar
            Gen.map2 (fun k v -> PushCondition.EventPropertyContains(k, v)) key scalar
            Gen.constant PushCondition.ContainsDisplayName
            Gen.map2
                (fun c n -> PushCondition.RoomMemberCount(c, int64 n))
                (Gen.elements [
                    CountComparison.Equal
                    CountComparison.Less
                    CountComparison.Greater
                    CountComparison.AtMost
                    CountComparison.AtLeast
                ])
                (Gen.choose (0, 4))
            Gen.elements [ "room"; "other" ]
            |> Gen.map PushCondition.SenderNotificationPermission
            Gen.elements [ true; false ] |> Gen.map PushCondition.ThreadSubscription
        ]

    let private conditionJson =
        Gen.frequency [
            6, Gen.map PushCondition.toJson condition
            1,
            Gen.elements [
                Json.Object(object [ "kind", str "org.example.unknown" ])
                Json.Object(object [ "kind", str "event_match"; "key", str "type" ])
                Json.Object(object [ "kind", str "room_member_count"; "is", str "many" ])
                Json.Object(object [ "kind", Json.Int 1L ])
                Json.Object(object [ "kind", str "io.element.msc4306.thread_subscription" ])
                Json.Object JsonObject.Empty
                Json.Null
            ]
        ]

    let private actions =
        Gen.frequency [
            6,
            Gen.listOf (
                Gen.elements [
                    str "notify"
                    str "dont_notify"
                    str "coalesce"
                    str "org.example.ring"
                    Json.Object(object [ "set_tweak", str "highlight" ])
                    Json.Object(object [ "set_tweak", str "highlight"; "value", Json.Bool false ])
                    Json.Object(object [ "set_tweak", str "sound"; "value", str "default" ])
                ]
            )
            |> Gen.map (List.truncate 4 >> List.toArray >> Json.Array)
            1, Gen.elements [ Json.Null; Json.Array [| Json.Int 1L |]; str "notify" ]
        ]

    let private body =
        gen {
            let! actions =
                Gen.frequency [ 9, Gen.map (fun a -> [ "actions", a ]) actions; 1, Gen.constant [] ]

            let! conditions =
                maybe
                    "conditions"
                    (Gen.listOf conditionJson
                     |> Gen.map (List.truncate 3 >> List.toArray >> Json.Array))

            let! pattern =
                Gen.frequency [
                    8, Gen.map (fun p -> [ "pattern", str p ]) pattern
                    1, maybe "pattern" scalar
                ]

            return object (actions @ conditions @ pattern)
        }

    /// A kind.
    let kind: Gen<PushRuleKind> = Gen.elements PushRuleKinds.All

    let private ruleId =
        Gen.frequency [
            6,
            Gen.elements [
                "one"
                "two"
                "three"
                "!room:example.org"
                "@alice:example.org"
                "@bob:example.org"
            ]
            2,
            Gen.elements [
                ".m.rule.master"
                ".m.rule.message"
                ".m.rule.is_user_mention"
                ".m.rule.suppress_notices"
                ".io.element.msc4306.rule.unsubscribed_thread"
                ".io.element.msc4306.rule.subscribed_thread"
                ".m.rule.unknown"
            ]
            1, Gen.elements [ ""; "a/b"; @"a\b" ]
        ]

    /// An edit of a rule of some kind.
    let editOf (kind: Gen<PushRuleKind>) : Gen<PushEdit> =
        gen {
            let! kind = kind
            let! id = ruleId
            let! body = body
            let! before = Gen.frequency [ 3, Gen.constant None; 1, Gen.map Some ruleId ]
            let! after = Gen.frequency [ 3, Gen.constant None; 1, Gen.map Some ruleId ]
            let! enabled = Gen.elements [ true; false ]

            return!
                Gen.frequency [
                    6, Gen.constant (PutRule(kind, id, body, before, after))
                    1, Gen.constant (DeleteRule(kind, id))
                    2, Gen.constant (EnableRule(kind, id, enabled))
                    1, Gen.constant (SetRuleActions(kind, id, body))
                ]
        }

    /// An edit.
    let edit: Gen<PushEdit> = editOf kind

    /// Performs an edit.
    let perform (ruleset: Ruleset) (edit: PushEdit) : Result<Ruleset, RulesetError> =
        let orNull (s: string option) : string | null =
            match s with
            | Some s -> s
            | None -> null

        match edit with
        | PutRule(kind, id, body, before, after) ->
            ruleset.Put(kind, id, body, orNull before, orNull after, RulesetLimits.Default).Result
        | DeleteRule(kind, id) -> ruleset.Delete(kind, id).Result
        | EnableRule(kind, id, enabled) -> ruleset.SetEnabled(kind, id, object [ "enabled", Json.Bool enabled ]).Result
        | SetRuleActions(kind, id, body) -> ruleset.SetActions(kind, id, body, RulesetLimits.Default).Result

    /// A user's ruleset after a few edits. Refused edits change nothing.
    let ruleset: Gen<Ruleset> =
        gen {
            let! owner = user
            let! edits = Gen.listOf edit

            return
                (Ruleset.Default owner, edits)
                ||> List.fold (fun rules edit ->
                    match perform rules edit with
                    | Ok edited -> edited
                    | Error _ -> rules)
        }

    /// A ruleset with rules that the edit can be placed beside, and the edit.
    let placing: Gen<Ruleset * PushEdit> =
        gen {
            let! rules = ruleset
            let! kind = kind
            let body = object [ "actions", Json.Array [||]; "pattern", str "a" ]

            let crowded =
                (rules, [ "one"; "two"; "three"; "@alice:example.org" ])
                ||> List.fold (fun rules id ->
                    match perform rules (PutRule(kind, id, body, None, None)) with
                    | Ok edited -> edited
                    | Error _ -> rules)

            let! edit = editOf (Gen.constant kind)
            return crowded, edit
        }
