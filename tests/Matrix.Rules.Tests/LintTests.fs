module Matrix.Rules.Tests.LintTests

open NUnit.Framework
open Matrix.Rules
open Matrix.Rules.Tests.Check

[<Test>]
let ``Nothing is wrong with the tables`` () =
    Lint.all Versions.withUnstable |> equal []

[<Test>]
let ``There are eight authorization tables`` () =
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

let private whats (findings: Finding list) =
    findings |> List.map (fun f -> f.Name, f.What)

[<Test>]
let ``An amendment that touches a rule in passing is found out`` () =
    let careless = {
        Msc2403.knocking with
            Changes = Change.Authorization(Edit.Remove "member.ban.power") :: Msc2403.knocking.Changes
    }

    Lint.amendment Versions.v6 careless
    |> whats
    |> equal [ "authorization/member.ban.power", "is touched and not declared" ]

[<Test>]
let ``An amendment that moves a rule is found out`` () =
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

[<Test>]
let ``An amendment that declares what it leaves alone is found out`` () =
    let boastful = {
        Msc1884.urlSafeEventIds with
            Touches = "authorization/otherwise" :: Msc1884.urlSafeEventIds.Touches
    }

    Lint.amendment Versions.v3 boastful
    |> whats
    |> equal [ "authorization/otherwise", "is declared and not touched" ]

[<Test>]
let ``A rule behind one that always decides is found out`` () =
    let hidden = {
        Versions.v12 with
            Authorization = otherwise "early" Outcome.Allow :: Versions.v12.Authorization
    }

    Lint.version hidden |> whats |> equal [ "early", "hides the rules after it" ]

[<Test>]
let ``Two rules of one name are found out`` () =
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

/// What is wrong with a table of authorization rules in a version that has little else.
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

/// Tables with one fault each: what is wrong, and with which rule.
let private faulty: TestCaseData list =
    [
        "an event has one type",
        [
            scope "s" "" isCreate [ allowed "s.name" isName; otherwise "s.otherwise" Outcome.Allow ]
            last
        ],
        [ "s.name", "can never hold where it stands" ]

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
        [ "contrary", "can never hold where it stands" ]

        "a user is in one place",
        [
            scope "s" "" (senderIn [ Membership.Join; Membership.Invite ]) [
                rejected "s.banned" (senderIn [ Membership.Ban ])
            ]
            last
        ],
        [ "s.banned", "can never hold where it stands" ]

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
        [ "s.kicked", "can never hold where it stands" ]

        "what has a prefix is there",
        [
            rejected "keyless" (Condition.And [ Condition.Not Condition.HasStateKey; Condition.StateKeyStartsWith "@" ])
            last
        ],
        [ "keyless", "can never hold where it stands" ]

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
        [ "shapeless", "can never hold where it stands" ]

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
        [ "inside", "can never hold where it stands" ]

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
        [ "each.old", "can never hold where it stands" ]
    ]
    |> List.map (fun (what, table, findings) -> TestCaseData(table, findings).SetArgDisplayNames(what))

[<TestCaseSource(nameof faulty)>]
let ``A table with a rule that cannot do what it says is found out``
    (table: Rule list, findings: (string * string) list)
    =
    faultsOf table |> equal findings

/// Tables that look like faulty ones and are none.
let private sound: TestCaseData list =
    [
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
    |> List.map (fun (what, table) -> TestCaseData(table).SetArgDisplayNames(what))

[<TestCaseSource(nameof sound)>]
let ``A table that only looks faulty is not called so`` (table: Rule list) = faultsOf table |> equal []

[<Test>]
let ``An entry is asked about inside of ForEach only`` () =
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

[<Test>]
let ``A join rule that lets members of other rooms in has a rule of joins, and a rule of joins has it`` () =
    let without = {
        Versions.v12 with
            Authorization = Rule.edit (Edit.Remove "member.join.restricted") Versions.v12.Authorization
    }

    Lint.version without
    |> whats
    |> equal [
        "restricted", "is a join rule that lets no members of other rooms in"
        "knock_restricted", "is a join rule that lets no members of other rooms in"
    ]

    Lint.version {
        Versions.v12 with
            Settings = {
                Versions.v12.Settings with
                    JoinRules = List.except [ JoinRule.Restricted ] Versions.v12.Settings.JoinRules
            }
    }
    |> whats
    |> equal [ "restricted", "lets members of other rooms in and is no join rule" ]

[<Test>]
let ``An amendment of what is not there is found out`` () =
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
    |> List.filter (fun (_, what) -> what.StartsWith "is not there")
    |> equal [
        "authorization/redaction", "is not there to be changed so"
        "redaction/m.room.aliases", "is not there to be changed so"
        "selection/authorising-user", "is not there to be changed so"
    ]

[<Test>]
let ``The rules that handle redactions are looked at as all others are`` () =
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

[<Test>]
let ``Who sent a redacted event is asked where redactions are handled only`` () =
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
        "curious", "asks who sent a redacted event outside of the rules that handle redactions"
    ]

[<Test>]
let ``A rule whose amendment is undone is told from the right one`` () =
    // A first wrong attempt at the knock rule: the join rule is asked for the contrary.
    let wrong = {
        Versions.v12 with
            Authorization =
                Rule.edit
                    (Edit.Reword(
                        "member.knock.membership",
                        "",
                        Condition.And [ Condition.JoinRuleIn [ JoinRule.Public ]; senderIn [ Membership.Leave ] ]
                    ))
                    Versions.v12.Authorization
    }

    Lint.version wrong
    |> whats
    |> equal [ "member.knock.membership", "is hidden by the rules before it" ]

[<Test>]
let ``An algorithm of state resolution that cannot run is found, and an edit of a step that is not there`` () =
    let faults steps =
        StateResolutionAlgorithm.faults { Name = "x"; Steps = steps }

    Assert.That(faults StateResolutionAlgorithm.V2.Steps, Is.Empty)
    Assert.That(faults [], Is.Not.Empty)
    Assert.That(faults [ ResolutionStep.CheckPowerEvents; ResolutionStep.StartFrom Start.Empty ], Is.Not.Empty)
    Assert.That(faults [ ResolutionStep.KeepUnconflicted; ResolutionStep.StartFrom Start.Empty ], Is.Not.Empty)
    Assert.That(faults [ ResolutionStep.PassesByType; ResolutionStep.KeepUnconflicted ], Is.Not.Empty)

    let amendment = {
        Msc = "MSC0"
        Title = ""
        Why = ""
        Touches = []
        Changes = [
            Change.Resolution(ResolutionEdit.Remove(ResolutionStep.Gather ConflictedPart.Subgraph))
        ]
    }

    Assert.That(
        Lint.amendment Versions.v2 amendment
        |> List.map _.Name
        |> List.contains "setting/state-resolution"
    )
