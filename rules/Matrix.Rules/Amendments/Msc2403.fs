/// MSC2403 (room version 7). v1.19 rooms/v7#authorisation-rules, v1.19 client-server-api#knocking-on-rooms
module Matrix.Rules.Msc2403

let private knock =
    scope "member.knock" "If the membership is knock:" (Condition.MembershipIs Membership.Knock) [
        clause
            "member.knock.rule"
            "If the join rule is not knock, reject."
            (Condition.Not(Condition.JoinRuleIn [ JoinRule.Knock ]))
            (Outcome.Reject Reason.KnockRuleForbids)
        clause
            "member.knock.only-self"
            "If the sender is not the state key, reject."
            (Condition.Not(Condition.SameUser(User.Sender, User.StateKey)))
            (Outcome.Reject Reason.KnockForAnother)
        clause
            "member.knock.membership"
            "If the sender is not banned, invited or joined, allow."
            (Condition.Not(Condition.MembershipIn(User.Sender, [ Membership.Ban; Membership.Invite; Membership.Join ])))
            Outcome.Allow
        otherwise "member.knock.otherwise" (Outcome.Reject Reason.CannotKnockFrom)
    ]

/// Knocking.
let knocking: Amendment = {
    Msc = "MSC2403"
    Title = "Knocking"
    Why =
        "Users who are not invited may ask to join, by a membership and a join rule named knock. Rules say who may \
         knock and withdraw a knock."
    Touches = [
        "setting/join-rules"
        "authorization/member.join.invited"
        "authorization/member.leave.self"
        "authorization/member.knock"
        "authorization/member.knock.rule"
        "authorization/member.knock.only-self"
        "authorization/member.knock.membership"
        "authorization/member.knock.otherwise"
    ]
    Changes = [
        Change.Setting(Setting.JoinRuleAdded JoinRule.Knock)
        Change.Authorization(
            Edit.Reword(
                "member.join.invited",
                "If the join rule is invite or knock, and the sender is invited or joined, allow.",
                Condition.And [
                    Condition.JoinRuleIn [ JoinRule.Invite; JoinRule.Knock ]
                    Condition.MembershipIn(User.Sender, [ Membership.Invite; Membership.Join ])
                ]
            )
        )
        Change.Authorization(
            Edit.Reword(
                "member.leave.self",
                "If the sender is the state key, allow if and only if the sender is invited or joined, or has knocked.",
                Condition.MembershipIn(User.Sender, [ Membership.Invite; Membership.Join; Membership.Knock ])
            )
        )
        Change.Authorization(Edit.InsertAfter("member.ban", knock))
    ]
}
