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
    except
        "first-join"
        "the creator's join right after the create event is allowed before anything else is asked"
        isFirstJoin

/// Whether a place is one of these.
let isIn (places: Membership list) (place: Membership) = List.contains place places

let private insideOrInvited (s: Scene) =
    s.Place s.Target |> isIn [ Membership.Join; Membership.Invite ]

/// Whether a third-party invitation is answered.
let answersThirdParty (s: Scene) =
    s.Makes "invite" && s.Has "third_party_invite"

let private whenJoined name rule meaning holds =
    invariant name member' meaning (fun s -> s.Allowed && s.Makes "join" && s.JoinRule = rule) holds

let private joins: Invariant list = [
    invariant "join.self" member' "Users join for themselves only." (fun s -> s.Allowed && s.Makes "join") _.IsOwn
    |> except "first-join" "the rule for the creator's first join does not ask who sends it" isFirstJoin

    invariant "join.not-banned" member' "A banned user does not join." (fun s -> s.Allowed && s.Makes "join") (fun s ->
        s.Place s.Target <> Membership.Ban)
    |> first

    whenJoined
        "join.invite-rule"
        "invite"
        "Where the join rule is invite, only those join who are invited or inside."
        insideOrInvited
    |> first

    whenJoined
        "join.knock-rule"
        "knock"
        "Where the join rule is knock, only those join who are invited or inside."
        insideOrInvited
    |> inVersions hasKnocks
    |> first

    whenJoined
        "join.restricted-rule"
        "restricted"
        "Where the join rule is restricted, those join who are invited or inside, or whom a member with the power to invite lets in."
        (fun s ->
            insideOrInvited s
            || (match s.Text "join_authorised_via_users_server" with
                | null -> false
                | user ->
                    s.Place user = Membership.Join
                    && s.Power user >= s.Levels.Invite
                    && s.SignedFor user))
    |> inVersions hasRestricted
    |> first

    whenJoined
        "join.knock-restricted-rule"
        "knock_restricted"
        "Where the join rule is knock_restricted, those join who are invited or inside, or whom a member with the power to invite lets in."
        (fun s ->
            insideOrInvited s
            || (match s.Text "join_authorised_via_users_server" with
                | null -> false
                | user ->
                    s.Place user = Membership.Join
                    && s.Power user >= s.Levels.Invite
                    && s.SignedFor user))
    |> inVersions (hasKnockRestricted)
    |> first

    invariant
        "join.meaningless-rule"
        member'
        "Where the join rule means nothing in the version, nobody joins, not even who is inside."
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
        "Whoever names an authorising user has the signature of that user's server."
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
        "Nobody is invited who is in the room or banned."
        (fun s -> s.Allowed && s.Makes "invite")
        (fun s -> not (s.Place s.Target |> isIn [ Membership.Join; Membership.Ban ]))
    |> except
        "third-party"
        "an answer to a third-party invitation is not asked whether the target is in the room: it turns a member into someone invited"
        (fun s -> answersThirdParty s && s.Place s.Target = Membership.Join)

    invariant "invite.by-members" member' "Only members invite." (fun s -> s.Allowed && s.Makes "invite") (fun s ->
        s.Place s.Sender = Membership.Join)
    |> except
        "third-party"
        "an answer to a third-party invitation is not asked whether its sender is still in the room"
        answersThirdParty

    invariant "invite.power" member' "Who invites has the power to." (fun s -> s.Allowed && s.Makes "invite") (fun s ->
        s.Power s.Sender >= s.Levels.Invite)
    |> except
        "third-party"
        "an answer to a third-party invitation needs no power: the invitation needed it"
        answersThirdParty

    invariant
        "invite.third-party"
        member'
        "An answer to a third-party invitation is for the user that was signed for, by who sent the invitation, and signed with its key."
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
        "One leaves only what one was invited to, has joined or has knocked on."
        (fun s -> s.Allowed && s.Makes "leave" && s.IsOwn)
        (fun s ->
            match s.Place s.Sender with
            | Membership.Invite
            | Membership.Join -> true
            | Membership.Knock -> hasKnocks s.Version
            | _ -> false)

    invariant
        "kick.by-the-stronger"
        member'
        "Only members remove others, with the power to kick and more power than theirs."
        (fun s -> s.Allowed && s.Makes "leave" && not s.IsOwn)
        (fun s ->
            s.Place s.Sender = Membership.Join
            && s.Power s.Sender >= s.Levels.Kick
            && s.Power s.Sender > s.Power s.Target)

    canHappen
        "kick.of-those-outside"
        member'
        "Somebody is removed who is not in the room: who left, or was never there."
        (fun s ->
            s.Makes "leave"
            && not s.IsOwn
            && (s.Place s.Target |> isIn [ Membership.Absent; Membership.Leave ]))

    invariant
        "unban.power"
        member'
        "Who lifts a ban has the power to ban."
        (fun s -> s.Allowed && s.Makes "leave" && s.Place s.Target = Membership.Ban)
        (fun s -> s.Power s.Sender >= s.Levels.Ban)

    invariant
        "unban.not-own"
        member'
        "Nobody lifts their own ban."
        (fun s -> s.Allowed && s.Makes "leave" && s.Place s.Target = Membership.Ban)
        (fun s -> not s.IsOwn)
]

let private bans: Invariant list = [
    invariant
        "ban.by-the-stronger"
        member'
        "Only members ban, with the power to ban and more power than the banned."
        (fun s -> s.Allowed && s.Makes "ban")
        (fun s ->
            s.Place s.Sender = Membership.Join
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
        "once there are power levels, having created the room is worth nothing"
        _.HasLevels
]

let private allowedKnocks: Invariant list = [
    invariant "knock.self" member' "Users knock for themselves only." (fun s -> s.Allowed && s.Makes "knock") _.IsOwn

    invariant
        "knock.rule"
        member'
        "One knocks only where the join rule allows it."
        (fun s -> s.Allowed && s.Makes "knock")
        (fun s ->
            match s.JoinRule with
            | "knock" -> hasKnocks s.Version
            | "knock_restricted" -> hasKnockRestricted s.Version
            | _ -> false)

    invariant
        "knock.from-outside"
        member'
        "Nobody knocks who is banned, invited or inside."
        (fun s -> s.Allowed && s.Makes "knock")
        (fun s -> not (s.Place s.Sender |> isIn [ Membership.Ban; Membership.Invite; Membership.Join ]))
]

let private knocks: Invariant list =
    (allowedKnocks |> List.map (inVersions hasKnocks))
    @ [
        invariant
            "knock.unknown-at-first"
            member'
            "Nobody knocks where the version does not know it."
            _.Allowed
            (fun s -> not (s.Makes "knock"))
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
        "What others make of a user's membership is invite, leave or ban."
        (fun s -> s.Allowed && not s.IsOwn)
        (fun s -> s.Makes "invite" || s.Makes "leave" || s.Makes "ban")
    |> except "first-join" "the rule for the creator's first join does not ask who sends it" isFirstJoin

    accepted "sender.joined" notCreate "Only members send events." (fun s -> s.Place s.Sender = Membership.Join)
    |> except "join" "one joins from outside" (fun s -> s.Makes "join" && s.IsOwn)
    |> except "first-join" "the rule for the creator's first join does not ask who sends it" (fun s ->
        isFirstJoin s && not s.IsOwn)
    |> except "decline" "an invitation is declined from outside, and a knock taken back" (fun s ->
        s.Makes "leave"
        && s.IsOwn
        && (s.Place s.Sender = Membership.Invite
            || hasKnocks s.Version && s.Place s.Sender = Membership.Knock))
    |> exceptIn hasKnocks "knock" "one knocks from outside" (fun s -> s.Makes "knock")
    |> except
        "third-party"
        "an answer to a third-party invitation is not asked whether its sender is in the room"
        answersThirdParty
    |> exceptIn (until 5) "aliases" "a server may set its aliases for a room without being in it" (fun s ->
        s.IsOf "m.room.aliases")

    invariant
        "sender.not-banned"
        notCreate
        "A banned user sends nothing."
        (fun s -> s.Place s.Sender = Membership.Ban)
        (fun s -> not s.Allowed)
    |> except
        "first-join"
        "the creator's join right after the create event comes before the question of bans"
        isFirstJoin
    |> except
        "third-party"
        "an answer to a third-party invitation is not asked whether its sender is banned"
        answersThirdParty
    |> exceptIn (until 5) "aliases" "a server may set its aliases for a room, by a banned user too" (fun s ->
        s.IsOf "m.room.aliases")

    invariant
        "sender.invited"
        notCreate
        "Who is invited joins, declines, or does nothing."
        (fun s -> s.Allowed && s.Place s.Sender = Membership.Invite)
        (fun s -> s.IsOwn && (s.Makes "join" || s.Makes "leave"))
    |> except "first-join" "the rule for the creator's first join does not ask who sends it" isFirstJoin
    |> except
        "third-party"
        "an answer to a third-party invitation is not asked whether its sender is in the room"
        answersThirdParty
    |> exceptIn (until 5) "aliases" "a server may set its aliases for a room without being in it" (fun s ->
        s.IsOf "m.room.aliases")
]

let all: Invariant list = joins @ invitations @ leaves @ bans @ knocks @ members
