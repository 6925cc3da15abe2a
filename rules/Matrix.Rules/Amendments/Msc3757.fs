/// MSC3757 (an open proposal; room version `org.example.owned-state`).
module Matrix.Rules.Msc3757

/// State that belongs to a user.
let ownedState: Amendment = {
    Msc = "MSC3757"
    Title = "State that belongs to a user"
    Why =
        "A user can own one event of a type, whose state key is their id, and nobody else can correct it. A key may \
         go on after the id, so that a user can own several, and those with more power may change what others own."
    Touches = [ "authorization/state-key-user" ]
    Changes = [
        Change.Authorization(
            Edit.Reword(
                "state-key-user",
                "If the state key begins with @, unless the user whose id the key is, or is up to an underscore, is \
                 the sender or has less power than the sender, reject.",
                Condition.And [
                    Condition.StateKeyStartsWith "@"
                    Condition.Not(Condition.SameUser(User.StateKeyOwner, User.Sender))
                    Condition.Not(Condition.Compare(Power.Of User.StateKeyOwner, Relation.Below, Power.Of User.Sender))
                ]
            )
        )
    ]
}
