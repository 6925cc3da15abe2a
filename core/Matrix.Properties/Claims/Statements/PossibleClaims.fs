/// What users can do. Other claims say who alone may do something; together they say when each kind of event is
/// accepted.
module internal Matrix.Properties.Claims.PossibleClaims

open Matrix.Rules
open Matrix.Properties.Claims

let private isJoined = senderIs [ Membership.Join ]

let private joins: Claim list =
    let rules: (JoinRule * string * int) list = [
        JoinRule.Invite, "invite", 1
        JoinRule.Knock, "knock", 7
        JoinRule.Restricted, "restricted", 8
        JoinRule.KnockRestricted, "knock_restricted", 10
    ]

    let first condition =
        possibleMember
            "the-creator-joins-first"
            "The creator can join right after the create event."
            (rulesOf 1)
            "A room begins with a member."
            Membership.Join
            condition

    [
        yield! first creatorJoinsFirst |> List.map (until 11)
        yield! first createSenderJoinsFirst |> List.map (since 12)

        yield!
            possibleMember
                "anyone-joins-a-public-room"
                "Where the join rule is public, every user who is not banned can join."
                (rulesOf 1)
                "Public rooms are open."
                Membership.Join
                (all [ isOwn; joinRuleIs JoinRule.Public; never' (senderIs [ Membership.Ban ]) ])

        for rule, word, version in rules do
            let name = word.Replace('_', '-')

            yield!
                possibleMember
                    $"the-invited-can-join-where-the-rule-is-{name}"
                    $"Where the join rule is {word}, invited and joined users can join."
                    (rulesOf version)
                    "An invitation can be accepted, and members can change their profiles."
                    Membership.Join
                    (all [ isOwn; joinRuleIs rule; senderIs [ Membership.Invite; Membership.Join ] ])
                |> List.map (since version)

            if version >= 8 then
                yield!
                    possibleMember
                        $"outsiders-with-an-authorising-user-can-join-where-the-rule-is-{name}"
                        $"Where the join rule is {word}, every user can join who is not banned and names a member with \
                          the power to invite as authorising user."
                        (rulesOf version)
                        "Members of other rooms can come in without an invitation."
                        Membership.Join
                        (all [
                            isOwn
                            joinRuleIs rule
                            never' (senderIs [ Membership.Ban ])
                            hasAuthorisingMember
                        ])
                    |> List.map (since version)
    ]
    |> List.filter (fun claim -> claim.Since <= claim.Until)

let private others: Claim list =
    let knock rules =
        possibleMember
            "outsiders-can-knock"
            "Where the join rule allows knocking, every user can knock who is not banned, invited or joined."
            (rulesOf 7)
            "Strangers may ask to come in."
            Membership.Knock
            (all [
                isOwn
                says (Condition.JoinRuleIn rules)
                never' (senderIs [ Membership.Ban; Membership.Invite; Membership.Join ])
            ])

    [
        yield!
            possibleMember
                "members-with-the-power-can-invite"
                "A member with the power to invite can invite any user who is neither joined nor banned."
                (rulesOf 1)
                "Members choose who comes in."
                Membership.Invite
                (all [
                    never' (has "third_party_invite")
                    isJoined
                    senderReaches (level NamedLevel.Invite)
                    never' (targetIs [ Membership.Join; Membership.Ban ])
                ])

        yield!
            possibleMember
                "third-party-invitations-can-be-redeemed"
                "The sender of a third-party invitation can invite the user for whom its key signed, unless that user \
                 is banned."
                (rulesOf 1)
                "The invited find their invitation when they have an account, whatever became of the inviter."
                Membership.Invite
                (all [
                    says (Condition.SameUser(User.ThirdPartyMxid, User.StateKey))
                    says (Condition.SameUser(User.Sender, User.ThirdPartyInviter))
                    any [
                        says (Condition.ThirdPartySignedBy KeyPlace.Single)
                        says (Condition.ThirdPartySignedBy KeyPlace.Listed)
                    ]
                    never' (targetIs [ Membership.Ban ])
                ])

        yield!
            possibleMember
                "everyone-inside-can-leave"
                "Invited and joined users can leave, whatever their power."
                (rulesOf 1)
                "Nobody is kept in a room."
                Membership.Leave
                (all [ isOwn; senderIs [ Membership.Invite; Membership.Join ] ])

        yield!
            possibleMember
                "a-knock-can-be-withdrawn"
                "A knock can be withdrawn."
                (rulesOf 7)
                "A request is not held against the user."
                Membership.Leave
                (all [ isOwn; senderIs [ Membership.Knock ] ])
            |> List.map (since 7)

        yield!
            possibleMember
                "the-stronger-can-remove"
                "A member with the power to kick can remove any user with less power who is not banned."
                (rulesOf 1)
                "Rooms can be moderated."
                Membership.Leave
                (all [
                    never' isOwn
                    isJoined
                    never' (targetIs [ Membership.Ban ])
                    senderReaches (level NamedLevel.Kick)
                    above ofSender ofTarget
                ])

        yield!
            possibleMember
                "the-stronger-can-lift-a-ban"
                "A member with the power to ban and to kick can lift the ban of any user with less power."
                (rulesOf 1)
                "A ban can be forgiven."
                Membership.Leave
                (all [
                    never' isOwn
                    isJoined
                    targetIs [ Membership.Ban ]
                    senderReaches (level NamedLevel.Ban)
                    senderReaches (level NamedLevel.Kick)
                    above ofSender ofTarget
                ])

        yield!
            possibleMember
                "the-stronger-can-ban"
                "A member with the power to ban can ban any user with less power."
                (rulesOf 1)
                "Rooms can be moderated."
                Membership.Ban
                (all [ isJoined; senderReaches (level NamedLevel.Ban); above ofSender ofTarget ])

        yield! knock [ JoinRule.Knock ] |> List.map (since 7 >> until 9)

        yield! knock [ JoinRule.Knock; JoinRule.KnockRestricted ] |> List.map (since 10)
    ]
    |> List.filter (fun claim -> claim.Since <= claim.Until)

/// State that a user may send as far as its key goes: it does not begin with @, or is their own.
let mayWriteAsOwner: Statement =
    any [ never' (says (Condition.StateKeyStartsWith "@")); isOwn ]

let private isPlain: Statement list = [ isInRoom; never' isMember; never' isThirdPartyInvite; never' isLevels ]

let private sending (mayWrite: Statement) : Claim list =
    let maySend = all [ isJoined; senderReaches Amount.Required; mayWrite ]

    let suffices (others: Statement list) =
        possible
            "the-power-for-a-type-suffices"
            "A member with the power that an event's type requires can send it, if its type has no rules of its own \
             and its state key is not another user's."
            (rulesOf 1)
            "Anything that no rule restricts is allowed, so that there can be new kinds of events."
            (all (isPlain @ others))
            maySend

    [
        yield! suffices [ never' isAliases; never' isRedaction ] |> List.map (until 2)
        yield! suffices [ never' isAliases ] |> List.map (since 3 >> until 5)
        yield! suffices [] |> List.map (since 6)

        yield!
            possible
                "members-with-the-power-can-invite-third-parties"
                "A member with the power to invite can send a third-party invitation."
                (rulesOf 1)
                "Users without an account can be invited."
                isThirdPartyInvite
                (all [ isJoined; senderReaches (level NamedLevel.Invite) ])

        yield!
            possible
                "everyone-can-set-the-aliases-of-their-server"
                "Every user can set the aliases of their own server."
                (rulesOf 1)
                "Servers say which names they gave a room, also if their users are not in it."
                isAliases
                (says (Condition.SameServer(Server.Of User.Sender, Server.InStateKey)))
            |> List.map (until 5)

        yield!
            possible
                "redactions-are-possible"
                "A member with the power that redactions require can redact events of their own server and, with the \
                 power to redact, all others."
                (rulesOf 1)
                "What was written can be taken away."
                isRedaction
                (all [
                    maySend
                    any [
                        senderReaches (level NamedLevel.Redact)
                        says (Condition.SameServer(Server.OfRedacts, Server.OfEventId))
                    ]
                ])
            |> List.map (until 2)
    ]
    |> List.filter (fun claim -> claim.Since <= claim.Until)

/// Where levels are read as in this span, what well-formed power levels are.
let private wellFormed: (int * int * Statement) list = [
    1, 9, usersAreLevels
    10, 11, all [ usersAreLevels; namedAreIntegers; mapsAreIntegers ]
    12, Newest, all [ usersAreLevels; namedAreIntegers; mapsAreIntegers; namesNoCreator ]
]

/// What is new is a level, and within the sender's power.
let private reach: (int * int * Statement) list =
    let within maps =
        all [
            everyNamed isWithinReach
            everyEntryOf maps isWithinReach
            everyEntryOf
                [ "users" ]
                (any [
                    keepsLevel
                    all [
                        any [ isOwnEntry; never' (atLeast Amount.EntryBefore ofSender) ]
                        never' (above Amount.EntryAfter ofSender)
                    ]
                ])
        ]

    let events = [ "events" ]
    let both = [ "events"; "notifications" ]

    [
        1, 5, all [ newOnesAreLevels events; within events ]
        6, 9, all [ newOnesAreLevels both; within both ]
        10, Newest, within both
    ]

let private changing (mayWrite: Statement) : Claim list =
    let maySend = all [ isJoined; senderReaches Amount.Required; mayWrite ]

    [
        for first, last, isWellFormed in wellFormed do
            yield!
                possible
                    "the-first-power-levels-can-be-any"
                    "A member with the power that power levels require can send the room's first, if they are well \
                     formed."
                    (rulesOf 1)
                    "Whoever founds a room orders it."
                    isLevels
                    (all [ never' hasLevels; maySend; isWellFormed ])
                |> List.map (since first >> until last)

            for firstReach, lastReach, isInReach in reach do
                yield!
                    possible
                        "levels-within-reach-can-be-changed"
                        "A member with the power that power levels require can change, add and remove all levels up \
                         to their own power, their own entry included."
                        (rulesOf 1)
                        "Power can be shared, and given up."
                        isLevels
                        (all [ hasLevels; maySend; isWellFormed; isInReach ])
                    |> List.map (since (max first firstReach) >> until (min last lastReach))

            if first = 12 then
                yield!
                    possible
                        "creators-can-set-any-levels"
                        "A creator who is a member can set any well-formed levels."
                        (rulesOf 12)
                        "A creator's power is above all levels."
                        isLevels
                        (all [ Statement.Creator User.Sender; isJoined; mayWrite; isWellFormed ])
                    |> List.map (since 12)
    ]
    |> List.filter (fun claim -> claim.Since <= claim.Until)

/// The claims, where state keys that begin with @ are written as this says.
let claims (mayWrite: Statement) : Claim list =
    joins @ others @ sending mayWrite @ changing mayWrite
