/// Joins, invitations, leaves, bans and knocks.
module internal Matrix.Properties.SmallWorlds.MembershipInvariants

open Matrix.Rules
open Matrix.Properties.SmallWorlds

let private member' = "m.room.member"

let private hasKnocks = since 7
let private hasRestricted = since 8
let private hasKnockRestricted = since 10

/// The creator's join right after the create event.
let isFirstJoin (s: Scene) =
    s.Makes "join"
    && s.IsRightAfterCreate
    && (match s.Create with
        | null -> false
        | create ->
            if until 10 s.Version then
                System.String.Equals(create.Pdu.Content.Text "creator", s.Target)
            else
                System.String.Equals(create.Pdu.Sender, s.Target))

let private first =
    except "first-join" "the creator's join right after the create event is allowed before any other check" isFirstJoin

/// Whether a membership is one of these.
let isIn (places: Membership list) (place: Membership) = List.contains place places

let private insideOrInvited (s: Scene) =
    s.MembershipOf s.Target |> isIn [ Membership.Join; Membership.Invite ]

/// Whether the event redeems a third-party invitation.
let answersThirdParty (s: Scene) =
    s.Makes "invite" && s.Has "third_party_invite"

let private whenJoined name rule meaning holds =
    invariant name member' meaning (fun s -> s.Allowed && s.Makes "join" && s.JoinRule = rule) holds

let private joins: Invariant list = [
    invariant
        "join.self"
        member'
        "Only the user themselves can send their join."
        (fun s -> s.Allowed && s.Makes "join")
        _.IsOwn
    |> except "first-join" "the rule for the creator's first join does not check the sender" isFirstJoin

    invariant "join.not-banned" member' "A banned user cannot join." (fun s -> s.Allowed && s.Makes "join") (fun s ->
        s.MembershipOf s.Target <> Membership.Ban)
    |> first

    whenJoined
        "join.invite-rule"
        "invite"
        "Where the join rule is invite, only invited and joined users join."
        insideOrInvited
    |> first

    whenJoined
        "join.knock-rule"
        "knock"
        "Where the join rule is knock, only invited and joined users join."
        insideOrInvited
    |> inVersions hasKnocks
    |> first

    whenJoined
        "join.restricted-rule"
        "restricted"
        "Where the join rule is restricted, only invited and joined users join, and users with an authorising user \
         who is a member with the power to invite."
        (fun s ->
            insideOrInvited s
            || (match s.Text "join_authorised_via_users_server" with
                | null -> false
                | user ->
                    s.MembershipOf user = Membership.Join
                    && s.Power user >= s.Levels.Invite
                    && s.SignedFor user))
    |> inVersions hasRestricted
    |> first

    whenJoined
        "join.knock-restricted-rule"
        "knock_restricted"
        "Where the join rule is knock_restricted, only invited and joined users join, and users with an authorising \
         user who is a member with the power to invite."
        (fun s ->
            insideOrInvited s
            || (match s.Text "join_authorised_via_users_server" with
                | null -> false
                | user ->
                    s.MembershipOf user = Membership.Join
                    && s.Power user >= s.Levels.Invite
                    && s.SignedFor user))
    |> inVersions (hasKnockRestricted)
    |> first

    invariant
        "join.meaningless-rule"
        member'
        "Where the version does not know the join rule, nobody joins, not even joined users."
        (fun s ->
            s.Allowed
            && s.Makes "join"
            && (match s.JoinRule with
                | "public"
                | "invite" -> false
                | "knock" -> not (hasKnocks s.Version)
                | "restricted" -> not (hasRestricted s.Version)
                | "knock_restricted" -> not (hasKnockRestricted s.Version)
                | _ -> true))
        (fun _ -> false)
    |> first

    invariant
        "member.authorised-is-signed"
        member'
        "An event that names an authorising user is signed by that user's server."
        (fun s -> s.Allowed && s.Has "join_authorised_via_users_server")
        (fun s ->
            match s.Text "join_authorised_via_users_server" with
            | null -> false
            | user -> s.SignedFor user)
    |> inVersions hasRestricted
]

let private invitations: Invariant list = [
    invariant
        "invite.outsiders-only"
        member'
        "Joined and banned users are not invited."
        (fun s -> s.Allowed && s.Makes "invite")
        (fun s -> not (s.MembershipOf s.Target |> isIn [ Membership.Join; Membership.Ban ]))
    |> except
        "third-party"
        "the rule for redeeming a third-party invitation does not check the target's membership: a joined user \
         becomes invited"
        (fun s -> answersThirdParty s && s.MembershipOf s.Target = Membership.Join)

    invariant "invite.by-members" member' "Only members invite." (fun s -> s.Allowed && s.Makes "invite") (fun s ->
        s.MembershipOf s.Sender = Membership.Join)
    |> except
        "third-party"
        "the rule for redeeming a third-party invitation does not check that its sender is still in the room"
        answersThirdParty

    invariant
        "invite.power"
        member'
        "The sender of an invitation has the power to invite."
        (fun s -> s.Allowed && s.Makes "invite")
        (fun s -> s.Power s.Sender >= s.Levels.Invite)
    |> except
        "third-party"
        "redeeming a third-party invitation requires no power: the third-party invitation did"
        answersThirdParty

    invariant
        "invite.third-party"
        member'
        "A redeemed third-party invitation is for the user in its signed part, is sent by the sender of the \
         third-party invitation, and is signed with one of its keys."
        (fun s -> s.Allowed && answersThirdParty s)
        (fun s ->
            match s.Invitation with
            | null -> false
            | invitation ->
                invitation.Pdu.Sender = s.Sender
                && s.IsSignedFor s.Target
                && Matrix.Core.Auth.ThirdPartyKeys.all invitation.Pdu
                   |> Array.exists (fun key -> Array.contains key s.Facts.ThirdPartyKeys))
]

let private leaves: Invariant list = [
    invariant
        "leave.from-inside"
        member'
        "Only invited, joined and knocking users leave."
        (fun s -> s.Allowed && s.Makes "leave" && s.IsOwn)
        (fun s ->
            match s.MembershipOf s.Sender with
            | Membership.Invite
            | Membership.Join -> true
            | Membership.Knock -> hasKnocks s.Version
            | _ -> false)

    invariant
        "kick.by-the-stronger"
        member'
        "Only members with the power to kick, and more power than the target, remove other users."
        (fun s -> s.Allowed && s.Makes "leave" && not s.IsOwn)
        (fun s ->
            s.MembershipOf s.Sender = Membership.Join
            && s.Power s.Sender >= s.Levels.Kick
            && s.Power s.Sender > s.Power s.Target)

    canHappen
        "kick.of-those-outside"
        member'
        "A user is removed who is not in the room: the user left, or never was in it."
        (fun s ->
            s.Makes "leave"
            && not s.IsOwn
            && (s.MembershipOf s.Target |> isIn [ Membership.Absent; Membership.Leave ]))

    invariant
        "unban.power"
        member'
        "The sender of an unban has the power to ban."
        (fun s -> s.Allowed && s.Makes "leave" && s.MembershipOf s.Target = Membership.Ban)
        (fun s -> s.Power s.Sender >= s.Levels.Ban)

    invariant
        "unban.not-own"
        member'
        "Nobody lifts their own ban."
        (fun s -> s.Allowed && s.Makes "leave" && s.MembershipOf s.Target = Membership.Ban)
        (fun s -> not s.IsOwn)
]

let private bans: Invariant list = [
    invariant
        "ban.by-the-stronger"
        member'
        "Only members with the power to ban, and more power than the target, ban users."
        (fun s -> s.Allowed && s.Makes "ban")
        (fun s ->
            s.MembershipOf s.Sender = Membership.Join
            && s.Power s.Sender >= s.Levels.Ban
            && s.Power s.Sender > s.Power s.Target)

    invariant "ban.not-oneself" member' "Nobody bans themselves." (fun s -> s.Allowed && s.Makes "ban") (fun s ->
        not s.IsOwn)

    invariant
        "creators.not-removed"
        member'
        "Nobody removes or bans a creator of the room."
        (fun s -> s.Allowed && not s.IsOwn && (s.Makes "ban" || s.Makes "leave"))
        (fun s -> not (s.IsCreator s.Target))
    |> exceptIn
        (until 11)
        "equals-later"
        "once there are power levels, a creator has no more power than these give, which may be less than the sender's"
        (fun s -> s.HasLevels && s.Levels.OfUser(string s.Target) < s.Power s.Sender)
]

let private allowedKnocks: Invariant list = [
    invariant
        "knock.self"
        member'
        "Only the user themselves can send their knock."
        (fun s -> s.Allowed && s.Makes "knock")
        _.IsOwn

    invariant
        "knock.rule"
        member'
        "A user knocks only where the join rule allows it."
        (fun s -> s.Allowed && s.Makes "knock")
        (fun s ->
            match s.JoinRule with
            | "knock" -> hasKnocks s.Version
            | "knock_restricted" -> hasKnockRestricted s.Version
            | _ -> false)

    invariant
        "knock.from-outside"
        member'
        "Banned, invited and joined users do not knock."
        (fun s -> s.Allowed && s.Makes "knock")
        (fun s ->
            not (
                s.MembershipOf s.Sender
                |> isIn [ Membership.Ban; Membership.Invite; Membership.Join ]
            ))
]

let private knocks: Invariant list =
    (allowedKnocks |> List.map (inVersions hasKnocks))
    @ [
        invariant "knock.unknown-at-first" member' "Nobody knocks in versions without knocking." _.Allowed (fun s ->
            not (s.Makes "knock"))
        |> inVersions (hasKnocks >> not)
    ]

let private members: Invariant list = [
    accepted "member.complete" member' "A member event has a state key and a membership." (fun s ->
        not (isNull s.Target) && s.Has "membership")

    accepted "member.known" member' "A membership is join, invite, leave, ban or knock." (fun s ->
        match s.Text "membership" with
        | "join"
        | "invite"
        | "leave"
        | "ban"
        | "knock" -> true
        | _ -> false)

    invariant
        "member.of-others"
        member'
        "The membership that a user sets for another is invite, leave or ban."
        (fun s -> s.Allowed && not s.IsOwn)
        (fun s -> s.Makes "invite" || s.Makes "leave" || s.Makes "ban")
    |> except "first-join" "the rule for the creator's first join does not check the sender" isFirstJoin

    accepted "sender.joined" notCreate "Only members send events." (fun s -> s.MembershipOf s.Sender = Membership.Join)
    |> except "join" "a user joins from outside" (fun s -> s.Makes "join" && s.IsOwn)
    |> except "first-join" "the rule for the creator's first join does not check the sender" (fun s ->
        isFirstJoin s && not s.IsOwn)
    |> except "decline" "an invitation is declined and a knock withdrawn from outside" (fun s ->
        s.Makes "leave"
        && s.IsOwn
        && (s.MembershipOf s.Sender = Membership.Invite
            || hasKnocks s.Version && s.MembershipOf s.Sender = Membership.Knock))
    |> exceptIn hasKnocks "knock" "a user knocks from outside" (fun s -> s.Makes "knock")
    |> except
        "third-party"
        "the rule for redeeming a third-party invitation does not check that its sender is in the room"
        answersThirdParty
    |> exceptIn (until 5) "aliases" "the rule for aliases does not check that the sender is in the room" (fun s ->
        s.IsOf "m.room.aliases")

    invariant
        "sender.not-banned"
        notCreate
        "A banned user sends no events."
        (fun s -> s.MembershipOf s.Sender = Membership.Ban)
        (fun s -> not s.Allowed)
    |> except
        "first-join"
        "the creator's join right after the create event is allowed before the check for bans"
        isFirstJoin
    |> except
        "third-party"
        "the rule for redeeming a third-party invitation does not check whether its sender is banned"
        answersThirdParty
    |> exceptIn (until 5) "aliases" "the rule for aliases does not check whether the sender is banned" (fun s ->
        s.IsOf "m.room.aliases")

    invariant
        "sender.invited"
        notCreate
        "An invited user sends only a join or a leave of their own."
        (fun s -> s.Allowed && s.MembershipOf s.Sender = Membership.Invite)
        (fun s -> s.IsOwn && (s.Makes "join" || s.Makes "leave"))
    |> except "first-join" "the rule for the creator's first join does not check the sender" isFirstJoin
    |> except
        "third-party"
        "the rule for redeeming a third-party invitation does not check that its sender is in the room"
        answersThirdParty
    |> exceptIn (until 5) "aliases" "the rule for aliases does not check that the sender is in the room" (fun s ->
        s.IsOf "m.room.aliases")
]

let all: Invariant list = joins @ invitations @ leaves @ bans @ knocks @ members
