/// Authorization of member events. v1.19 rooms/v1#authorisation-rules, `m.room.member`
module Matrix.Rules.Authorization.Memberships

open Matrix.Rules

let private senderJoined = Condition.MembershipIn(User.Sender, [ Membership.Join ])

let private senderMay level =
    Condition.Compare(Power.Of User.Sender, Relation.AtLeast, Power.Level level)

let private targetBelowSender =
    Condition.Compare(Power.Of User.StateKey, Relation.Below, Power.Of User.Sender)

let private senderIsTarget = Condition.SameUser(User.Sender, User.StateKey)

let private notJoined name =
    clause
        name
        "If the sender is not joined, reject."
        (Condition.Not senderJoined)
        (Outcome.Reject Reason.SenderNotJoined)

/// A join. v1.19 client-server-api#joining-rooms
let join =
    scope "member.join" "If the membership is join:" (Condition.MembershipIs Membership.Join) [
        clause
            "member.join.first"
            "If the only previous event is the create event, and the state key is the creator, allow."
            (Condition.And [
                Condition.OnlyPrevEventIsCreate
                Condition.SameUser(User.StateKey, User.ContentCreator)
            ])
            Outcome.Allow
        clause
            "member.join.only-self"
            "If the sender is not the state key, reject."
            (Condition.Not senderIsTarget)
            (Outcome.Reject Reason.JoinForAnother)
        clause
            "member.join.banned"
            "If the sender is banned, reject."
            (Condition.MembershipIn(User.Sender, [ Membership.Ban ]))
            (Outcome.Reject Reason.SenderBanned)
        clause
            "member.join.invited"
            "If the join rule is invite, and the sender is invited or joined, allow."
            (Condition.And [
                Condition.JoinRuleIn [ JoinRule.Invite ]
                Condition.MembershipIn(User.Sender, [ Membership.Invite; Membership.Join ])
            ])
            Outcome.Allow
        clause
            "member.join.public"
            "If the join rule is public, allow."
            (Condition.JoinRuleIn [ JoinRule.Public ])
            Outcome.Allow
        otherwise "member.join.otherwise" (Outcome.Reject Reason.JoinRuleForbids)
    ]

/// v1.19 client-server-api#mroomthird_party_invite, v1.19 server-server-api#verifying-the-invite
let private thirdParty =
    let signed = [ "third_party_invite"; "signed" ]

    scope
        "member.invite.third-party"
        "If there is a third_party_invite:"
        (Condition.ContentHas [ "third_party_invite" ])
        [
            clause
                "member.invite.third-party.banned"
                "If the target is banned, reject."
                (Condition.MembershipIn(User.StateKey, [ Membership.Ban ]))
                (Outcome.Reject Reason.TargetBanned)
            clause
                "member.invite.third-party.unsigned"
                "If third_party_invite has no signed, reject."
                (Condition.Not(Condition.ContentHas signed))
                (Outcome.Reject Reason.ThirdPartyUnsigned)
            clause
                "member.invite.third-party.incomplete"
                "If signed has no mxid or no token, reject."
                (Condition.Not(
                    Condition.And [
                        Condition.ContentHas(signed @ [ "mxid" ])
                        Condition.ContentHas(signed @ [ "token" ])
                    ]
                ))
                (Outcome.Reject Reason.ThirdPartyIncomplete)
            clause
                "member.invite.third-party.for-another"
                "If mxid is not the state key, reject."
                (Condition.Not(Condition.SameUser(User.ThirdPartyMxid, User.StateKey)))
                (Outcome.Reject Reason.ThirdPartyForAnother)
            clause
                "member.invite.third-party.token"
                "If the state has no m.room.third_party_invite with the token as its state key, reject."
                (Condition.Not Condition.ThirdPartyInviteKnown)
                (Outcome.Reject Reason.ThirdPartyTokenUnknown)
            clause
                "member.invite.third-party.inviter"
                "If the sender is not the sender of that m.room.third_party_invite, reject."
                (Condition.Not(Condition.SameUser(User.Sender, User.ThirdPartyInviter)))
                (Outcome.Reject Reason.ThirdPartyOtherInviter)
            clauseOf
                "member.invite.third-party.signature"
                "If any signature in signed is by any public key of that m.room.third_party_invite, allow."
                (Condition.Or [
                    Condition.ThirdPartySignedBy KeyPlace.Single
                    Condition.ThirdPartySignedBy KeyPlace.Listed
                ])
                Outcome.Allow
                [
                    part
                        "member.invite.third-party.signature.single"
                        "The public key in public_key."
                        (Condition.ThirdPartySignedBy KeyPlace.Single)
                    part
                        "member.invite.third-party.signature.listed"
                        "The public keys in public_keys."
                        (Condition.ThirdPartySignedBy KeyPlace.Listed)
                ]
            otherwise "member.invite.third-party.otherwise" (Outcome.Reject Reason.ThirdPartySignatureInvalid)
        ]

/// An invitation.
let invite =
    scope "member.invite" "If the membership is invite:" (Condition.MembershipIs Membership.Invite) [
        thirdParty
        notJoined "member.invite.sender-joined"
        clause
            "member.invite.target"
            "If the target is joined or banned, reject."
            (Condition.MembershipIn(User.StateKey, [ Membership.Join; Membership.Ban ]))
            (Outcome.Reject Reason.TargetJoinedOrBanned)
        clause
            "member.invite.power"
            "If the power of the sender is at least the invite level, allow."
            (senderMay NamedLevel.Invite)
            Outcome.Allow
        otherwise "member.invite.otherwise" (Outcome.Reject(Reason.PowerTooLow NamedLevel.Invite))
    ]

/// A leave: by oneself, a kick, or the lifting of a ban. v1.19 client-server-api#leaving-rooms
let leave =
    scope "member.leave" "If the membership is leave:" (Condition.MembershipIs Membership.Leave) [
        iff
            "member.leave.self"
            "If the sender is the state key, allow if and only if the sender is invited or joined."
            senderIsTarget
            (Condition.MembershipIn(User.Sender, [ Membership.Invite; Membership.Join ]))
            Reason.CannotLeaveFrom
        notJoined "member.leave.sender-joined"
        clause
            "member.leave.unban"
            "If the target is banned, and the power of the sender is below the ban level, reject."
            (Condition.And [
                Condition.MembershipIn(User.StateKey, [ Membership.Ban ])
                Condition.Compare(Power.Of User.Sender, Relation.Below, Power.Level NamedLevel.Ban)
            ])
            (Outcome.Reject(Reason.PowerTooLow NamedLevel.Ban))
        clause
            "member.leave.kick"
            "If the power of the sender is at least the kick level, and the power of the target is below that of the \
             sender, allow."
            (Condition.And [ senderMay NamedLevel.Kick; targetBelowSender ])
            Outcome.Allow
        otherwise "member.leave.otherwise" (Outcome.Reject(Reason.PowerTooLow NamedLevel.Kick))
    ]

/// A ban. v1.19 client-server-api#banning-users-in-a-room
let ban =
    scope "member.ban" "If the membership is ban:" (Condition.MembershipIs Membership.Ban) [
        notJoined "member.ban.sender-joined"
        clause
            "member.ban.power"
            "If the power of the sender is at least the ban level, and the power of the target is below that of the \
             sender, allow."
            (Condition.And [ senderMay NamedLevel.Ban; targetBelowSender ])
            Outcome.Allow
        otherwise "member.ban.otherwise" (Outcome.Reject(Reason.PowerTooLow NamedLevel.Ban))
    ]

/// Every member event.
let all =
    scope "member" "If the type is m.room.member:" (Condition.TypeIs "m.room.member") [
        clause
            "member.incomplete"
            "If there is no state key or no membership, reject."
            (Condition.Or [
                Condition.Not Condition.HasStateKey
                Condition.Not(Condition.ContentHas [ "membership" ])
            ])
            (Outcome.Reject Reason.MemberIncomplete)
        join
        invite
        leave
        ban
        otherwise "member.otherwise" (Outcome.Reject Reason.MembershipUnknown)
    ]
