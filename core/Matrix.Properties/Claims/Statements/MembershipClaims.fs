/// Joins, invitations, leaves, bans and knocks, and what those who are not in the room may send.
module internal Matrix.Properties.Claims.MembershipClaims

open Matrix.Rules
open Matrix.Properties.Claims

let private isInsideOrInvited = targetIs [ Membership.Join; Membership.Invite ]
let private nobody = never' (says Condition.Always)

let private joins =
    let onlyTheInvited rule (word: string) =
        accepted
            $"only-the-invited-join-where-the-rule-is-{word.Replace('_', '-')}"
            $"Where the join rule is {word}, only invited and joined users join."
            (rulesOf 1)
            "Members choose who comes in."
            (all [ makes Membership.Join; joinRuleIs rule ])
            isInsideOrInvited
        |> exceptFirstJoin "the creator's join right after the create event is allowed before any other check"

    let orAuthorised rule (word: string) = {
        onlyTheInvited rule word with
            Name = $"joins-of-outsiders-are-authorised-where-the-rule-is-{word.Replace('_', '-')}"
            Sentence =
                $"Where the join rule is {word}, only invited and joined users join, and users with an authorising \
                  user who is a member with the power to invite."
            Section = rulesOf 8
            Then = any [ isInsideOrInvited; hasAuthorisingMember ]
    }

    let meaningless name (words: string) section rules =
        accepted
            name
            $"Where the join rule is {words}, nobody joins, not even joined users."
            section
            "A rule without meaning in a version must not let everybody in."
            (all [ makes Membership.Join; rules ])
            nobody
        |> exceptFirstJoin "the creator's join right after the create event is allowed before any other check"

    [
        accepted
            "users-join-for-themselves"
            "Only the user themselves can send their join."
            (rulesOf 1)
            "Nobody is put into a room without wanting it."
            (makes Membership.Join)
            isOwn
        |> exceptFirstJoin "the rule for the creator's first join does not check the sender"

        accepted
            "the-banned-do-not-join"
            "A banned user cannot join."
            (rulesOf 1)
            "A ban keeps a user out, whatever the join rule is."
            (makes Membership.Join)
            (never' (targetIs [ Membership.Ban ]))
        |> exceptFirstJoin "the creator's join right after the create event is allowed before any other check"

        onlyTheInvited JoinRule.Invite "invite"
        {
            onlyTheInvited JoinRule.Knock "knock" with
                Section = rulesOf 7
        }
        |> since 7
        orAuthorised JoinRule.Restricted "restricted" |> since 8

        {
            orAuthorised JoinRule.KnockRestricted "knock_restricted" with
                Section = rulesOf 10
        }
        |> since 10

        meaningless "nobody-joins-where-the-rule-is-private" "private" (rulesOf 1) (joinRuleIs JoinRule.Private)

        meaningless
            "nobody-joins-where-the-rule-is-unknown"
            "none that any version knows"
            (rulesOf 1)
            (never' (says (Condition.JoinRuleIn JoinRule.all)))

        meaningless
            "knock-means-nothing-before-version-7"
            "knock, in a version without it"
            (rulesOf 1)
            (joinRuleIs JoinRule.Knock)
        |> until 6

        meaningless
            "restricted-means-nothing-before-version-8"
            "restricted, in a version without it"
            (rulesOf 1)
            (joinRuleIs JoinRule.Restricted)
        |> until 7

        meaningless
            "knock-restricted-means-nothing-before-version-10"
            "knock_restricted, in a version without it"
            (rulesOf 1)
            (joinRuleIs JoinRule.KnockRestricted)
        |> until 9

        accepted
            "the-authorising-users-server-signs"
            "An event that names an authorising user is signed by that user's server."
            (rulesOf 8)
            "A user does not borrow another's power without their server's consent."
            (all [ isMember; has "join_authorised_via_users_server" ])
            (says (Condition.SignedByServerOf User.Authorising))
        |> since 8
    ]

let private invitations =
    let third = "third-party"

    [
        accepted
            "the-joined-and-the-banned-are-not-invited"
            "Joined and banned users are not invited."
            (rulesOf 1)
            "An invitation takes a member out of the room, and would let a banned user in."
            (makes Membership.Invite)
            (never' (targetIs [ Membership.Join; Membership.Ban ]))
        |> except
            third
            "the rule for redeeming a third-party invitation checks only whether the target is banned: a joined user \
             becomes invited"
            (all [ redeemsThirdParty; targetIs [ Membership.Join ] ])

        accepted
            "only-members-invite"
            "Only members invite."
            (rulesOf 1)
            "Those outside do not decide who comes in."
            (makes Membership.Invite)
            (senderIs [ Membership.Join ])
        |> except
            third
            "the rule for redeeming a third-party invitation does not check that its sender is still in the room"
            redeemsThirdParty

        accepted
            "invitations-need-the-power-to-invite"
            "The sender of an invitation has the power to invite."
            (rulesOf 1)
            "A room chooses who of its members invites."
            (makes Membership.Invite)
            (senderReaches (level NamedLevel.Invite))
        |> except
            third
            "redeeming a third-party invitation requires no power: the third-party invitation did"
            redeemsThirdParty

        accepted
            "a-third-party-invitation-is-redeemed-as-it-was-sent"
            "A redeemed third-party invitation is for the user in its signed part, is sent by the sender of the \
             third-party invitation, and is signed with one of its keys."
            (rulesOf 1)
            "An invitation by email is for the owner of the address alone, as the identity server testifies."
            redeemsThirdParty
            (all [
                says (Condition.SameUser(User.ThirdPartyMxid, User.StateKey))
                says (Condition.SameUser(User.Sender, User.ThirdPartyInviter))
                any [
                    says (Condition.ThirdPartySignedBy KeyPlace.Single)
                    says (Condition.ThirdPartySignedBy KeyPlace.Listed)
                ]
            ])
    ]

let private leaves = [
    accepted
        "only-those-inside-leave"
        "Only invited and joined users leave."
        (rulesOf 1)
        "Leaving must not lift a ban, or make those known who were never there."
        (all [ makes Membership.Leave; isOwn ])
        (senderIs [ Membership.Invite; Membership.Join ])
    |> until 6

    accepted
        "only-those-inside-or-knocking-leave"
        "Only invited, joined and knocking users leave."
        (rulesOf 7)
        "Leaving must not lift a ban, or make those known who were never there."
        (all [ makes Membership.Leave; isOwn ])
        (senderIs [ Membership.Invite; Membership.Join; Membership.Knock ])
    |> since 7

    accepted
        "only-the-stronger-remove"
        "Only members with the power to kick, and more power than the target, remove other users."
        (rulesOf 1)
        "Moderators cannot remove each other."
        (all [ makes Membership.Leave; never' isOwn ])
        (all [
            senderIs [ Membership.Join ]
            senderReaches (level NamedLevel.Kick)
            above ofSender ofTarget
        ])

    accepted
        "bans-are-lifted-with-the-power-to-ban"
        "The sender of an unban has the power to ban."
        (rulesOf 1)
        "Whoever cannot ban does not undo a ban."
        (all [ makes Membership.Leave; targetIs [ Membership.Ban ] ])
        (senderReaches (level NamedLevel.Ban))

    accepted
        "nobody-lifts-their-own-ban"
        "Nobody lifts their own ban."
        (rulesOf 1)
        "A ban would be worth nothing."
        (all [ makes Membership.Leave; targetIs [ Membership.Ban ] ])
        (never' isOwn)
]

let private bans = [
    accepted
        "only-the-stronger-ban"
        "Only members with the power to ban, and more power than the target, ban users."
        (rulesOf 1)
        "Moderators cannot ban each other."
        (makes Membership.Ban)
        (all [
            senderIs [ Membership.Join ]
            senderReaches (level NamedLevel.Ban)
            above ofSender ofTarget
        ])

    accepted
        "nobody-bans-themselves"
        "Nobody bans themselves."
        (rulesOf 1)
        "It follows from power, and a client can rely on it."
        (makes Membership.Ban)
        (never' isOwn)

    accepted
        "creators-are-not-removed"
        "Nobody removes or bans a creator of the room."
        (rulesOf 12)
        "A room is not taken from those who made it."
        (all [ any [ makes Membership.Ban; makes Membership.Leave ]; never' isOwn ])
        (never' (Statement.Creator User.StateKey))
    |> exceptIn
        1
        11
        "by-levels"
        "once there are power levels, a creator has no more power than these give, which may be less than the sender's"
        (all [ hasLevels; below ofTarget ofSender ])
]

let private knocks = [
    accepted
        "users-knock-for-themselves"
        "Only the user themselves can send their knock."
        (rulesOf 7)
        "Nobody asks in the name of another."
        (makes Membership.Knock)
        isOwn
    |> since 7

    accepted
        "a-knock-needs-the-rule"
        "A user knocks only where the join rule is knock."
        (rulesOf 7)
        "A room chooses whether strangers may ask."
        (makes Membership.Knock)
        (joinRuleIs JoinRule.Knock)
    |> since 7
    |> until 9

    accepted
        "a-knock-needs-one-of-two-rules"
        "A user knocks only where the join rule is knock or knock_restricted."
        (rulesOf 10)
        "A room chooses whether strangers may ask."
        (makes Membership.Knock)
        (says (Condition.JoinRuleIn [ JoinRule.Knock; JoinRule.KnockRestricted ]))
    |> since 10

    accepted
        "only-outsiders-knock"
        "Banned, invited and joined users do not knock."
        (rulesOf 7)
        "A knock must lift no ban, and take nobody out of the room."
        (makes Membership.Knock)
        (never' (senderIs [ Membership.Ban; Membership.Invite; Membership.Join ]))
    |> since 7
]

let private known (memberships: Membership list) =
    accepted
        "memberships-are-known-ones"
        (let words = memberships |> List.map Settings.membershipWord |> String.concat ", "
         $"A membership is one of {words}.")
        (rulesOf 1)
        "What no rule is about is not accepted."
        isMember
        (any (memberships |> List.map membershipIs))

let private members = [
    accepted
        "member-events-are-complete"
        "A member event has a state key and a membership."
        (rulesOf 1)
        "Otherwise it would be nobody's membership, or none."
        isMember
        (all [ hasStateKey; has "membership" ])

    known [ Membership.Join; Membership.Invite; Membership.Leave; Membership.Ban ]
    |> until 6

    known [
        Membership.Join
        Membership.Invite
        Membership.Leave
        Membership.Ban
        Membership.Knock
    ]
    |> since 7

    accepted
        "others-only-invite-remove-and-ban"
        "The membership that a user sets for another is invite, leave or ban."
        (rulesOf 1)
        "To join and to knock is each user's own choice."
        (all [ isMember; never' isOwn ])
        (any [
            membershipIs Membership.Invite
            membershipIs Membership.Leave
            membershipIs Membership.Ban
        ])
    |> exceptFirstJoin "the rule for the creator's first join does not check the sender"
]

let private senders =
    let aliases =
        exceptIn 1 5 "aliases" "the rule for aliases checks the sender's server only" isAliases

    let thirdParty =
        except
            "third-party"
            "the rule for redeeming a third-party invitation does not read its sender's membership"
            redeemsThirdParty

    let firstJoin = "the rule for the creator's first join does not check the sender"
    let declines = all [ makes Membership.Leave; isOwn ]

    [
        accepted
            "only-members-send"
            "Only members send events."
            (rulesOf 1)
            "Those who are not in a room do not speak in it."
            isInRoom
            (senderIs [ Membership.Join ])
        |> except "join" "a user joins from outside" (all [ makes Membership.Join; isOwn ])
        |> exceptIn 1 11 "first-join" firstJoin (all [ creatorJoinsFirst; never' isOwn ])
        |> exceptIn 12 Newest "first-join" firstJoin (all [ createSenderJoinsFirst; never' isOwn ])
        |> exceptIn
            1
            6
            "decline"
            "an invitation is declined from outside"
            (all [ declines; senderIs [ Membership.Invite ] ])
        |> exceptIn
            7
            Newest
            "decline"
            "an invitation is declined, and a knock withdrawn, from outside"
            (all [ declines; senderIs [ Membership.Invite; Membership.Knock ] ])
        |> exceptIn 7 Newest "knock" "a user knocks from outside" (makes Membership.Knock)
        |> thirdParty
        |> aliases

        claim
            "the-banned-send-nothing"
            "A banned user sends no events."
            (rulesOf 1)
            "A ban silences."
            (all [ isInRoom; senderIs [ Membership.Ban ] ])
            (never' Statement.Allowed)
        |> exceptFirstJoin "the creator's join right after the create event is allowed before the check for bans"
        |> thirdParty
        |> aliases

        accepted
            "the-invited-only-answer"
            "An invited user sends only a join or a leave of their own."
            (rulesOf 1)
            "An invitation can be accepted or declined, and nothing else."
            (all [ isInRoom; senderIs [ Membership.Invite ] ])
            (all [ isOwn; any [ makes Membership.Join; makes Membership.Leave ] ])
        |> exceptFirstJoin firstJoin
        |> thirdParty
        |> aliases
    ]

let claims: Claim list =
    joins @ invitations @ leaves @ bans @ knocks @ members @ senders
