/// MSC3787 (room version 10). v1.19 rooms/v10#authorisation-rules
module Matrix.Rules.Msc3787

/// Knocking where joining is restricted.
let knockRestricted: Amendment = {
    Msc = "MSC3787"
    Title = "Knocking where joining is restricted"
    Why =
        "A room could be joined by being in another room or by knocking, not by either. The join rule knock_restricted \
         allows both."
    Touches = [
        "setting/join-rules"
        "authorization/member.join.restricted"
        "authorization/member.knock.rule"
    ]
    Changes = [
        Change.Setting(Setting.JoinRuleAdded JoinRule.KnockRestricted)
        Change.Authorization(
            Edit.Reword(
                "member.join.restricted",
                "If the join rule is restricted or knock_restricted:",
                Condition.JoinRuleIn [ JoinRule.Restricted; JoinRule.KnockRestricted ]
            )
        )
        Change.Authorization(
            Edit.Reword(
                "member.knock.rule",
                "If the join rule is neither knock nor knock_restricted, reject.",
                Condition.Not(Condition.JoinRuleIn [ JoinRule.Knock; JoinRule.KnockRestricted ])
            )
        )
    ]
}
