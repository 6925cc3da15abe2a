namespace Matrix.Properties.Vectors

open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Core.Push

/// Kinds about push rules. v1.19 client-server-api#push-rules
module internal PushKinds =

    let private reader = "@alice:example.org"

    /// The default rules.
    let defaultRules: Kind = {
        Name = "push-default-rules"
        Ours = []
        Read =
            fun _ case ->
                checked' {
                    let! rules = need "rules" case

                    return [
                        "",
                        members (("user_id", Json.String reader) :: keep [ "rule_kind" ] case.Value),
                        members [ "rules", rules.Value ]
                    ]
                }
        Answer =
            fun _ question ->
                checked' {
                    let! user = text "user_id" question
                    let! kind = text "rule_kind" question
                    let all = (Ruleset.Default user.Value).ToJson()

                    match all.TryFind kind.Value with
                    | ValueSome rules -> return members [ "rules", rules ]
                    | ValueNone -> return! wrong kind $"expected a kind of push rules, found \"{kind.Value}\""
                }
    }

    let private keys = [
        "content"
        "type"
        "state_key"
        "members"
        "sender_power"
        "notifications"
        "display_name"
        "subscribed"
        "condition"
    ]

    /// A rule with one condition.
    let condition: Kind = {
        Name = "push-condition"
        Ours = []
        Read =
            fun _ case ->
                checked' {
                    let! matches = need "matches" case |> Result.bind asBool
                    return [ "", members (keep keys case.Value), members [ "matches", Json.Bool matches ] ]
                }
        Answer =
            fun _ question ->
                checked' {
                    let! content = object "content" question
                    let! condition = need "condition" question
                    let! eventType = maybeText "type" question
                    let! stateKey = maybeText "state_key" question
                    let! inRoom = optional "members" asInt 2L question
                    let! power = optional "sender_power" asInt 0L question

                    let! levels =
                        optional "notifications" (asObject >> Result.map (fun o -> Some o.Value)) None question

                    let! name = maybeText "display_name" question

                    let! thread =
                        optional
                            "subscribed"
                            (asBool
                             >> Result.map (fun subscribed ->
                                 if subscribed then
                                     ThreadSubscription.Subscribed
                                 else
                                     ThreadSubscription.Unsubscribed))
                            ThreadSubscription.NotInThread
                            question

                    let pdu =
                        Pdu(
                            "12",
                            "$e",
                            "!room:example.org",
                            "@bob:example.org",
                            Option.defaultValue "m.room.message" eventType,
                            Option.toObj stateKey,
                            1L,
                            1L,
                            content.Value,
                            [||],
                            [||],
                            null,
                            [||]
                        )

                    // Read as from account data, which may hold rules that a client may not put.
                    let rule =
                        members [
                            "rule_id", Json.String "one"
                            "conditions", Json.Array [| condition.Value |]
                            "actions", Json.Array [| Json.String "notify" |]
                        ]

                    let rules =
                        Ruleset.Parse(
                            reader,
                            members [
                                "global", Json.Object(members [ "override", Json.Array [| Json.Object rule |] ])
                            ]
                        )

                    let event = PushEvent(pdu, int32 inRoom, power, Option.toObj levels)
                    let outcome = rules.Evaluate(event, Option.toObj name, thread)

                    let matched =
                        match outcome.Rule with
                        | null -> false
                        | r -> r.RuleId = "one"

                    return members [ "matches", Json.Bool matched ]
                }
    }
