/// Authorization of member events; room version 1. Authorization rules, "m.room.member".
module Matrix.Rules.Authorization.Memberships

open Matrix.Rules

let private senderJoined = Condition.MembershipIn(User.Sender, [ Membership.Join ])

let private senderMay level =
    Condition.Compare(Power.Of User.Sender, Relation.AtLeast, Power.Level level)

let private targetBelowSender =
    Condition.Compare(Power.Of User.StateKey, Relation.Below, Power.Of User.Sender)

let private senderIsTarget = Condition.SameUser(User.Sender, User.StateKey)

let private notJoined name =
    clause name "It is rejected if the sender is not joined." (Condition.Not senderJoined) (Outcome.Reject Reason.SenderNotJoined)

/// A join.
let join =
    scope "member.join" "A join:" (Condition.MembershipIs Membership.Join) [
        clause
            "member.join.first"
            "The creator's, right after the create event, is allowed."
            (Condition.And [
                Condition.OnlyPrevEventIsCreate
                Condition.SameUser(User.StateKey, User.ContentCreator)
            ])
            Outcome.Allow
        clause
            "member.join.only-self"
            "Users join for themselves only."
            (Condition.Not senderIsTarget)
            (Outcome.Reject Reason.JoinForAnother)
        clause
            "member.join.banned"
            "A banned user is kept out."
            (Condition.MembershipIn(User.Sender, [ Membership.Ban ]))
            (Outcome.Reject Reason.SenderBanned)
        clause
            "member.join.invited"
            "Where the join rule is invite, those who are invited or in the room already are let in."
            (Condition.And [
                Condition.JoinRuleIn [ JoinRule.Invite ]
                Condition.MembershipIn(User.Sender, [ Membership.Invite; Membership.Join ])
            ])
            Outcome.Allow
        clause
            "member.join.public"
            "Where the join rule is public, everyone is let in."
            (Condition.JoinRuleIn [ JoinRule.Public ])
            Outcome.Allow
        otherwise "member.join.otherwise" (Outcome.Reject Reason.JoinRuleForbids)
    ]

let private thirdParty =
    let signed = [ "third_party_invite"; "signed" ]

    scope
        "member.invite.third-party"
        "An invitation that answers a third-party one:"
        (Condition.ContentHas [ "third_party_invite" ])
        [
            clause
                "member.invite.third-party.banned"
                "It is rejected if the target is banned."
                (Condition.MembershipIn(User.StateKey, [ Membership.Ban ]))
                (Outcome.Reject Reason.TargetBanned)
            clause
                "member.invite.third-party.unsigned"
                "It is rejected if nothing in it is signed."
                (Condition.Not(Condition.ContentHas signed))
                (Outcome.Reject Reason.ThirdPartyUnsigned)
            clause
                "member.invite.third-party.incomplete"
                "It is rejected if what is signed names no user or no token."
                (Condition.Not(
                    Condition.And [
                        Condition.ContentHas(signed @ [ "mxid" ])
                        Condition.ContentHas(signed @ [ "token" ])
                    ]
                ))
                (Outcome.Reject Reason.ThirdPartyIncomplete)
            clause
                "member.invite.third-party.for-another"
                "It is rejected if what is signed names another user than the target."
                (Condition.Not(Condition.SameUser(User.ThirdPartyMxid, User.StateKey)))
                (Outcome.Reject Reason.ThirdPartyForAnother)
            clause
                "member.invite.third-party.token"
                "It is rejected if the room has no third-party invitation of that token."
                (Condition.Not Condition.ThirdPartyInviteKnown)
                (Outcome.Reject Reason.ThirdPartyTokenUnknown)
            clause
                "member.invite.third-party.inviter"
                "It is rejected if another user sent the third-party invitation."
                (Condition.Not(Condition.SameUser(User.Sender, User.ThirdPartyInviter)))
                (Outcome.Reject Reason.ThirdPartyOtherInviter)
            clauseOf
                "member.invite.third-party.signature"
                "It is allowed if any signature is by any key of the third-party invitation."
                (Condition.Or [
                    Condition.ThirdPartySignedBy KeyPlace.Single
                    Condition.ThirdPartySignedBy KeyPlace.Listed
                ])
                Outcome.Allow
                [
                    part
                        "member.invite.third-party.signature.single"
                        "The key in public_key."
                        (Condition.ThirdPartySignedBy KeyPlace.Single)
                    part
                        "member.invite.third-party.signature.listed"
                        "The keys in public_keys."
                        (Condition.ThirdPartySignedBy KeyPlace.Listed)
                ]
            otherwise "member.invite.third-party.otherwise" (Outcome.Reject Reason.ThirdPartySignatureInvalid)
        ]

/// An invitation.
let invite =
    scope "member.invite" "An invitation:" (Condition.MembershipIs Membership.Invite) [
        thirdParty
        notJoined "member.invite.sender-joined"
        clause
            "member.invite.target"
            "It is rejected if the target is joined or banned."
            (Condition.MembershipIn(User.StateKey, [ Membership.Join; Membership.Ban ]))
            (Outcome.Reject Reason.TargetJoinedOrBanned)
        clause
            "member.invite.power"
            "It is allowed if the sender's power reaches the invite level."
            (senderMay NamedLevel.Invite)
            Outcome.Allow
        otherwise "member.invite.otherwise" (Outcome.Reject(Reason.PowerTooLow NamedLevel.Invite))
    ]

/// A leave: by oneself, a kick, or the lifting of a ban.
let leave =
    scope "member.leave" "A leave:" (Condition.MembershipIs Membership.Leave) [
        iff
            "member.leave.self"
            "One's own is allowed if and only if one is invited or joined."
            senderIsTarget
            (Condition.MembershipIn(User.Sender, [ Membership.Invite; Membership.Join ]))
            Reason.CannotLeaveFrom
        notJoined "member.leave.sender-joined"
        clause
            "member.leave.unban"
            "Lifting a ban is rejected if the sender's power is below the ban level."
            (Condition.And [
                Condition.MembershipIn(User.StateKey, [ Membership.Ban ])
                Condition.Compare(Power.Of User.Sender, Relation.Below, Power.Level NamedLevel.Ban)
            ])
            (Outcome.Reject(Reason.PowerTooLow NamedLevel.Ban))
        clause
            "member.leave.kick"
            "It is allowed if the sender's power reaches the kick level and is above the target's."
            (Condition.And [ senderMay NamedLevel.Kick; targetBelowSender ])
            Outcome.Allow
        otherwise "member.leave.otherwise" (Outcome.Reject(Reason.PowerTooLow NamedLevel.Kick))
    ]

/// A ban.
let ban =
    scope "member.ban" "A ban:" (Condition.MembershipIs Membership.Ban) [
        notJoined "member.ban.sender-joined"
        clause
            "member.ban.power"
            "It is allowed if the sender's power reaches the ban level and is above the target's."
            (Condition.And [ senderMay NamedLevel.Ban; targetBelowSender ])
            Outcome.Allow
        otherwise "member.ban.otherwise" (Outcome.Reject(Reason.PowerTooLow NamedLevel.Ban))
    ]

/// Every member event.
let all =
    scope "member" "A member event:" (Condition.TypeIs "m.room.member") [
        clause
            "member.incomplete"
            "It is rejected without a state key or without a membership."
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
