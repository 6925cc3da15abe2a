/// Events other than create, member and power levels events.
module internal Matrix.Properties.SmallWorlds.SendingInvariants

open Matrix.Rules
open Matrix.Core.Ident
open Matrix.Properties.SmallWorlds

/// Whether the state key begins with the id of the sender, or of a user with less power.
let private belongsToSenderOrLess (s: Scene) : bool =
    match s.Target with
    | null -> false
    | key ->
        let owner = key.Split('_')[0]

        UserId.isValid owner && (owner = s.Sender || s.Power s.Sender > s.Power owner)

let all: Invariant list = [
    accepted "power.required" notCreate "Whoever sends an event has the power that its type asks for." (fun s ->
        s.Power s.Sender >= s.Required)
    |> except "member" "member events have rules of their own" (fun s -> s.IsOf "m.room.member")
    |> except "third-party-invite" "a third-party invitation needs the power to invite alone" (fun s ->
        s.IsOf "m.room.third_party_invite")
    |> exceptIn (until 5) "aliases" "aliases need no power" (fun s -> s.IsOf "m.room.aliases")

    accepted
        "power.third-party-invite"
        "m.room.third_party_invite"
        "Who invites third parties has the power to invite."
        (fun s -> s.Power s.Sender >= s.Levels.Invite)

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
        belongsToSenderOrLess

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
        belongsToSenderOrLess
    |> inVersions hasStateOwners
    |> except
        "third-party-invite"
        "a third-party invitation is decided by the power to invite alone, whatever its token looks like"
        (fun s -> s.IsOf "m.room.third_party_invite")

    accepted "aliases.own-server" "m.room.aliases" "Aliases are set by users of the server that they are of." (fun s ->
        match s.Target with
        | null -> false
        | key -> s.SameServer(s.Sender, "@:" + key))
    |> inVersions (until 5)

    canHappen
        "aliases.from-outside"
        "m.room.aliases"
        "Somebody who is not in the room sets aliases: the rule for them asks for the server alone."
        (fun s -> s.Place s.Sender <> Membership.Join)
    |> inVersions (until 5)

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
    |> inVersions (until 2)

    canHappen
        "redaction.by-same-server"
        "m.room.redaction"
        "Somebody without the power to redact redacts an event of their own server."
        (fun s -> s.Power s.Sender < s.Levels.Redact)
    |> inVersions (until 2)

    canHappen
        "redaction.without-power"
        "m.room.redaction"
        "A redaction is accepted whose sender has no power to redact: whether it redacts is decided when it meets its target."
        (fun s -> s.Power s.Sender < s.Levels.Redact)
    |> inVersions (since 3)
]
