/// The authorization rules of room version 1, in order. v1.19 rooms/v1#authorisation-rules
module Matrix.Rules.Authorization.Table

open Matrix.Rules

/// Redactions, in room versions 1 and 2.
let private redaction =
    scope "redaction" "If the type is m.room.redaction:" (Condition.TypeIs "m.room.redaction") [
        clause
            "redaction.power"
            "If the power of the sender is at least the redact level, allow."
            (Condition.Compare(Power.Of User.Sender, Relation.AtLeast, Power.Level NamedLevel.Redact))
            Outcome.Allow
        clause
            "redaction.same-server"
            "If the domain of the redacted event's id is the domain of its own id, allow."
            (Condition.SameServer(Server.OfRedacts, Server.OfEventId))
            Outcome.Allow
        otherwise "redaction.otherwise" (Outcome.Reject Reason.RedactionOfAnotherServer)
    ]

/// All rules, in order.
let root: Rule list = [
    CreateEvent.create
    CreateEvent.authEvents
    CreateEvent.federate
    CreateEvent.aliases
    Memberships.all
    clause
        "sender-joined"
        "If the sender is not joined, reject."
        (Condition.Not(Condition.MembershipIn(User.Sender, [ Membership.Join ])))
        (Outcome.Reject Reason.SenderNotJoined)
    scope
        "third-party-invite"
        "If the type is m.room.third_party_invite:"
        (Condition.TypeIs "m.room.third_party_invite")
        [
            iff
                "third-party-invite.power"
                "Allow if and only if the power of the sender is at least the invite level."
                Condition.Always
                (Condition.Compare(Power.Of User.Sender, Relation.AtLeast, Power.Level NamedLevel.Invite))
                (Reason.PowerTooLow NamedLevel.Invite)
        ]
    clause
        "required-power"
        "If the required power level of the event's type is above the power of the sender, reject."
        (Condition.Compare(Power.Required, Relation.Above, Power.Of User.Sender))
        (Outcome.Reject Reason.EventNeedsMorePower)
    clause
        "state-key-user"
        "If the state key begins with @ and is not the sender, reject."
        (Condition.And [
            Condition.StateKeyStartsWith "@"
            Condition.Not(Condition.SameUser(User.StateKey, User.Sender))
        ])
        (Outcome.Reject Reason.StateKeyOfAnotherUser)
    PowerLevels.all
    redaction
    otherwise "otherwise" Outcome.Allow
]
