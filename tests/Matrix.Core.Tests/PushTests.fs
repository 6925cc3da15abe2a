/// Push rules: the published conditions and tables, and single cases. PushProperties has the general statements.
module Matrix.Core.Tests.PushTests

open Expecto
open Matrix.Testing
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Core.Push

let private alice = "@alice:example.org"

let private object (members: (string * Json) list) =
    JsonObject.OfSeq(members |> List.map (fun (k, v) -> struct (k, v)))

let private pdu eventType (stateKey: string | null) content =
    Pdu(
        "12",
        "$e",
        "!room:example.org",
        "@bob:example.org",
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

let private message content =
    PushEvent(pdu "m.room.message" null content, 3, 0L, null)

let private text body =
    message (object [ "body", Json.String body ])

let private notify = object [ "actions", Json.Array [| Json.String "notify" |] ]

let private silent = object [ "actions", Json.Array [||] ]

let private withMember name value (o: JsonObject) =
    JsonObject.OfSeq(Seq.append o.Members [ struct (name, value) ])

let private put kind id body (rules: Ruleset) =
    match rules.Put(kind, id, body, null, null, RulesetLimits.Default).Result with
    | Ok edited -> edited
    | Error e -> failwith $"refused: {e}"

let private refusal (edit: RulesetEdit) =
    match edit.Result with
    | Ok _ -> failwith "accepted"
    | Error e -> e

let private refused kind id body (before: string | null) =
    refusal ((Ruleset.Default alice).Put(kind, id, body, before, null, RulesetLimits.Default))

let private ofRoom room =
    let condition =
        object [
            "kind", Json.String "event_match"
            "key", Json.String "room_id"
            "pattern", Json.String room
        ]

    notify |> withMember "conditions" (Json.Array [| Json.Object condition |])

let private own (rules: Ruleset) = [
    for rule in rules.Rules do
        if not rule.IsDefault then
            $"{rule}"
]

let tests =
    testList "PushTests" [
        test "A mention highlights for the mentioned user and notifies the others" {
            let mention =
                object [
                    "body", Json.String "hi"
                    "m.mentions", Json.Object(object [ "user_ids", Json.Array [| Json.String alice |] ])
                ]

            Expect.equal ((Ruleset.Default alice).Evaluate(message mention, null).NotifyClass) 3 "notify class"

            Expect.equal
                ((Ruleset.Default "@carol:example.org").Evaluate(message mention, null).NotifyClass)
                1
                "notify class"

            Expect.equal (Ruleset.ForMost(message mention).NotifyClass) 1 "notify class"
        }

        test "Master silences everything, including the user's own rules" {
            let rules = Ruleset.Default alice |> put PushRuleKind.Override "mine" notify
            Expect.isTrue (rules.Evaluate(text "x", null).Notifies) "notifies"

            match
                rules.SetEnabled(PushRuleKind.Override, ".m.rule.master", object [ "enabled", Json.Bool true ]).Result
            with
            | Ok silenced -> Expect.isFalse (silenced.Evaluate(text "x", null).Notifies) "notifies"
            | Error e -> failtest (string e)
        }

        test "A muted room is silent and a keyword in it is not" {
            let rules =
                Ruleset.Default alice
                |> put PushRuleKind.Room "!room:example.org" silent
                |> put PushRuleKind.Content "cake" (notify |> withMember "pattern" (Json.String "cake"))

            Expect.isFalse (rules.Evaluate(text "bread", null).Notifies) "notifies"
            Expect.isTrue (rules.Evaluate(text "Cake!", null).Notifies) "notifies"
        }

        test "A subscribed thread notifies in a muted room, and a keyword in a thread that is not subscribed" {
            let keyword =
                Ruleset.Default alice
                |> put PushRuleKind.Content "cake" (notify |> withMember "pattern" (Json.String "cake"))

            let muted = keyword |> put PushRuleKind.Room "!room:example.org" silent

            let notifies (rules: Ruleset) body (thread: ThreadSubscription) =
                rules.Evaluate(text body, null, thread).Notifies

            Expect.isTrue (notifies muted "bread" ThreadSubscription.Subscribed) "notifies"
            Expect.isFalse (notifies muted "bread" ThreadSubscription.NotInThread) "notifies"
            Expect.isFalse (notifies keyword "bread" ThreadSubscription.Unsubscribed) "notifies"
            Expect.isTrue (notifies keyword "cake" ThreadSubscription.Unsubscribed) "notifies"
            Expect.isTrue (notifies keyword "bread" ThreadSubscription.NotInThread) "notifies"
        }

        test "A muted sender is silent" {
            let rules =
                Ruleset.Default alice |> put PushRuleKind.Sender "@bob:example.org" silent

            Expect.isFalse (rules.Evaluate(text "x", null).Notifies) "notifies"
        }

        test "Historical actions are kept as the client wrote them, and do nothing" {
            let body =
                object [
                    "actions", Json.Array [| Json.String "dont_notify"; Json.String "coalesce" |]
                ]

            let rules = Ruleset.Default alice |> put PushRuleKind.Room "!room:example.org" body
            Expect.isFalse (rules.Evaluate(text "x", null).Notifies) "notifies"

            match rules.Find(PushRuleKind.Room, "!room:example.org") with
            | null -> failtest "not there"
            | rule -> Expect.equal rule.ActionsJson (Json.Object(body)) "actions json"
        }

        test "Rules that older servers stored as defaults are not kept, and new ones appear" {
            let stored =
                object [
                    "global",
                    Json.Object(
                        object [
                            "content",
                            Json.Array [|
                                Json.Object(
                                    object [
                                        "rule_id", Json.String ".m.rule.contains_user_name"
                                        "pattern", Json.String "alice"
                                        "actions", Json.Array [||]
                                    ]
                                )
                            |]
                        ]
                    )
                ]

            let rules = Ruleset.Parse(alice, stored)
            Expect.equal (rules.ToContent()) ((Ruleset.Default alice).ToContent()) "rules"
        }

        test "Malformed rules in account data are left out and the others are kept" {
            let stored =
                object [
                    "global",
                    Json.Object(
                        object [
                            "room", Json.String "?"
                            "sender",
                            Json.Array [|
                                Json.Null
                                Json.Object(object [ "rule_id", Json.Int 1L ])
                                Json.Object(object [ "rule_id", Json.String "@x:y" ])
                                Json.Object(
                                    object [ "rule_id", Json.String "@bob:example.org"; "actions", Json.Array [||] ]
                                )
                            |]
                        ]
                    )
                ]

            let rules = Ruleset.Parse(alice, stored)
            Expect.isTrue (isNull (rules.Find(PushRuleKind.Sender, "@x:y"))) "find"
            Expect.isFalse (isNull (rules.Find(PushRuleKind.Sender, "@bob:example.org"))) "find"
        }

        test "Each wrong edit has its error" {
            let wrongCondition =
                notify
                |> withMember
                    "conditions"
                    (Json.Array [|
                        Json.Object(object [ "kind", Json.String "event_match"; "key", Json.Int 1L ])
                    |])

            let tooLong = Json.String(System.String('a', 1025))

            let cases = [
                refused PushRuleKind.Override ".mine" notify null, "M_INVALID_PARAM", 400
                refused PushRuleKind.Override "a/b" notify null, "M_INVALID_PARAM", 400
                refused PushRuleKind.PostContent "mine" notify null, "M_INVALID_PARAM", 400
                refused PushRuleKind.Override "one" notify "other", "M_UNKNOWN", 400
                refused PushRuleKind.Override "one" notify ".m.rule.master", "M_UNKNOWN", 400
                refused PushRuleKind.Override "one" JsonObject.Empty null, "M_MISSING_PARAM", 400
                refused PushRuleKind.Override "one" (object [ "actions", Json.String "notify" ]) null, "M_BAD_JSON", 400
                refused PushRuleKind.Override "one" (object [ "actions", Json.Array [| Json.Int 1L |] ]) null,
                "M_BAD_JSON",
                400
                refused PushRuleKind.Override "one" wrongCondition null, "M_BAD_JSON", 400
                refused PushRuleKind.Content "one" notify null, "M_MISSING_PARAM", 400
                refused PushRuleKind.Content "one" (notify |> withMember "pattern" (Json.Int 1L)) null,
                "M_BAD_JSON",
                400
                refused PushRuleKind.Content "one" (notify |> withMember "pattern" tooLong) null, "M_TOO_LARGE", 413
                refusal ((Ruleset.Default alice).Delete(PushRuleKind.Override, "one")), "M_NOT_FOUND", 404
                refusal ((Ruleset.Default alice).SetEnabled(PushRuleKind.Room, "one", JsonObject.Empty)),
                "M_MISSING_PARAM",
                400
            ]

            for error, code, status in cases do
                Expect.equal error.ErrCode code (string error)
                Expect.equal error.Status status (string error)
        }

        test "A user cannot add rules of a kind beyond the limit, but can still change existing ones" {
            let limits = RulesetLimits(2, 32, 1024)

            let add id (rules: Ruleset) =
                rules.Put(PushRuleKind.Room, id, notify, null, null, limits).Result

            let full = Ruleset.Default alice |> add "!a:x" |> Result.bind (add "!b:x")
            Expect.isTrue (full |> Result.bind (add "!b:x") |> Result.isOk) "full"

            match full |> Result.bind (add "!c:x") with
            | Ok _ -> failtest "accepted"
            | Error e -> Expect.equal e.ErrCode "M_TOO_LARGE" "err code"
        }

        test "Rules about a replaced room are copied behind themselves, once" {
            let rules =
                Ruleset.Default alice
                |> put PushRuleKind.Room "!old:x" silent
                |> put PushRuleKind.Override "last" (ofRoom "!other:x")
                |> put PushRuleKind.Override "!old:x" (ofRoom "!old:x")
                |> put PushRuleKind.Override "first" (ofRoom "!old:x")
                |> put PushRuleKind.Underride "under" notify

            let copied = rules.ForReplacedRoom("!old:x", "!new", RulesetLimits.Default)

            Expect.equal
                (own copied)
                [
                    "override/first"
                    "override/first|!new"
                    "override/!old:x"
                    "override/!new"
                    "override/last"
                    "room/!old:x"
                    "room/!new"
                    "underride/under"
                ]
                "own"

            let expected =
                put PushRuleKind.Override "!new" (ofRoom "!new") (Ruleset.Default alice)

            let jsonOf (rules: Ruleset) =
                rules.Find(PushRuleKind.Override, "!new")
                |> Option.ofObj
                |> Option.map _.ToJson()

            Expect.equal (jsonOf copied) (jsonOf expected) "json of"
            let again = copied.ForReplacedRoom("!old:x", "!new", RulesetLimits.Default)
            Expect.isSame again copied "again"
        }

        test "A rule is not copied beyond the limits, nor over one of the same id" {
            let rules =
                Ruleset.Default alice
                |> put PushRuleKind.Room "!old:x" silent
                |> put PushRuleKind.Room "!new" notify

            Expect.isSame (rules.ForReplacedRoom("!old:x", "!new", RulesetLimits.Default)) rules "for replaced room"

            Expect.isSame
                (rules.ForReplacedRoom("!old:x", "!third", RulesetLimits(2, 32, 1024)))
                rules
                "for replaced room"
        }

        test "Patterns beyond the steps of a user do not match, and the next user has all steps again" {
            let content = object [ "body", Json.String(String.replicate 1000 "cake ") ]

            let event = PushEvent(pdu "m.room.message" null content, 3, 0L, null, 12_000L)

            let rules names =
                (Ruleset.Default alice, names)
                ||> List.fold (fun rules name ->
                    let pattern = withMember "pattern" (Json.String name) notify
                    put PushRuleKind.Content name pattern rules)

            // Each put goes before the others.
            let second = rules [ "cake"; "tea" ]
            let third = rules [ "cake"; "tea"; "soup" ]
            let named = rules [ "cake" ]

            let found (rules: Ruleset) =
                match rules.Evaluate(event, null).Rule with
                | null -> ""
                | rule -> rule.RuleId

            Expect.equal (found second) "cake" "found"
            Expect.notEqual (found third) "cake" "found"
            Expect.equal (found named) "cake" "found"
        }

        test "A long pattern with question marks is not found in a long text that only comes close to it" {
            let part = "?" + String.replicate 900 "a" + "b"
            let text = FoldedText.Of(String.replicate 60_000 "a")

            Expect.isFalse ((Glob.Of $"*{part}*").Matches text) "matches"
            Expect.isFalse ((Glob.Of part).MatchesWords text) "matches words"
        }
    ]
