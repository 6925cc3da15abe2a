/// Push rules: the published conditions and tables, and single cases. PushProperties has the general statements.
module Matrix.Core.Tests.PushTests

open NUnit.Framework
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

[<Test>]
let ``A mention highlights for the mentioned user and notifies the others`` () =
    let mention =
        object [
            "body", Json.String "hi"
            "m.mentions", Json.Object(object [ "user_ids", Json.Array [| Json.String alice |] ])
        ]

    Assert.That((Ruleset.Default alice).Evaluate(message mention, null).NotifyClass, Is.EqualTo 3)
    Assert.That((Ruleset.Default "@carol:example.org").Evaluate(message mention, null).NotifyClass, Is.EqualTo 1)
    Assert.That(Ruleset.ForMost(message mention).NotifyClass, Is.EqualTo 1)

[<Test>]
let ``Master silences everything, including the user's own rules`` () =
    let rules = Ruleset.Default alice |> put PushRuleKind.Override "mine" notify
    Assert.That(rules.Evaluate(text "x", null).Notifies, Is.True)

    match rules.SetEnabled(PushRuleKind.Override, ".m.rule.master", object [ "enabled", Json.Bool true ]).Result with
    | Ok silenced -> Assert.That(silenced.Evaluate(text "x", null).Notifies, Is.False)
    | Error e -> Assert.Fail(string e)

[<Test>]
let ``A muted room is silent and a keyword in it is not`` () =
    let rules =
        Ruleset.Default alice
        |> put PushRuleKind.Room "!room:example.org" silent
        |> put PushRuleKind.Content "cake" (notify |> withMember "pattern" (Json.String "cake"))

    Assert.That(rules.Evaluate(text "bread", null).Notifies, Is.False)
    Assert.That(rules.Evaluate(text "Cake!", null).Notifies, Is.True)

[<Test>]
let ``A subscribed thread notifies in a muted room, and a keyword in a thread that is not subscribed`` () =
    let keyword =
        Ruleset.Default alice
        |> put PushRuleKind.Content "cake" (notify |> withMember "pattern" (Json.String "cake"))

    let muted = keyword |> put PushRuleKind.Room "!room:example.org" silent

    let notifies (rules: Ruleset) body (thread: ThreadSubscription) =
        rules.Evaluate(text body, null, thread).Notifies

    Assert.That(notifies muted "bread" ThreadSubscription.Subscribed, Is.True)
    Assert.That(notifies muted "bread" ThreadSubscription.NotInThread, Is.False)
    Assert.That(notifies keyword "bread" ThreadSubscription.Unsubscribed, Is.False)
    Assert.That(notifies keyword "cake" ThreadSubscription.Unsubscribed, Is.True)
    Assert.That(notifies keyword "bread" ThreadSubscription.NotInThread, Is.True)

[<Test>]
let ``A muted sender is silent`` () =
    let rules =
        Ruleset.Default alice |> put PushRuleKind.Sender "@bob:example.org" silent

    Assert.That(rules.Evaluate(text "x", null).Notifies, Is.False)

[<Test>]
let ``Historical actions are kept as the client wrote them, and do nothing`` () =
    let body =
        object [
            "actions", Json.Array [| Json.String "dont_notify"; Json.String "coalesce" |]
        ]

    let rules = Ruleset.Default alice |> put PushRuleKind.Room "!room:example.org" body
    Assert.That(rules.Evaluate(text "x", null).Notifies, Is.False)

    match rules.Find(PushRuleKind.Room, "!room:example.org") with
    | null -> Assert.Fail "not there"
    | rule -> Assert.That(rule.ActionsJson, Is.EqualTo(Json.Object(body)))

[<Test>]
let ``Rules that older servers stored as defaults are not kept, and new ones appear`` () =
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
    Assert.That(rules.ToContent(), Is.EqualTo((Ruleset.Default alice).ToContent()))

[<Test>]
let ``Malformed rules in account data are left out and the others are kept`` () =
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
                        Json.Object(object [ "rule_id", Json.String "@bob:example.org"; "actions", Json.Array [||] ])
                    |]
                ]
            )
        ]

    let rules = Ruleset.Parse(alice, stored)
    Assert.That(isNull (rules.Find(PushRuleKind.Sender, "@x:y")), Is.True)
    Assert.That(isNull (rules.Find(PushRuleKind.Sender, "@bob:example.org")), Is.False)

let private refused kind id body (before: string | null) =
    refusal ((Ruleset.Default alice).Put(kind, id, body, before, null, RulesetLimits.Default))

[<Test>]
let ``Each wrong edit has its error`` () =
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
        refused PushRuleKind.Override "one" (object [ "actions", Json.Array [| Json.Int 1L |] ]) null, "M_BAD_JSON", 400
        refused PushRuleKind.Override "one" wrongCondition null, "M_BAD_JSON", 400
        refused PushRuleKind.Content "one" notify null, "M_MISSING_PARAM", 400
        refused PushRuleKind.Content "one" (notify |> withMember "pattern" (Json.Int 1L)) null, "M_BAD_JSON", 400
        refused PushRuleKind.Content "one" (notify |> withMember "pattern" tooLong) null, "M_TOO_LARGE", 413
        refusal ((Ruleset.Default alice).Delete(PushRuleKind.Override, "one")), "M_NOT_FOUND", 404
        refusal ((Ruleset.Default alice).SetEnabled(PushRuleKind.Room, "one", JsonObject.Empty)), "M_MISSING_PARAM", 400
    ]

    for error, code, status in cases do
        Assert.That(error.ErrCode, Is.EqualTo code, string error)
        Assert.That(error.Status, Is.EqualTo status, string error)

[<Test>]
let ``A user cannot add rules of a kind beyond the limit, but can still change existing ones`` () =
    let limits = RulesetLimits(2, 32, 1024)

    let add id (rules: Ruleset) =
        rules.Put(PushRuleKind.Room, id, notify, null, null, limits).Result

    let full = Ruleset.Default alice |> add "!a:x" |> Result.bind (add "!b:x")
    Assert.That(full |> Result.bind (add "!b:x") |> Result.isOk, Is.True)

    match full |> Result.bind (add "!c:x") with
    | Ok _ -> Assert.Fail "accepted"
    | Error e -> Assert.That(e.ErrCode, Is.EqualTo "M_TOO_LARGE")

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

[<Test>]
let ``Rules about a replaced room are copied behind themselves, once`` () =
    let rules =
        Ruleset.Default alice
        |> put PushRuleKind.Room "!old:x" silent
        |> put PushRuleKind.Override "last" (ofRoom "!other:x")
        |> put PushRuleKind.Override "!old:x" (ofRoom "!old:x")
        |> put PushRuleKind.Override "first" (ofRoom "!old:x")
        |> put PushRuleKind.Underride "under" notify

    let copied = rules.ForReplacedRoom("!old:x", "!new", RulesetLimits.Default)

    Assert.That(
        own copied,
        Is.EqualTo<string list> [
            "override/first"
            "override/first|!new"
            "override/!old:x"
            "override/!new"
            "override/last"
            "room/!old:x"
            "room/!new"
            "underride/under"
        ]
    )

    let expected =
        put PushRuleKind.Override "!new" (ofRoom "!new") (Ruleset.Default alice)

    let jsonOf (rules: Ruleset) =
        rules.Find(PushRuleKind.Override, "!new")
        |> Option.ofObj
        |> Option.map _.ToJson()

    Assert.That(jsonOf copied, Is.EqualTo(jsonOf expected))
    let again = copied.ForReplacedRoom("!old:x", "!new", RulesetLimits.Default)
    Assert.That(again, Is.SameAs copied)

[<Test>]
let ``A rule is not copied beyond the limits, nor over one of the same id`` () =
    let rules =
        Ruleset.Default alice
        |> put PushRuleKind.Room "!old:x" silent
        |> put PushRuleKind.Room "!new" notify

    Assert.That(rules.ForReplacedRoom("!old:x", "!new", RulesetLimits.Default), Is.SameAs rules)
    Assert.That(rules.ForReplacedRoom("!old:x", "!third", RulesetLimits(2, 32, 1024)), Is.SameAs rules)

[<Test>]
let ``Patterns beyond the steps of a user do not match, and the next user has all steps again`` () =
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

    Assert.That(found second, Is.EqualTo "cake")
    Assert.That(found third, Is.Not.EqualTo "cake")
    Assert.That(found named, Is.EqualTo "cake")

[<Test>]
let ``A long pattern with question marks is not found in a long text that only comes close to it`` () =
    let part = "?" + String.replicate 900 "a" + "b"
    let text = FoldedText.Of(String.replicate 60_000 "a")

    Assert.That((Glob.Of $"*{part}*").Matches text, Is.False)
    Assert.That((Glob.Of part).MatchesWords text, Is.False)
