/// Restricted joins: where a room allows them and who may authorise them, read from a version's own rules, whatever their names.
module Matrix.Rules.Authorization.RestrictedJoin

open Matrix.Rules

/// The conditions of a restricted join.
type RestrictedJoin = {
    /// On the room.
    Where: Condition
    /// On the authorising user, who must be joined besides.
    Power: Condition
}

/// The condition, if the authorising user is joined.
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

// Another rule asks every member event for the signature of that user's server.
let private readsTheAuthorisingUser (condition: Condition) : bool =
    Condition.all condition
    |> List.exists (function
        | Condition.MembershipIn(user, _) -> user = User.Authorising
        | Condition.Compare(a, _, b) -> a = Power.Of User.Authorising || b = Power.Of User.Authorising
        | _ -> false)

/// The conditions of a table; none if it has no restricted joins.
let tryFind (rules: Rule list) : RestrictedJoin option =
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
