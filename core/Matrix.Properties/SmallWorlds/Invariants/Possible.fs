/// What users can do. Other invariants say who alone may do something; together they say when each kind of event is
/// accepted.
module internal Matrix.Properties.SmallWorlds.PossibleInvariants

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Ident
open Matrix.Core.Json
open Matrix.Properties.SmallWorlds

/// An event that meets the common conditions is accepted if this holds.
let private possible name about meaning condition =
    invariant name about meaning (fun s -> condition s && s.IsInOrder) _.Allowed

let private member' = "m.room.member"

let private hasKnocks = since 7
let private hasRestricted = since 8
let private hasKnockRestricted = since 10

/// A complete member event of this membership, with the signature that an authorising user requires.
let private isMember (membership: string) (s: Scene) : bool =
    s.Makes membership
    && not (isNull s.Target)
    && (not (hasRestricted s.Version) || s.AuthorisingIsSigned)

let private isJoined (s: Scene) =
    s.MembershipOf s.Sender = Membership.Join

let private isIn = MembershipInvariants.isIn

/// Whether the join rule allows joins of invited users.
let private asksForInvitation (s: Scene) : bool =
    match s.JoinRule with
    | "invite" -> true
    | "knock" -> hasKnocks s.Version
    | "restricted" -> hasRestricted s.Version
    | "knock_restricted" -> hasKnockRestricted s.Version
    | _ -> false

let private letsMembersOfRoomsIn (s: Scene) : bool =
    match s.JoinRule with
    | "restricted" -> hasRestricted s.Version
    | "knock_restricted" -> hasKnockRestricted s.Version
    | _ -> false

let private joins: Invariant list = [
    possible "join.creator-first" member' "The creator can join right after the create event." (fun s ->
        isMember "join" s && MembershipInvariants.isFirstJoin s)

    possible
        "join.public-is-open"
        member'
        "Where the join rule is public, every user who is not banned can join."
        (fun s ->
            isMember "join" s
            && s.IsOwn
            && s.JoinRule = "public"
            && s.MembershipOf s.Sender <> Membership.Ban)

    possible
        "join.invited-get-in"
        member'
        "Where the join rule is invite, knock, restricted or knock_restricted, invited and joined users can join."
        (fun s ->
            isMember "join" s
            && s.IsOwn
            && asksForInvitation s
            && (s.MembershipOf s.Sender |> isIn [ Membership.Invite; Membership.Join ]))

    possible
        "join.restricted-works"
        member'
        "Where the join rule is restricted or knock_restricted, every user can join who is not banned and names a \
         member with the power to invite as authorising user."
        (fun s ->
            isMember "join" s
            && s.IsOwn
            && letsMembersOfRoomsIn s
            && s.MembershipOf s.Sender <> Membership.Ban
            && (match s.Text "join_authorised_via_users_server" with
                | null -> false
                | user -> s.MembershipOf user = Membership.Join && s.Power user >= s.Levels.Invite))
    |> inVersions hasRestricted
]

let private others: Invariant list = [
    possible
        "invite.members-can"
        member'
        "A member with the power to invite can invite any user who is neither joined nor banned."
        (fun s ->
            isMember "invite" s
            && not (MembershipInvariants.answersThirdParty s)
            && isJoined s
            && s.Power s.Sender >= s.Levels.Invite
            && not (s.MembershipOf s.Target |> isIn [ Membership.Join; Membership.Ban ]))

    possible
        "invite.third-party-works"
        member'
        "The sender of a third-party invitation can invite the user for whom its key signed, unless that user is \
         banned."
        (fun s ->
            isMember "invite" s
            && s.IsSignedFor s.Target
            && s.MembershipOf s.Target <> Membership.Ban
            && (match s.Invitation with
                | null -> false
                | invitation ->
                    invitation.Pdu.Sender = s.Sender
                    && ThirdPartyKeys.all invitation.Pdu
                       |> Array.exists (fun key -> Array.contains key s.Facts.ThirdPartyKeys)))

    possible "leave.always-possible" member' "Invited and joined users can leave, whatever their power." (fun s ->
        isMember "leave" s
        && s.IsOwn
        && (s.MembershipOf s.Sender |> isIn [ Membership.Invite; Membership.Join ]))

    possible "knock.can-be-withdrawn" member' "A knock can be withdrawn." (fun s ->
        isMember "leave" s && s.IsOwn && s.MembershipOf s.Sender = Membership.Knock)
    |> inVersions hasKnocks

    possible
        "kick.by-power"
        member'
        "A member with the power to kick can remove any user with less power who is not banned."
        (fun s ->
            isMember "leave" s
            && not s.IsOwn
            && isJoined s
            && s.MembershipOf s.Target <> Membership.Ban
            && s.Power s.Sender >= s.Levels.Kick
            && s.Power s.Sender > s.Power s.Target)

    possible
        "unban.by-power"
        member'
        "A member with the power to ban and to kick can lift the ban of any user with less power."
        (fun s ->
            isMember "leave" s
            && not s.IsOwn
            && isJoined s
            && s.MembershipOf s.Target = Membership.Ban
            && s.Power s.Sender >= s.Levels.Ban
            && s.Power s.Sender >= s.Levels.Kick
            && s.Power s.Sender > s.Power s.Target)

    possible "ban.by-power" member' "A member with the power to ban can ban any user with less power." (fun s ->
        isMember "ban" s
        && isJoined s
        && s.Power s.Sender >= s.Levels.Ban
        && s.Power s.Sender > s.Power s.Target)

    possible
        "knock.from-outside-works"
        member'
        "Where the join rule is knock or knock_restricted, every user can knock who is not banned, invited or joined."
        (fun s ->
            isMember "knock" s
            && s.IsOwn
            && (s.JoinRule = "knock"
                || s.JoinRule = "knock_restricted" && hasKnockRestricted s.Version)
            && not (
                s.MembershipOf s.Sender
                |> isIn [ Membership.Ban; Membership.Invite; Membership.Join ]
            ))
    |> inVersions hasKnocks
]

/// Whether the state key, if it begins with @, is the sender's id; in versions where users own state, it may also be
/// that of a user with less power.
let private mayWriteTheStateKey (s: Scene) : bool =
    match s.Target with
    | null -> true
    | key when not (key.StartsWith '@') -> true
    | key when hasStateOwners s.Version ->
        let owner = key.Split('_')[0]

        UserId.isValid owner && (owner = s.Sender || s.Power s.Sender > s.Power owner)
    | _ -> s.IsOwn

/// Whether the event's type has rules of its own.
let private hasOwnRules (s: Scene) : bool =
    match s.Event.Type with
    | "m.room.create"
    | "m.room.member"
    | "m.room.third_party_invite"
    | "m.room.power_levels" -> true
    | "m.room.aliases" -> until 5 s.Version
    | "m.room.redaction" -> until 2 s.Version
    | _ -> false

let private maySend (s: Scene) : bool =
    isJoined s && s.Power s.Sender >= s.Required && mayWriteTheStateKey s

let private sending: Invariant list = [
    possible
        "power.suffices"
        notCreate
        "A member with the power that an event's type requires can send it, if its type has no rules of its own and \
         its state key is not another user's."
        (fun s -> not (hasOwnRules s) && maySend s)

    possible
        "third-party-invite.by-power"
        "m.room.third_party_invite"
        "A member with the power to invite can send a third-party invitation."
        (fun s -> isJoined s && s.Power s.Sender >= s.Levels.Invite)

    possible "aliases.by-server" "m.room.aliases" "Every user can set the aliases of their own server." (fun s ->
        match s.Target with
        | null -> false
        | key -> s.SameServer(s.Sender, "@:" + key))
    |> inVersions (until 5)

    possible
        "redaction.possible"
        "m.room.redaction"
        "A member with the power that redactions require can redact events of their own server and, with the power to \
         redact, all others."
        (fun s ->
            maySend s
            && (s.Power s.Sender >= s.Levels.Redact
                || (match s.Event.Redacts with
                    | null -> false
                    | redacted -> s.SameServer(redacted, s.Event.EventId))))
    |> inVersions (until 2)
]

let private levels = "m.room.power_levels"

let private areIntegers (s: Scene) : bool =
    LevelsInvariants.named
    |> List.forall (fun key ->
        match s.Event.Content.TryFind key with
        | ValueNone -> true
        | ValueSome json -> LevelsInvariants.isInteger json)
    && LevelsInvariants.mapHolds "events" (fun _ -> LevelsInvariants.isInteger) s
    && LevelsInvariants.mapHolds "notifications" (fun _ -> LevelsInvariants.isInteger) s

/// Whether every value in place of a level is a level in this version.
let private areLevels (s: Scene) : bool =
    let isLevel json = (s.Level json).IsSome

    LevelsInvariants.named
    |> List.forall (fun key ->
        match s.Event.Content.TryFind key with
        | ValueNone -> true
        | ValueSome json -> isLevel json)
    && LevelsInvariants.mapHolds "events" (fun _ -> isLevel) s
    && LevelsInvariants.mapHolds "notifications" (fun _ -> isLevel) s

let private isWellFormed (s: Scene) : bool =
    LevelsInvariants.mapHolds "users" (fun key value -> UserId.isValid key && (s.Level value).IsSome) s
    && (until 9 s.Version || areIntegers s)
    && (until 11 s.Version
        || LevelsInvariants.keysOf "users" s.Event.Content
           |> List.forall (s.IsCreator >> not))

/// Whether all changes are within the sender's power. Other users' entries must be below it before the change.
let private isWithinReach (s: Scene) : bool =
    let before, after = s.ContentBefore, s.Event.Content

    let others =
        LevelsInvariants.keysOf "users" before @ LevelsInvariants.keysOf "users" after
        |> List.filter (fun user -> user <> s.Sender)

    let own = s.LevelIn("users", s.Sender, after)

    (LevelsInvariants.named
     |> List.forall (fun key -> LevelsInvariants.isWithin s (s.LevelOf(key, before)) (s.LevelOf(key, after))))
    && LevelsInvariants.everyEntryWithin "events" s
    && (until 5 s.Version || LevelsInvariants.everyEntryWithin "notifications" s)
    && others
       |> List.forall (fun user ->
           let was, is = s.LevelIn("users", user, before), s.LevelIn("users", user, after)

           was = is
           || (was.IsNone || was.Value < s.Power s.Sender)
              && (is.IsNone || is.Value <= s.Power s.Sender))
    && (own.IsNone
        || own = s.LevelIn("users", s.Sender, before)
        || own.Value <= s.Power s.Sender)

let private changing: Invariant list = [
    possible
        "levels.first-possible"
        levels
        "A member with the power that power levels require can send the room's first, if they are well formed."
        (fun s -> not s.HasLevels && maySend s && isWellFormed s)

    possible
        "levels.within-reach-possible"
        levels
        "A member with the power that power levels require can change, add and remove all levels up to their own \
         power, their own entry included."
        (fun s -> s.HasLevels && maySend s && isWellFormed s && areLevels s && isWithinReach s)

    possible "creators.may-all" levels "A creator who is a member can set any well-formed levels." (fun s ->
        s.IsCreator s.Sender && isJoined s && isWellFormed s && mayWriteTheStateKey s)
    |> inVersions (since 12)
]

let private creating: Invariant list = [
    invariant
        "create.possible"
        "m.room.create"
        "Every user can create a room with a well-formed create event."
        (fun s ->
            s.Event.PrevEvents.Length = 0
            && (match s.Event.Content.TryFind "room_version" with
                | ValueNone -> true
                | ValueSome(Json.String id) -> id = s.Version.Id || Versions.isKnown id
                | ValueSome _ -> false)
            && (if until 11 s.Version then
                    s.SameServer(s.Event.RoomId, s.Sender)
                else
                    not s.Facts.HasRoomId)
            && (since 11 s.Version || s.Has "creator")
            && (until 11 s.Version
                || (match s.Event.Content.TryFind "additional_creators" with
                    | ValueNone -> true
                    | ValueSome(Json.Array users) ->
                        users
                        |> Array.forall (function
                            | Json.String user -> UserId.isValid user
                            | _ -> false)
                    | ValueSome _ -> false)))
        _.Allowed
]

let all: Invariant list = joins @ others @ sending @ changing @ creating
