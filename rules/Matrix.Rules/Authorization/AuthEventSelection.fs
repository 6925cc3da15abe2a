/// The events that an event of room version 1 must have in `auth_events`. v1.19 server-server-api#auth-events-selection
module Matrix.Rules.Authorization.AuthEventSelection

open Matrix.Rules

let private select name text eventType key condition = {
    Name = name
    Text = text
    Type = eventType
    Key = key
    When = condition
}

let private member' (memberships: Membership list) (more: Condition list) =
    Condition.And(
        Condition.TypeIs "m.room.member"
        :: Condition.Or(memberships |> List.map Condition.MembershipIs)
        :: more
    )

/// The whole selection of room version 1.
let root: Selection list = [
    select "create" "The create event." "m.room.create" SelectionKey.Empty Condition.Always
    select "power-levels" "The power levels." "m.room.power_levels" SelectionKey.Empty Condition.Always
    select "sender" "The sender's membership." "m.room.member" (SelectionKey.User User.Sender) Condition.Always
    select
        "target"
        "For a member event, the target's membership."
        "m.room.member"
        (SelectionKey.User User.StateKey)
        (Condition.TypeIs "m.room.member")
    select
        "join-rules"
        "For a join, an invitation and a knock, the join rules."
        "m.room.join_rules"
        SelectionKey.Empty
        (member' [ Membership.Join; Membership.Invite; Membership.Knock ] [])
    select
        "third-party-invite"
        "For an invitation with third_party_invite, the m.room.third_party_invite that its token names."
        "m.room.third_party_invite"
        SelectionKey.ThirdPartyToken
        (member' [ Membership.Invite ] [ Condition.ContentHas [ "third_party_invite" ] ])
]

/// For a join with `join_authorised_via_users_server`, that user's membership. Since room version 8.
let authorisingUser: Selection =
    select
        "authorising-user"
        "For a join with join_authorised_via_users_server, that user's membership."
        "m.room.member"
        (SelectionKey.User User.Authorising)
        (member' [ Membership.Join ] [ Condition.ContentHas [ "join_authorised_via_users_server" ] ])
