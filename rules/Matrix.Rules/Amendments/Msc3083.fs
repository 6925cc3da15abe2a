/// MSC3083 (room version 8). v1.19 rooms/v8#authorisation-rules, v1.19 client-server-api#restricted-rooms
module Matrix.Rules.Msc3083

open Matrix.Rules.Authorization

let private authorised =
    scope
        "member.authorised"
        "If there is a join_authorised_via_users_server:"
        (Condition.ContentHas [ "join_authorised_via_users_server" ])
        [
            clause
                "member.authorised.signature"
                "If the server of that user did not validly sign the event, reject."
                (Condition.Not(Condition.SignedByServerOf User.Authorising))
                (Outcome.Reject Reason.AuthorisingServerDidNotSign)
        ]

let private restricted =
    scope "member.join.restricted" "If the join rule is restricted:" (Condition.JoinRuleIn [ JoinRule.Restricted ]) [
        clause
            "member.join.restricted.invited"
            "If the sender is invited or joined, allow."
            (Condition.MembershipIn(User.Sender, [ Membership.Join; Membership.Invite ]))
            Outcome.Allow
        clause
            "member.join.restricted.authorising-user"
            "If the user in join_authorised_via_users_server is not joined, or does not have the power to invite, \
             reject."
            (Condition.Not(
                Condition.And [
                    Condition.MembershipIn(User.Authorising, [ Membership.Join ])
                    Condition.Compare(Power.Of User.Authorising, Relation.AtLeast, Power.Level NamedLevel.Invite)
                ]
            ))
            (Outcome.Reject Reason.JoinNotAuthorised)
        otherwise "member.join.restricted.otherwise" Outcome.Allow
    ]

/// Members of other rooms may join.
let restrictedJoins: Amendment = {
    Msc = "MSC3083"
    Title = "Members of other rooms may join"
    Why =
        "Members of named rooms may join without an invitation, if the server of a member with the power to invite \
         signs the join."
    Touches = [
        "setting/join-rules"
        "setting/extra-signers"
        "redaction/m.room.join_rules"
        "selection/authorising-user"
        "authorization/member.authorised"
        "authorization/member.authorised.signature"
        "authorization/member.join.restricted"
        "authorization/member.join.restricted.invited"
        "authorization/member.join.restricted.authorising-user"
        "authorization/member.join.restricted.otherwise"
    ]
    Changes = [
        Change.Setting(Setting.JoinRuleAdded JoinRule.Restricted)
        Change.Setting(Setting.SignerAdded ExtraSigner.AuthorisingServer)
        Change.Redaction(RedactionEdit.Keep("m.room.join_rules", [ "allow" ]))
        Change.Selection(SelectionEdit.Add AuthEventSelection.authorisingUser)
        Change.Authorization(Edit.InsertAfter("member.incomplete", authorised))
        Change.Authorization(Edit.InsertAfter("member.join.invited", restricted))
    ]
}
