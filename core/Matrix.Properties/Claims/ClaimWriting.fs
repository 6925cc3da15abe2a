namespace Matrix.Properties.Claims

open Matrix.Rules
open Matrix.Properties.Claims

/// Words in which claims are written.
[<AutoOpen>]
module internal ClaimWords =

    let says = Statement.Says
    let never' = Statement.Not
    let all (parts: Statement list) = Statement.All parts
    let any (parts: Statement list) = Statement.Any parts

    let isOf (eventType: string) = says (Condition.TypeIs eventType)
    let isCreate = isOf "m.room.create"
    let isMember = isOf "m.room.member"
    let isThirdPartyInvite = isOf "m.room.third_party_invite"
    let isLevels = isOf "m.room.power_levels"
    let isAliases = isOf "m.room.aliases"
    let isRedaction = isOf "m.room.redaction"

    /// Every event except create events.
    let isInRoom = never' isCreate

    let membershipIs (membership: Membership) =
        says (Condition.MembershipIs membership)

    /// A member event of this membership.
    let makes (membership: Membership) =
        all [ isMember; membershipIs membership ]

    /// The state key is the sender.
    let isOwn = says (Condition.SameUser(User.Sender, User.StateKey))

    let has (key: string) = says (Condition.ContentHas [ key ])
    let hasStateKey = says Condition.HasStateKey

    let senderIs (memberships: Membership list) =
        says (Condition.MembershipIn(User.Sender, memberships))

    let targetIs (memberships: Membership list) =
        says (Condition.MembershipIn(User.StateKey, memberships))

    let joinRuleIs (rule: JoinRule) = says (Condition.JoinRuleIn [ rule ])

    /// The room has power levels.
    let hasLevels = says (Condition.StateHas "m.room.power_levels")

    let atLeast a b =
        Statement.Compares(a, Relation.AtLeast, b)

    let atMost a b =
        Statement.Compares(a, Relation.AtMost, b)

    let above a b =
        Statement.Compares(a, Relation.Above, b)

    let below a b =
        Statement.Compares(a, Relation.Below, b)

    let ofSender = Amount.Of User.Sender
    let ofTarget = Amount.Of User.StateKey
    let level = Amount.Level

    /// The sender has at least this power.
    let senderReaches amount = atLeast ofSender amount

    /// An invitation that redeems a third-party one.
    let redeemsThirdParty = all [ makes Membership.Invite; has "third_party_invite" ]

    let private joinsFirst =
        all [ makes Membership.Join; says Condition.OnlyPrevEventIsCreate ]

    /// The creator's join right after the create event, up to version 11.
    let creatorJoinsFirst = all [ joinsFirst; Statement.Creator User.StateKey ]

    /// The same since version 12, where additional creators have no such join.
    let createSenderJoinsFirst =
        all [ joinsFirst; says (Condition.SameUser(User.StateKey, User.CreateSender)) ]

    /// The signature that a member event needs since version 8 if it names an authorising user.
    let isAuthorised =
        any [
            never' (has "join_authorised_via_users_server")
            says (Condition.SignedByServerOf User.Authorising)
        ]

    /// The authorising user is a member with the power to invite.
    let hasAuthorisingMember =
        all [
            says (Condition.MembershipIn(User.Authorising, [ Membership.Join ]))
            atLeast (Amount.Of User.Authorising) (level NamedLevel.Invite)
        ]

    // The current entry.

    let hasBefore = Statement.Entry EntryFact.Before
    let hasAfter = Statement.Entry EntryFact.After

    /// The value before is a level.
    let isLevelBefore = atLeast Amount.EntryBefore Amount.EntryBefore

    /// The value after is a level.
    let isLevelAfter = atLeast Amount.EntryAfter Amount.EntryAfter

    /// The values before and after are the same level, or neither is a level.
    let keepsLevel =
        any [
            all [
                atLeast Amount.EntryBefore Amount.EntryAfter
                atMost Amount.EntryBefore Amount.EntryAfter
            ]
            all [ never' isLevelBefore; never' isLevelAfter ]
        ]

    /// The level stays, or neither the value before nor the one after is above the sender's power.
    let isWithinReach =
        any [
            keepsLevel
            all [
                never' (above Amount.EntryBefore ofSender)
                never' (above Amount.EntryAfter ofSender)
            ]
        ]

    /// The entry's user is the sender.
    let isOwnEntry = says (Condition.SameUser(User.EntryKey, User.Sender))

    /// Each named level that the power levels have before or after.
    let everyNamed inner =
        Statement.EveryEntry(
            Entries.Members [
                "users_default"
                "events_default"
                "state_default"
                "ban"
                "redact"
                "kick"
                "invite"
            ],
            inner
        )

    /// Each of these members that the power levels have before or after.
    let everyMap (maps: string list) inner =
        Statement.EveryEntry(Entries.Members maps, inner)

    /// Each entry of these maps, before or after.
    let everyEntryOf (maps: string list) inner =
        Statement.EveryEntry(Entries.Inside maps, inner)

    /// Where there is a value after, this holds of it.
    let ifThere inner = any [ never' hasAfter; inner ]

    /// Every value that is new is a level: named ones, and those in these maps. Values that stay are not read.
    let newOnesAreLevels (maps: string list) =
        let stays = never' (Statement.Entry EntryFact.Differs)

        all [
            everyNamed (ifThere (any [ stays; isLevelAfter ]))
            everyMap maps (ifThere (any [ stays; Statement.Entry EntryFact.ObjectAfter ]))
            everyEntryOf maps (ifThere (any [ stays; isLevelAfter ]))
        ]

    /// Named levels, and those in events and notifications, are integers.
    let namedAreIntegers = everyNamed (ifThere (Statement.Entry EntryFact.IntegerAfter))

    let mapsAreIntegers =
        all [
            everyMap [ "events"; "notifications" ] (ifThere (Statement.Entry EntryFact.ObjectAfter))
            everyEntryOf [ "events"; "notifications" ] (ifThere (Statement.Entry EntryFact.IntegerAfter))
        ]

    /// `users`, if there is one, is an object from user ids to levels.
    let usersAreLevels =
        all [
            everyMap [ "users" ] (ifThere (Statement.Entry EntryFact.ObjectAfter))
            everyEntryOf [ "users" ] (ifThere (all [ Statement.Entry EntryFact.UserIdKey; isLevelAfter ]))
        ]

    /// `users` names no creator of the room.
    let namesNoCreator =
        everyEntryOf [ "users" ] (ifThere (never' (Statement.Creator User.EntryKey)))

/// Constructors of claims.
[<AutoOpen>]
module internal ClaimWriting =

    /// Stands for the last version, if there is none yet.
    [<Literal>]
    let Newest = StatedSelections.Newest

    /// The section of a version's page that has its authorization rules.
    let rulesOf (version: int) =
        $"v1.19 rooms/v{version}#authorisation-rules"

    let claim name sentence section reason when' then' : Claim = {
        Name = name
        Sentence = sentence
        Section = section
        Reason = reason
        Since = 1
        Until = Newest
        When = when'
        Then = then'
        Exceptions = []
    }

    /// A claim about accepted events of a kind.
    let accepted name sentence section reason kind then' : Claim =
        claim name sentence section reason (all [ kind; Statement.Allowed ]) then'

    let since (first: int) (claim: Claim) : Claim = {
        claim with
            Since = max claim.Since first
    }

    let until (last: int) (claim: Claim) : Claim = {
        claim with
            Until = min claim.Until last
    }

    let exceptIn (first: int) (last: int) name why is (claim: Claim) : Claim = {
        claim with
            Exceptions =
                claim.Exceptions
                @ [
                    {
                        Name = name
                        Why = why
                        Since = first
                        Until = last
                        Is = is
                    }
                ]
    }

    let except name why is (claim: Claim) : Claim = exceptIn 1 Newest name why is claim

    /// With the exception of the creator's first join, which each version has in its own words.
    let exceptFirstJoin (why: string) (claim: Claim) : Claim =
        claim
        |> exceptIn 1 11 "first-join" why creatorJoinsFirst
        |> exceptIn 12 Newest "first-join" why createSenderJoinsFirst

    /// With the exception of a room's first power levels. Since version 12 only creators can send them, whose power is
    /// above all levels; a message of that type sets no levels, and any member may send it.
    let exceptFirstLevels (claim: Claim) : Claim =
        claim
        |> exceptIn 1 11 "first" "a room's first power levels may have any levels" (never' hasLevels)
        |> exceptIn
            12
            Newest
            "first-message"
            "a message of that type sets no levels: where the room has none, any member may send it, whatever it says"
            (all [ never' hasLevels; never' hasStateKey ])

    let private wellCited =
        all [
            for fault in
                [
                    AuthEventFault.Duplicated
                    AuthEventFault.Unselected
                    AuthEventFault.Rejected
                    AuthEventFault.Elsewhere
                ] -> never' (says (Condition.SomeAuthEvent fault))
        ]

    /// The sender's server may take part in the room.
    let private isOpen =
        any [
            never' (says (Condition.StateContentIs("m.room.create", [ "m.federate" ], Shape.False)))
            says (Condition.SameServer(Server.Of User.Sender, Server.Of User.CreateSender))
        ]

    /// An event in order is accepted if this holds. What "in order" is depends on the version: how an event names the
    /// room's create event.
    let possible name sentence section reason kind condition : Claim list =
        let form named =
            claim name sentence section reason (all [ kind; condition; wellCited; named; isOpen ]) Statement.Allowed

        [
            form (says (Condition.AuthEventsHave "m.room.create")) |> until 11
            form (says Condition.CreateEventAccepted) |> since 12
        ]

    /// The same for a member event of this membership.
    let possibleMember name sentence section reason membership condition : Claim list =
        let form condition =
            possible name sentence section reason (makes membership) (all [ hasStateKey; condition ])

        (form condition |> List.map (until 7))
        @ (form (all [ isAuthorised; condition ]) |> List.map (since 8))
        |> List.filter (fun claim -> claim.Since <= claim.Until)
