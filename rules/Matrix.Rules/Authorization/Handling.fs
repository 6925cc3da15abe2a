/// Which accepted redactions are applied, and which redactions clients may request. v1.19 rooms/v3#handling-redactions
module Matrix.Rules.Authorization.Handling

open Matrix.Rules

let private reachesRedactLevel =
    Condition.Compare(Power.Of User.Sender, Relation.AtLeast, Power.Level NamedLevel.Redact)

/// Room versions 1 and 2: the authorization rules have already decided who may redact.
let root: Rule list = [
    clause "redaction.applied.otherwise" "Apply every redaction." Condition.Always Outcome.Allow
]

/// A redaction is applied by the power of its sender. Since room version 3.
let byPower =
    clause
        "redaction.applied.power"
        "If the power of the sender is at least the redact level, apply it."
        reachesRedactLevel
        Outcome.Allow

/// A redaction is applied to the events of its sender's server. Since room version 3.
let bySameServer =
    clause
        "redaction.applied.same-server"
        "If the domain of the sender is the domain of the redacted event's sender, apply it."
        (Condition.SameServer(Server.Of User.Sender, Server.Of User.RedactedSender))
        Outcome.Allow

/// No other redaction is applied. Since room version 3.
let notOtherwise =
    clause
        "redaction.applied.otherwise"
        "Otherwise, do not apply it."
        Condition.Always
        (Outcome.Reject(Reason.PowerTooLow NamedLevel.Redact))

/// The redactions that a user's own server accepts: fewer than servers apply. v1.19 client-server-api#redactions
let ofClients: Rule list = [
    clause
        "redaction.asked.own"
        "Users may redact their own events."
        (Condition.SameUser(User.Sender, User.RedactedSender))
        Outcome.Allow
    clause
        "redaction.asked.power"
        "Users whose power is at least the redact level may redact the events of others."
        reachesRedactLevel
        Outcome.Allow
    clause
        "redaction.asked.otherwise"
        "Otherwise, users may not redact the event."
        Condition.Always
        (Outcome.Reject(Reason.PowerTooLow NamedLevel.Redact))
]
