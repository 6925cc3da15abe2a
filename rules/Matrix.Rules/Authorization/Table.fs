/// The authorization rules of room version 1, in order. Room version 1, "Authorisation rules".
module Matrix.Rules.Authorization.Table

open Matrix.Rules

/// Redactions, in room versions 1 and 2.
let private redaction =
    scope "redaction" "A redaction:" (Condition.TypeIs "m.room.redaction") [
        clause
            "redaction.power"
            "It is allowed if the sender's power reaches the redact level."
            (Condition.Compare(Power.Of User.Sender, Relation.AtLeast, Power.Level NamedLevel.Redact))
            Outcome.Allow
        clause
            "redaction.same-server"
            "It is allowed if its own identifier and the redacted event's are of the same server."
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
        "Only who is joined sends anything else."
        (Condition.Not(Condition.MembershipIn(User.Sender, [ Membership.Join ])))
        (Outcome.Reject Reason.SenderNotJoined)
    scope "third-party-invite" "A third-party invitation:" (Condition.TypeIs "m.room.third_party_invite") [
        iff
            "third-party-invite.power"
            "It is allowed if and only if the sender's power reaches the invite level."
            Condition.Always
            (Condition.Compare(Power.Of User.Sender, Relation.AtLeast, Power.Level NamedLevel.Invite))
            (Reason.PowerTooLow NamedLevel.Invite)
    ]
    clause
        "required-power"
        "An event is rejected if its type needs more power than the sender has."
        (Condition.Compare(Power.Required, Relation.Above, Power.Of User.Sender))
        (Outcome.Reject Reason.EventNeedsMorePower)
    clause
        "state-key-user"
        "An event is rejected if its state key begins with @ and is not the sender."
        (Condition.And [
            Condition.StateKeyStartsWith "@"
            Condition.Not(Condition.SameUser(User.StateKey, User.Sender))
        ])
        (Outcome.Reject Reason.StateKeyOfAnotherUser)
    PowerLevels.all
    redaction
    otherwise "otherwise" Outcome.Allow
]
