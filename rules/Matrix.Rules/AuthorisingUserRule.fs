/// The rule about the authorising user of a restricted join, found in a version's own rules, whatever their names.
/// v1.19 rooms/v8#authorisation-rules
module Matrix.Rules.AuthorisingUserRule

open Matrix.Rules

/// What that rule requires.
type AuthorisingUserRule = {
    /// The condition on the room.
    Where: Condition
    /// The condition on the authorising user, who must also be joined.
    Power: Condition
}

/// The condition for a joined authorising user.
let rec private ofJoined (condition: Condition) : Condition =
    match condition with
    | Condition.MembershipIn(User.Authorising, memberships) ->
        if List.contains Membership.Join memberships then
            Condition.Always
        else
            Condition.Not Condition.Always
    | Condition.Not inner -> Condition.Not(ofJoined inner)
    | Condition.And parts -> Condition.And(List.map ofJoined parts)
    | Condition.Or parts -> Condition.Or(List.map ofJoined parts)
    | other -> other

// Another rule requires the signature of that user's server on every member event.
let private readsTheAuthorisingUser (condition: Condition) : bool =
    Condition.all condition
    |> List.exists (function
        | Condition.MembershipIn(user, _) -> user = User.Authorising
        | Condition.Compare(a, _, b) -> a = Power.Of User.Authorising || b = Power.Of User.Authorising
        | _ -> false)

/// The rule of a table; none if it has no restricted joins.
let tryFind (rules: Rule list) : AuthorisingUserRule option =
    Rule.all rules
    |> List.tryPick (function
        | Rule.Scope(_, where, inside) ->
            inside
            |> List.tryPick (function
                | Rule.Clause(_, refused, Outcome.Reject _, _) when readsTheAuthorisingUser refused ->
                    Some {
                        Where = where
                        Power = Condition.Not(ofJoined refused)
                    }
                | _ -> None)
        | _ -> None)
