/// Events other than create, member and power levels events.
module internal Matrix.Properties.Claims.SendingClaims

open Matrix.Rules
open Matrix.Properties.Claims

/// State of a user, by its key: whose it is is checked for all types with no rule of their own for it.
let private isStateOfUser =
    all [ isInRoom; never' isMember; says (Condition.StateKeyStartsWith "@") ]

/// The name of the claim about state of users, which an unstable version changes.
let stateOfUsers = "state-of-a-user-is-their-own"

let claims: Claim list = [
    accepted
        "events-need-the-power-for-their-type"
        "The sender of an event has the power that its type requires."
        (rulesOf 1)
        "A room chooses who sends what."
        isInRoom
        (senderReaches Amount.Required)
    |> except "member" "member events have rules of their own" isMember
    |> except "third-party-invite" "a third-party invitation requires the invite level only" isThirdPartyInvite
    |> exceptIn 1 5 "aliases" "aliases require no power" isAliases

    accepted
        "third-party-invitations-need-the-power-to-invite"
        "The sender of a third-party invitation has the power to invite."
        (rulesOf 1)
        "It will become an invitation."
        isThirdPartyInvite
        (senderReaches (level NamedLevel.Invite))

    accepted
        stateOfUsers
        "State whose key begins with @ is sent by the user whose id the key is."
        (rulesOf 1)
        "Users can own state that nobody else changes."
        isStateOfUser
        isOwn
    |> except
        "third-party-invite"
        "a third-party invitation requires the invite level only, whatever its token is"
        isThirdPartyInvite

    accepted
        "aliases-are-of-the-senders-server"
        "Aliases are set by users of the server in their state key."
        (rulesOf 1)
        "A server's aliases are that server's to give."
        isAliases
        (says (Condition.SameServer(Server.Of User.Sender, Server.InStateKey)))
    |> until 5

    accepted
        "redactions-need-power-or-the-same-server"
        "The sender of a redaction has the power to redact, or the redacted event is from the same server."
        (rulesOf 1)
        "What others wrote is taken away by moderators only; a server answers for its own users."
        isRedaction
        (any [
            senderReaches (level NamedLevel.Redact)
            says (Condition.SameServer(Server.OfRedacts, Server.OfEventId))
        ])
    |> until 2
]
