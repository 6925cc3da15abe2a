/// Letting members of other rooms in, as a version's own rules have it, whatever they are called.
module Matrix.Rules.Authorization.RestrictedJoin

open Matrix.Rules

/// What the rules ask where a member lets others in.
type RestrictedJoin = {
    /// Of the room.
    Where: Condition
    /// Of the member, besides that they are joined.
    Power: Condition
}

/// The condition, of who is joined.
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

// That their server signed is asked of every member event, and by another rule.
let private readsTheAuthorisingUser (condition: Condition) : bool =
    Condition.all condition
    |> List.exists (function
        | Condition.MembershipIn(user, _) -> user = User.Authorising
        | Condition.Compare(a, _, b) -> a = Power.Of User.Authorising || b = Power.Of User.Authorising
        | _ -> false)

/// What a table asks; none if no member can let others in.
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
