/// What is neither about members nor about power levels.
module internal Matrix.Properties.SmallWorlds.SendingInvariants

open Matrix.Rules
open Matrix.Properties.SmallWorlds

let private isAssigned (version: RoomVersion) =
    version.Settings.EventIds = EventIdForm.Assigned

/// Versions in which state belongs to the user with whose id its key begins.
let private hasStateOwners (version: RoomVersion) =
    let rec names condition =
        match condition with
        | Condition.SameUser(User.StateKeyOwner, _) -> true
        | Condition.Not inner -> names inner
        | Condition.And parts
        | Condition.Or parts -> List.exists names parts
        | _ -> false

    version.Authorization
    |> Rule.all
    |> List.exists (function
        | Rule.Clause(_, condition, _, _) -> names condition
        | _ -> false)

let all: Invariant list = [
    accepted "power.required" notCreate "Whoever sends an event has the power that its type asks for." (fun s ->
        s.Power s.Sender >= s.Required)
    |> except "member" "member events have rules of their own" (fun s -> s.IsOf "m.room.member")
    |> except "third-party-invite" "a third-party invitation needs the power to invite alone" (fun s ->
        s.IsOf "m.room.third_party_invite")
    |> exceptIn (having "aliases") "aliases" "aliases need no power" (fun s -> s.IsOf "m.room.aliases")

    accepted "power.third-party-invite" "m.room.third_party_invite" "Who invites third parties has the power to invite." (fun s ->
        s.Power s.Sender >= s.Levels.Invite)

    invariant
        "power.suffices-for-messages"
        "m.room.message"
        "A member with the power that messages ask for sends one."
        (fun s ->
            s.Place s.Sender = Membership.Join
            && s.Power s.Sender >= s.Required
            && s.IsInOrder)
        _.Allowed

    invariant
        "power.suffices-for-state"
        "m.room.name"
        "A member with the power that a state event asks for sends it."
        (fun s ->
            s.Place s.Sender = Membership.Join
            && s.Power s.Sender >= s.Required
            && s.IsInOrder)
        _.Allowed

    invariant
        "state-key.user"
        notCreate
        "State whose key begins with @ is sent by the user that the key is."
        (fun s ->
            s.Allowed
            && not (s.IsOf "m.room.member")
            && (match s.Target with
                | null -> false
                | key -> key.StartsWith('@')))
        _.IsOwn
    |> except
        "third-party-invite"
        "a third-party invitation is decided by the power to invite alone, whatever its token looks like"
        (fun s -> s.IsOf "m.room.third_party_invite")
    |> exceptIn
        hasStateOwners
        "owner"
        "a user's id may be followed by more, and someone with more power may send it too"
        (fun s -> not s.IsOwn)

    invariant
        "state-key.owner"
        notCreate
        "State whose key begins with a user's id is sent by that user, or by someone with more power."
        (fun s ->
            s.Allowed
            && not (s.IsOf "m.room.member")
            && (match s.Target with
                | null -> false
                | key -> key.StartsWith('@')))
        (fun s ->
            match s.Target with
            | null -> false
            | key ->
                let owner = key.Split('_')[0]
                owner = s.Sender || s.Power s.Sender > s.Power owner)
    |> inVersions hasStateOwners
    |> except
        "third-party-invite"
        "a third-party invitation is decided by the power to invite alone, whatever its token looks like"
        (fun s -> s.IsOf "m.room.third_party_invite")

    accepted "aliases.own-server" "m.room.aliases" "Aliases are set by users of the server that they are of." (fun s ->
        match s.Target with
        | null -> false
        | key -> s.SameServer(s.Sender, "@:" + key))
    |> inVersions (having "aliases")

    accepted "aliases.by-members" "m.room.aliases" "Only members set aliases." (fun s -> s.Place s.Sender = Membership.Join)
    |> exceptIn (having "aliases") "own-rule" "the rule for aliases asks for the server alone" (fun _ -> true)

    invariant
        "redaction.power"
        "m.room.redaction"
        "Who redacts has the power to redact, or redacts an event of the same server."
        _.Allowed
        (fun s ->
            s.Power s.Sender >= s.Levels.Redact
            || (match s.Event.Redacts with
                | null -> false
                | redacted -> s.SameServer(redacted, s.Event.EventId)))
    |> exceptIn
        (isAssigned >> not)
        "decided-later"
        "since identifiers have no server, the event is accepted, and whether it redacts is decided when it meets its target"
        (fun _ -> true)

    invariant "redaction.by-power-alone" "m.room.redaction" "Who redacts has the power to redact." _.Allowed (fun s ->
        s.Power s.Sender >= s.Levels.Redact)
    |> inVersions isAssigned
    |> except "same-server" "a server's users redact each other's events" (fun s ->
        match s.Event.Redacts with
        | null -> false
        | redacted -> s.SameServer(redacted, s.Event.EventId))
]
