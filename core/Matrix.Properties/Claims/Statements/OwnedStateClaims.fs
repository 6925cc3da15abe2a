/// What the worked example, `org.example.owned-state`, says otherwise. MSC3757
module internal Matrix.Properties.Claims.OwnedStateClaims

open Matrix.Rules
open Matrix.Properties.Claims

/// The user whose id begins the key is the sender, or has less power.
let private belongsToSenderOrLess =
    any [
        says (Condition.SameUser(User.StateKeyOwner, User.Sender))
        below (Amount.Of User.StateKeyOwner) ofSender
    ]

/// State that a user may send as far as its key goes.
let mayWrite: Statement =
    any [ never' (says (Condition.StateKeyStartsWith "@")); belongsToSenderOrLess ]

let private ofOwner: Claim =
    accepted
        "state-of-a-user-is-theirs-or-of-the-stronger"
        "State whose key begins with a user's id is sent by that user, or by a user with more power."
        "MSC3757"
        "Users can own several events of a type, and moderators can correct them."
        (all [ isInRoom; never' isMember; says (Condition.StateKeyStartsWith "@") ])
        belongsToSenderOrLess
    |> except
        "third-party-invite"
        "a third-party invitation requires the invite level only, whatever its token is"
        isThirdPartyInvite

/// The claims about sending, with state of owners.
let sending (claims: Claim list) : Claim list =
    ofOwner
    :: (claims
        |> List.map (fun claim ->
            if claim.Name = SendingClaims.stateOfUsers then
                claim
                |> except
                    "owner"
                    "text may follow the user's id, and a user with more power may also send it"
                    belongsToSenderOrLess
            else
                claim))
