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
    accepted "power.required" notCreate "The sender of an event has the power that its type requires." (fun s ->
        s.Power s.Sender >= s.Required)
    |> except "member" "member events have rules of their own" (fun s -> s.IsOf "m.room.member")
    |> except "third-party-invite" "a third-party invitation requires the invite level only" (fun s ->
        s.IsOf "m.room.third_party_invite")
    |> exceptIn (until 5) "aliases" "aliases require no power" (fun s -> s.IsOf "m.room.aliases")

    accepted
        "power.third-party-invite"
        "m.room.third_party_invite"
        "The sender of a third-party invitation has the power to invite."
        (fun s -> s.Power s.Sender >= s.Levels.Invite)

    invariant
        "state-key.user"
        notCreate
        "State whose key begins with @ is sent by the user whose id the key is."
        (fun s ->
            s.Allowed
            && not (s.IsOf "m.room.member")
            && (match s.Target with
                | null -> false
                | key -> key.StartsWith('@')))
        _.IsOwn
    |> except
        "third-party-invite"
        "a third-party invitation requires the invite level only, whatever its token is"
        (fun s -> s.IsOf "m.room.third_party_invite")
    |> exceptIn
        hasStateOwners
        "owner"
        "text may follow the user's id, and a user with more power may also send it"
        belongsToSenderOrLess

    invariant
        "state-key.owner"
        notCreate
        "State whose key begins with a user's id is sent by that user, or by a user with more power."
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
        "a third-party invitation requires the invite level only, whatever its token is"
        (fun s -> s.IsOf "m.room.third_party_invite")

    accepted
        "aliases.own-server"
        "m.room.aliases"
        "Aliases are set by users of the server in their state key."
        (fun s ->
            match s.Target with
            | null -> false
            | key -> s.SameServer(s.Sender, "@:" + key))
    |> inVersions (until 5)

    canHappen
        "aliases.from-outside"
        "m.room.aliases"
        "A user who is not in the room sets aliases: the rule for aliases checks the server only."
        (fun s -> s.MembershipOf s.Sender <> Membership.Join)
    |> inVersions (until 5)

    invariant
        "redaction.power"
        "m.room.redaction"
        "The sender of a redaction has the power to redact, or the redacted event is from the same server."
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
        "A user without the power to redact redacts an event of their own server."
        (fun s -> s.Power s.Sender < s.Levels.Redact)
    |> inVersions (until 2)

    canHappen
        "redaction.without-power"
        "m.room.redaction"
        "A redaction is accepted though its sender lacks the power to redact: it is checked again before it is applied."
        (fun s -> s.Power s.Sender < s.Levels.Redact)
    |> inVersions (since 3)
]
