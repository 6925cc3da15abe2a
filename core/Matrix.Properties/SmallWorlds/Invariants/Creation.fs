/// Create events, the room that an event names, what it cites, and closed rooms.
module internal Matrix.Properties.SmallWorlds.CreationInvariants

open Matrix.Rules
open Matrix.Core.Json
open Matrix.Core.Ident
open Matrix.Properties.SmallWorlds

let private create = "m.room.create"

let private namedByHash (version: RoomVersion) =
    version.Settings.RoomIds = RoomIdForm.HashOfCreate

let private creators: Invariant list = [
    accepted "create.first" create "A room's create event has no previous events." (fun s -> s.Event.PrevEvents.Length = 0)

    accepted "create.room-of-server" create "A room is named by the domain of its creator's server." (fun s ->
        s.SameServer(s.Event.RoomId, s.Sender))
    |> inVersions (namedByHash >> not)

    accepted "create.no-room-id" create "A create event has no room_id where rooms are named by its hash." (fun s ->
        not s.Facts.HasRoomId)
    |> inVersions namedByHash

    accepted "create.version-known" create "A create event names a room version that servers know, or none." (fun s ->
        match s.Event.Content.TryFind "room_version" with
        | ValueNone -> true
        | ValueSome(Json.String id) -> id = s.Version.Id || Versions.isKnown id
        | ValueSome _ -> false)

    accepted "create.creator-is-user" create "A create event's content names a user as creator." (fun s ->
        match s.Text "creator" with
        | null -> false
        | creator -> UserId.isValid creator)
    |> inVersions (having "create.creator")
    |> except "not-checked" "the rule asks whether creator is there, and not what it is" (fun s -> s.Has "creator")

    accepted "create.creator-is-sender" create "Whom a create event names as creator is who sent it." (fun s ->
        not (s.Has "creator") || s.Text "creator" = s.Sender)
    |> exceptIn
        (having "create.creator")
        "not-compared"
        "the rule does not compare the creator named with the sender, so that the room belongs to another"
        (fun _ -> true)
    |> exceptIn (lacking "create.creator") "not-read" "nothing reads creator any more" (fun _ -> true)

    accepted "create.additional-creators" create "additional_creators is a list of user ids, or not there." (fun s ->
        match s.Event.Content.TryFind "additional_creators" with
        | ValueNone -> true
        | ValueSome(Json.Array users) ->
            users
            |> Array.forall (function
                | Json.String user -> UserId.isValid user
                | _ -> false)
        | ValueSome _ -> false)
    |> exceptIn (lacking "create.additional-creators") "not-read" "the version knows no additional creators" (fun _ -> true)

    accepted "create.once" create "A room has one create event." (fun s -> not s.HasCreate)
    |> except "decided-alone" "a create event is decided alone: that a room has one already is for others to see" (fun _ -> true)
]

let private rooms: Invariant list = [
    accepted "room.created" notCreate "Nothing but a create event is accepted in a room that has none." _.HasCreate

    accepted "room.named" notCreate "An accepted event names the room by its create event." (fun s ->
        s.Event.RoomId = "!" + Universe.createId.Substring 1)
    |> inVersions namedByHash

    accepted
        "room.federate"
        notCreate
        "In a room that is closed to other servers, only users of its creator's server send events."
        (fun s ->
            match s.Create with
            | null -> true
            | create ->
                match create.Pdu.Content.TryFind "m.federate" with
                | ValueSome(Json.Bool false) -> s.SameServer(s.Sender, create.Pdu.Sender)
                | _ -> true)
]

let private citations: Invariant list = [
    accepted "cited.create" notCreate "An accepted event cites the create event." (fun s ->
        s.Facts.AuthEvents |> Array.exists (fun c -> c.Event.Type = create))
    |> inVersions (having "auth-events.create")

    accepted "cited.no-create" notCreate "An accepted event does not cite the create event, since its room id does." (fun s ->
        s.Facts.AuthEvents |> Array.forall (fun c -> c.Event.Type <> create))
    |> inVersions (lacking "auth-events.create")

    accepted "cited.once" notCreate "An accepted event cites no two events of the same type and state key." (fun s ->
        let cited = s.Facts.AuthEvents

        cited
        |> Array.forall (fun c ->
            cited
            |> Array.filter (fun d -> d.Event.Type = c.Event.Type && d.Event.StateKey = c.Event.StateKey)
            |> Array.length
            |> (=) 1))

    accepted "cited.accepted" notCreate "An accepted event cites no rejected one." (fun s ->
        s.Facts.AuthEvents |> Array.forall (fun c -> not c.Rejected))

    accepted "cited.same-room" notCreate "An accepted event cites events of its own room." (fun s ->
        s.Facts.AuthEvents |> Array.forall (fun c -> c.Event.RoomId = s.Event.RoomId))

    accepted
        "cited.state-of-types"
        notCreate
        "An accepted event cites state of the five types that authorize, and no other."
        (fun s ->
            s.Facts.AuthEvents
            |> Array.forall (fun c ->
                c.Event.IsState
                && (match c.Event.Type with
                    | "m.room.create"
                    | "m.room.power_levels"
                    | "m.room.member"
                    | "m.room.join_rules"
                    | "m.room.third_party_invite" -> true
                    | _ -> false)))

    accepted
        "cited.others"
        notCreate
        "An accepted event cites no member but its sender, its target and who authorises it."
        (fun s ->
            s.Facts.AuthEvents
            |> Array.forall (fun c ->
                c.Event.Type <> "m.room.member"
                || c.Event.StateKey = s.Sender
                || s.IsOf "m.room.member" && c.Event.StateKey = s.Target
                || s.Makes "join" && c.Event.StateKey = s.Text "join_authorised_via_users_server"))

    accepted "cited.complete" notCreate "An accepted event cites all that it should of the state." (fun s -> s.CitesAllSelected)
    |> except "not-asked" "the rules refuse what is cited too much, and not what is missing, the create event apart" (fun _ ->
        true)
]

let all: Invariant list = creators @ rooms @ citations
