module Matrix.Rules.Tests.LintTests

open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Rules.Tests.Check

let private whats (findings: Finding list) =
    findings |> List.map (fun f -> f.Name, f.What)

/// The faults of a table of authorization rules, in a version with little else.
let private faultsOf (table: Rule list) =
    Lint.version {
        Versions.v12 with
            Authorization = table
            Settings = {
                Versions.v12.Settings with
                    JoinRules = []
            }
            Misprints = []
    }
    |> whats

let private isCreate = Condition.TypeIs "m.room.create"
let private isName = Condition.TypeIs "m.room.name"

let private senderIn memberships =
    Condition.MembershipIn(User.Sender, memberships)

let private allowed name condition = clause name "" condition Outcome.Allow

let private rejected name condition =
    clause name "" condition (Outcome.Reject Reason.SenderBanned)

let private last = otherwise "last" Outcome.Allow

let private compare' relation =
    Condition.Compare(Power.Of User.Sender, relation, Power.Of User.StateKey)

/// Tables with one fault each: the fault, and its rule.
let private faulty = [
    "an event has one type",
    [
        scope "s" "" isCreate [ allowed "s.name" isName; otherwise "s.otherwise" Outcome.Allow ]
        last
    ],
    [ "s.name", "can never hold in its place" ]

    "a join rule is one of its words",
    [
        allowed
            "contrary"
            (Condition.And [
                Condition.JoinRuleIn [ JoinRule.Public ]
                Condition.JoinRuleIn [ JoinRule.Invite ]
            ])
        last
    ],
    [ "contrary", "can never hold in its place" ]

    "a user is in one place",
    [
        scope "s" "" (senderIn [ Membership.Join; Membership.Invite ]) [
            rejected "s.banned" (senderIn [ Membership.Ban ])
        ]
        last
    ],
    [ "s.banned", "can never hold in its place" ]

    "who are the same are in the same place",
    [
        scope "s" "" (Condition.SameUser(User.StateKey, User.Sender)) [
            rejected
                "s.kicked"
                (Condition.And [
                    senderIn [ Membership.Join ]
                    Condition.MembershipIn(User.StateKey, [ Membership.Leave ])
                ])
        ]
        last
    ],
    [ "s.kicked", "can never hold in its place" ]

    "what has a prefix is there",
    [
        rejected "keyless" (Condition.And [ Condition.Not Condition.HasStateKey; Condition.StateKeyStartsWith "@" ])
        last
    ],
    [ "keyless", "can never hold in its place" ]

    "what has a shape is there",
    [
        rejected
            "shapeless"
            (Condition.And [
                Condition.Not(Condition.ContentHas [ "a" ])
                Condition.ContentIs([ "a" ], Shape.Integer)
            ])
        last
    ],
    [ "shapeless", "can never hold in its place" ]

    "what is inside of something is in something",
    [
        rejected
            "inside"
            (Condition.And [
                Condition.Not(Condition.ContentHas [ "a" ])
                Condition.ContentHas [ "a"; "b" ]
            ])
        last
    ],
    [ "inside", "can never hold in its place" ]

    "a clause that an earlier one implies",
    [
        rejected "either" (senderIn [ Membership.Ban; Membership.Leave ])
        rejected "banned" (senderIn [ Membership.Ban ])
        last
    ],
    [ "banned", "is hidden by the rules before it" ]

    "a clause behind a scope that always decides",
    [
        scope "s" "" isName [
            rejected "s.banned" (senderIn [ Membership.Ban ])
            otherwise "s.otherwise" Outcome.Allow
        ]
        allowed "joined" (Condition.And [ isName; senderIn [ Membership.Join ] ])
        last
    ],
    [ "joined", "is hidden by the rules before it" ]

    "a comparison that an earlier one implies, written the other way round",
    [
        rejected "below" (compare' Relation.Below)
        rejected "above" (Condition.Compare(Power.Of User.StateKey, Relation.Above, Power.Of User.Sender))
        last
    ],
    [ "above", "is hidden by the rules before it" ]

    "a rule after two that leave nothing",
    [
        rejected "some" Condition.HasStateKey
        allowed "rest" (Condition.Not Condition.HasStateKey)
        last
    ],
    [ "rest", "hides the rules after it" ]

    "a rule after one of which every value is taken",
    [
        rejected "out" (senderIn [ Membership.Absent; Membership.Leave; Membership.Ban ])
        allowed "in" (senderIn [ Membership.Join; Membership.Invite; Membership.Knock ])
        last
    ],
    [ "in", "hides the rules after it" ]

    "a rule that applies if and only if, and is never refused",
    [
        scope "s" "" isName [ iff "s.name" "" Condition.Always isName Reason.SenderBanned ]
        last
    ],
    [ "s.name", "never rejects" ]

    "a rule that applies if and only if, and is never fulfilled",
    [
        scope "s" "" isName [ iff "s.create" "" Condition.Always isCreate Reason.SenderBanned ]
        last
    ],
    [ "s.create", "never allows" ]

    "a value before of what is added",
    [
        forEach "each" "" [ Alteration.Added ] (Entries.Inside [ "users" ]) Condition.Always [
            rejected "each.old" (Condition.Compare(Power.Old, Relation.Above, Power.Of User.Sender))
        ]
        last
    ],
    [ "each.old", "can never hold in its place" ]
]

/// Tables that look faulty, but are not.
let private sound = [
    "a scope that leaves some events to the next",
    [
        scope "s" "" isName [ rejected "s.banned" (senderIn [ Membership.Ban ]) ]
        allowed "joined" (Condition.And [ isName; senderIn [ Membership.Join ] ])
        last
    ]
    "two powers of which one may be absent",
    [
        rejected "below" (compare' Relation.Below)
        allowed "atLeast" (compare' Relation.AtLeast)
        last
    ]
    "entries of which there may be none",
    [
        forEach "each" "" [ Alteration.Changed ] (Entries.Inside [ "users" ]) Condition.Always [
            otherwise "each.otherwise" Outcome.Allow
        ]
        allowed "joined" (senderIn [ Membership.Join ])
        last
    ]
    "an unheard-of membership",
    [
        for m in
            [
                Membership.Join
                Membership.Invite
                Membership.Leave
                Membership.Ban
                Membership.Knock
            ] do
            allowed (Settings.membershipWord m) (Condition.MembershipIs m)
        last
    ]
]

let tests =
    testList "LintTests" [
        test "The tables have no faults" { Lint.all Versions.withUnstable |> equal [] }

        test "There are eight authorization tables" {
            Versions.all
            |> List.groupBy _.Authorization
            |> List.map (snd >> List.map _.Id)
            |> equal [
                [ "1"; "2" ]
                [ "3"; "4"; "5" ]
                [ "6" ]
                [ "7" ]
                [ "8"; "9" ]
                [ "10" ]
                [ "11" ]
                [ "12" ]
            ]
        }

        test "An amendment that touches an undeclared rule is reported" {
            let careless = {
                Msc2403.knocking with
                    Changes = Change.Authorization(Edit.Remove "member.ban.power") :: Msc2403.knocking.Changes
            }

            Lint.amendment Versions.v6 careless
            |> whats
            |> equal [ "authorization/member.ban.power", "is touched and not declared" ]
        }

        test "An amendment that moves a rule is reported" {
            let ban =
                Versions.v6.Authorization
                |> Rule.all
                |> List.find (fun r -> Rule.name r = "member.ban")

            let moving = {
                Msc2403.knocking with
                    Changes =
                        Change.Authorization(Edit.Remove "member.ban")
                        :: Change.Authorization(Edit.InsertBefore("member.join", ban))
                        :: Msc2403.knocking.Changes
            }

            Lint.amendment Versions.v6 moving
            |> whats
            |> equal [ "authorization/member", "is touched and not declared" ]
        }

        test "An amendment that declares an untouched rule is reported" {
            let boastful = {
                Msc1884.urlSafeEventIds with
                    Touches = "authorization/otherwise" :: Msc1884.urlSafeEventIds.Touches
            }

            Lint.amendment Versions.v3 boastful
            |> whats
            |> equal [ "authorization/otherwise", "is declared and not touched" ]
        }

        test "A rule after one that always decides is reported" {
            let hidden = {
                Versions.v12 with
                    Authorization = otherwise "early" Outcome.Allow :: Versions.v12.Authorization
            }

            Lint.version hidden |> whats |> equal [ "early", "hides the rules after it" ]
        }

        test "Two rules with one name are reported" {
            let twice = {
                Versions.v12 with
                    Authorization =
                        Rule.edit
                            (Edit.InsertBefore("otherwise", Authorization.CreateEvent.federate))
                            Versions.v12.Authorization
            }

            Lint.version twice
            |> whats
            |> equal [
                "federate", "is the name of several rules"
                "federate", "is hidden by the rules before it"
            ]
        }

        testList "A rule that can never decide as it says is reported" [
            for what, table, findings in faulty do
                test what { faultsOf table |> equal findings }
        ]

        testList "A table that only looks faulty is not reported" [
            for what, table in sound do
                test what { faultsOf table |> equal [] }
        ]

        test "Conditions on an entry are allowed only inside of ForEach" {
            for condition in
                [
                    Condition.SameServer(Server.Of User.EntryKey, Server.Of User.Sender)
                    Condition.SameUser(User.Sender, User.EntryKey)
                    Condition.Not(Condition.MembershipIn(User.EntryKey, [ Membership.Join ]))
                    Condition.And [ Condition.HasStateKey; Condition.SignedByServerOf User.EntryKey ]
                    Condition.Compare(Power.Of User.Sender, Relation.Above, Power.Of User.EntryKey)
                    Condition.Compare(Power.Of User.Sender, Relation.Above, Power.New)
                ] do
                let asking = rejected "each.asking" condition

                faultsOf [ asking; last ]
                |> equal [ "each.asking", "reads an entry outside of ForEach" ]

                faultsOf [
                    forEach "each" "" [ Alteration.Changed ] (Entries.Inside [ "users" ]) Condition.Always [ asking ]
                    last
                ]
                |> equal []
        }

        test "A join rule with restricted joins has a rule about joins, and such a rule has a join rule" {
            let without = {
                Versions.v12 with
                    Authorization = Rule.edit (Edit.Remove "member.join.restricted") Versions.v12.Authorization
            }

            Lint.version without
            |> whats
            |> equal [
                "restricted", "is a join rule that allows no restricted joins"
                "knock_restricted", "is a join rule that allows no restricted joins"
            ]

            Lint.version {
                Versions.v12 with
                    Settings = {
                        Versions.v12.Settings with
                            JoinRules = List.except [ JoinRule.Restricted ] Versions.v12.Settings.JoinRules
                    }
            }
            |> whats
            |> equal [ "restricted", "allows restricted joins, but is no join rule of the version" ]
        }

        test "An amendment of a missing row is reported" {
            let late = {
                Msc1659.eventIdsAreHashes with
                    Touches = []
                    Changes = [
                        Change.Authorization(Edit.Remove "redaction")
                        Change.Redaction(RedactionEdit.KeepNothing "m.room.aliases")
                        Change.Selection(SelectionEdit.Add Authorization.AuthEventSelection.authorisingUser)
                    ]
            }

            Lint.amendment Versions.v11 late
            |> whats
            |> List.filter (fun (_, what) -> what.StartsWith "cannot be changed")
            |> equal [
                "authorization/redaction", "cannot be changed this way"
                "redaction/m.room.aliases", "cannot be changed this way"
                "selection/authorising-user", "cannot be changed this way"
            ]
        }

        test "The rules that handle redactions are checked too" {
            let faults table =
                Lint.version { Versions.v12 with Handling = table } |> whats

            faults [ Authorization.Handling.byPower ]
            |> equal [ "", "leaves some events undecided" ]

            faults [ Authorization.Handling.notOtherwise; Authorization.Handling.byPower ]
            |> List.map fst
            |> equal [ "redaction.applied.otherwise"; "" ]

            let careless = {
                Msc1884.urlSafeEventIds with
                    Changes =
                        Change.Handling(Edit.Remove "redaction.applied.power")
                        :: Msc1884.urlSafeEventIds.Changes
            }

            Lint.amendment Versions.v3 careless
            |> whats
            |> equal [ "handling/redaction.applied.power", "is touched and not declared" ]
        }

        test "Only rules that handle redactions may read the sender of the redacted event" {
            let curious =
                clause
                    "curious"
                    "Curious."
                    (Condition.SameUser(User.RedactedSender, User.Sender))
                    (Outcome.Reject Reason.SenderNotJoined)

            Lint.version {
                Versions.v12 with
                    Authorization = curious :: Versions.v12.Authorization
            }
            |> whats
            |> equal [
                "curious", "reads the sender of a redacted event outside of the rules that handle redactions"
            ]
        }

        test "A table with an amendment undone is reported" {
            // A first wrong attempt at the knock rule: the join rule's condition is negated.
            let wrong = {
                Versions.v12 with
                    Authorization =
                        Rule.edit
                            (Edit.Reword(
                                "member.knock.membership",
                                "",
                                Condition.And [
                                    Condition.JoinRuleIn [ JoinRule.Public ]
                                    senderIn [ Membership.Leave ]
                                ]
                            ))
                            Versions.v12.Authorization
            }

            Lint.version wrong
            |> whats
            |> equal [ "member.knock.membership", "is hidden by the rules before it" ]
        }

        test "An algorithm of state resolution that cannot run, and an edit of a missing step, are reported" {
            let faults steps =
                StateResolutionAlgorithm.faults { Name = "x"; Steps = steps }

            Expect.isEmpty (faults StateResolutionAlgorithm.V2.Steps) "faults"
            Expect.isNonEmpty (faults []) "faults"

            Expect.isNonEmpty
                (faults [ ResolutionStep.CheckPowerEvents; ResolutionStep.StartFrom Start.Empty ])
                "faults"

            Expect.isNonEmpty
                (faults [ ResolutionStep.KeepUnconflicted; ResolutionStep.StartFrom Start.Empty ])
                "faults"

            Expect.isNonEmpty (faults [ ResolutionStep.PassesByType; ResolutionStep.KeepUnconflicted ]) "faults"

            let amendment = {
                Msc = "MSC0"
                Title = ""
                Why = ""
                Touches = []
                Changes = [
                    Change.Resolution(ResolutionEdit.Remove(ResolutionStep.Gather ConflictedPart.Subgraph))
                ]
            }

            Expect.isTrue
                (Lint.amendment Versions.v2 amendment
                 |> List.map _.Name
                 |> List.contains "setting/state-resolution")
                "name of amendment"
        }
    ]
