/// The host's other questions are also answered by the tables.
module Matrix.Core.Tests.TablesOnlyTests

open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Facade
open Matrix.Core.Json
open Matrix.Properties.Generators

let private versions = Versions.all

let private rulesOf (version: RoomVersion) : RoomRules =
    match RoomRules.Find version.Id with
    | null -> failwith version.Id
    | rules -> rules

let private has (name: string) (version: RoomVersion) =
    version.Authorization
    |> Rule.all
    |> List.exists (fun rule -> Rule.name rule = name)

/// A room that alice created, in which bob has a level of 50, and some other levels.
let private room (version: RoomVersion) (levels: (string * Json) list) : AuthSnapshot =
    let rules = rulesOf version

    let prepared draft =
        rules.Prepare(Draft.toPdu version draft)

    let users =
        nested [
            if version.Settings.CreatorPower = CreatorPower.HundredAtFirst then
                "@alice:one", number 100
            "@bob:one", number 50
        ]

    AuthSnapshot [|
        prepared (Draft.state "@alice:one" "m.room.create" "" [ "creator", text "@alice:one" ])
        prepared (Draft.state "@alice:one" "m.room.power_levels" "" (("users", users) :: levels))
    |]

let private joinRules (version: RoomVersion) (rule: string) : AuthEvent =
    let allow =
        Json.Array [| nested [ "type", text "m.room_membership"; "room_id", text "!other:one" ] |]

    Draft.state "@alice:one" "m.room.join_rules" "" [ "join_rule", text rule; "allow", allow ]
    |> Draft.toPdu version
    |> (rulesOf version).Prepare

let tests =
    testList "TablesOnlyTests" [
        testList "Members of other rooms may join under the join rules that the version's table names" [
            for version in versions do
                test version.Id {
                    let lets rule =
                        not (isNull ((rulesOf version).JoinsThrough(joinRules version rule)))

                    Expect.equal (lets "restricted") (has "member.join.restricted" version) "lets"

                    Expect.equal
                        (lets "knock_restricted")
                        (List.contains JoinRule.KnockRestricted version.Settings.JoinRules)
                        "lets"

                    for rule in [ "public"; "invite"; "knock"; "private" ] do
                        Expect.isFalse (lets rule) rule
                }
        ]

        testList "A user with the invite level may authorise joins, if the version's table has restricted joins" [
            for version in versions do
                test version.Id {
                    let may level user =
                        (rulesOf version).MayAuthorise(room version [ "invite", number level ], user)

                    let someone = has "member.join.restricted" version
                    Expect.equal (may 50 "@bob:one") someone "may"
                    Expect.isFalse (may 51 "@bob:one") "may"
                    Expect.equal (may 0 "@carol:one") someone "may"
                    Expect.isFalse (may 1 "@carol:one") "may"
                }
        ]

        test "The version's own rules decide which users may authorise joins, whatever the rules' names" {
            let version = Versions.v12

            let authorising =
                scope "member.join.by-word" "" (Condition.JoinRuleIn [ JoinRule.KnockRestricted ]) [
                    clause
                        "member.join.by-word.too-weak"
                        ""
                        (Condition.Or [
                            Condition.Not(Condition.MembershipIn(User.Authorising, [ Membership.Join ]))
                            Condition.Compare(Power.Of User.Authorising, Relation.Below, Power.Level NamedLevel.Ban)
                        ])
                        (Outcome.Reject Reason.JoinNotAuthorised)
                    otherwise "member.join.by-word.otherwise" Outcome.Allow
                ]

            let rules =
                AuthRules {
                    version with
                        Authorization =
                            Rule.edit (Edit.Replace("member.join.restricted", authorising)) version.Authorization
                }

            let may ban =
                rules.MayAuthorise(room version [ "invite", number 0; "ban", number ban ], "@bob:one")

            Expect.isTrue (may 50) "may"
            Expect.isFalse (may 51) "may"

            let lets rule =
                rules.AllowsRestrictedJoins(AuthSnapshot [| joinRules version rule |])

            Expect.isTrue (lets "knock_restricted") "lets"
            Expect.isFalse (lets "restricted") "lets"
        }

        testList "The create event is in auth_events if the selection names it" [
            for version in versions do
                test version.Id {
                    Expect.equal (rulesOf version).AuthEventsIncludeCreate (version.Id <> "12") "includes create"
                }
        ]

        testList "A user may redact their own events and, with power, those of others" [
            for version in versions do
                test version.Id {
                    let refused sender target =
                        let redaction =
                            Draft.toPdu version (Draft.message sender "m.room.redaction" [ "redacts", text "$it" ])

                        let target = Draft.toPdu version (Draft.message target "m.room.message" [])

                        match
                            (rulesOf version).RefusesRedaction(redaction, target, room version [ "redact", number 50 ])
                        with
                        | null -> ""
                        | refusal -> refusal.Clause

                    Expect.equal (refused "@carol:one" "@carol:one") "" "refused"
                    Expect.equal (refused "@bob:one" "@carol:two") "" "refused"
                    Expect.equal (refused "@carol:one" "@dave:one") "redaction.asked.otherwise" "refused"
                    Expect.equal (refused "@carol:one" "@dave:two") "redaction.asked.otherwise" "refused"
                }
        ]

        testList "A redaction from another server applies to that server's events and, with power, to those of others" [
            for version in versions do
                test version.Id {
                    let rules = AuthRules version

                    let decision sender target =
                        rules.Applies(
                            Draft.toPdu version (Draft.message sender "m.room.redaction" []),
                            target,
                            room version [ "redact", number 50 ]
                        )

                    Expect.isTrue (decision "@carol:two" "@dave:two").IsOk "decision"
                    Expect.isTrue (decision "@bob:one" "@dave:two").IsOk "decision"

                    let ofAnother = decision "@carol:two" "@dave:one"
                    Expect.equal ofAnother.IsOk (version.Settings.EventIds = EventIdForm.Assigned) "of another"

                    match ofAnother with
                    | Decision.Allowed _ -> ()
                    | Decision.Rejected failure ->
                        Expect.equal failure.Clause "redaction.applied.otherwise" "clause"
                        Expect.equal failure.Supplied (Value.Level 0L) "supplied"
                        Expect.equal failure.Required (Value.Level 50L) "required"
                }
        ]

        // The rule is about every member event, not about joins alone.
        testList "The authorising user's server must sign, whatever the membership" [
            for version in versions do
                test version.Id {
                    for membership in [ "join"; "leave"; "invite"; "knock"; "ban" ] do
                        let event =
                            Map [
                                "auth_events", Json.Array [||]
                                "content",
                                nested [
                                    "membership", text membership
                                    "join_authorised_via_users_server", text "@carol:three"
                                ]
                                "depth", number 1
                                "event_id", text "$event:one"
                                "hashes", nested [ "sha256", text (System.String('A', 43)) ]
                                "origin_server_ts", number 1
                                "prev_events", Json.Array [||]
                                "room_id",
                                text (
                                    if version.Id = "12" then
                                        "!" + System.String('A', 43)
                                    else
                                        "!room:one"
                                )
                                "sender", text "@alice:one"
                                "signatures", nested []
                                "state_key", text "@alice:one"
                                "type", text "m.room.member"
                            ]

                        match PduFormat.ofJson (EventFormat version) (object' (Map.toList event)) with
                        | Error fault -> failtest $"{fault}"
                        | Ok received ->
                            let expected =
                                if has "member.authorised.signature" version then
                                    "three"
                                else
                                    ""

                            Expect.equal received.AuthorisingServer expected membership
                }
        ]
    ]
