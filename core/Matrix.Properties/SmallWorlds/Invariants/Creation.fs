/// Create events, room ids, `auth_events`, and rooms that are closed to other servers.
module internal Matrix.Properties.SmallWorlds.CreationInvariants

open Matrix.Rules
open Matrix.Core.Json
open Matrix.Core.Ident
open Matrix.Properties.SmallWorlds

let private create = "m.room.create"

let private namedByHash = since 12

let private creators: Invariant list = [
    accepted "create.first" create "A room's create event has no previous events." (fun s ->
        s.Event.PrevEvents.Length = 0)

    accepted
        "create.room-of-server"
        create
        "A room id has the domain of the server of the create event's sender."
        (fun s -> s.SameServer(s.Event.RoomId, s.Sender))
    |> inVersions (namedByHash >> not)

    accepted
        "create.no-room-id"
        create
        "Where the room id is the create event's hash, a create event has no room_id."
        (fun s -> not s.Facts.HasRoomId)
    |> inVersions namedByHash

    accepted "create.version-known" create "A create event has a known room version or none." (fun s ->
        match s.Event.Content.TryFind "room_version" with
        | ValueNone -> true
        | ValueSome(Json.String id) -> id = s.Version.Id || Versions.isKnown id
        | ValueSome _ -> false)

    accepted "create.creator-named" create "A create event's content has a creator." (fun s -> s.Has "creator")
    |> inVersions (until 10)

    canHappen
        "create.creator-no-user"
        create
        "The creator in a create event's content is no user id: the rules require the member, and do not read it."
        (fun s ->
            s.Has "creator"
            && (match s.Text "creator" with
                | null -> true
                | creator -> not (UserId.isValid creator)))

    canHappen
        "create.creator-not-sender"
        create
        "The creator in a create event's content is not its sender: up to version 10 the creator counts, later \
         nothing reads the member."
        (fun s -> s.Has "creator" && s.Text "creator" <> s.Sender)

    accepted "create.additional-creators" create "additional_creators is a list of user ids, or is missing." (fun s ->
        match s.Event.Content.TryFind "additional_creators" with
        | ValueNone -> true
        | ValueSome(Json.Array users) ->
            users
            |> Array.forall (function
                | Json.String user -> UserId.isValid user
                | _ -> false)
        | ValueSome _ -> false)
    |> inVersions (since 12)

    canHappen
        "create.additional-creators-not-read"
        create
        "In versions without additional_creators, a create event may have any value there."
        (fun s ->
            match s.Event.Content.TryFind "additional_creators" with
            | ValueSome(Json.Array _)
            | ValueNone -> false
            | ValueSome _ -> true)
    |> inVersions (until 11)

    canHappen
        "create.twice"
        create
        "A create event is accepted in a room that already has one: the rules do not look at the state."
        _.HasCreate
]

let private rooms: Invariant list = [
    accepted "room.created" notCreate "In a room without a create event, only a create event is accepted." _.HasCreate

    accepted "room.named" notCreate "An accepted event has the room id of its create event." (fun s ->
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
    accepted "cited.create" notCreate "An accepted event has the create event in auth_events." (fun s ->
        s.Facts.AuthEvents |> Array.exists (fun c -> c.Event.Type = create))
    |> inVersions (until 11)

    accepted
        "cited.no-create"
        notCreate
        "An accepted event does not have the create event in auth_events, since the room id names it."
        (fun s -> s.Facts.AuthEvents |> Array.forall (fun c -> c.Event.Type <> create))
    |> inVersions (since 12)

    accepted
        "cited.once"
        notCreate
        "An accepted event has no two events of the same type and state key in auth_events."
        (fun s ->
            let cited = s.Facts.AuthEvents

            cited
            |> Array.forall (fun c ->
                cited
                |> Array.filter (fun d -> d.Event.Type = c.Event.Type && d.Event.StateKey = c.Event.StateKey)
                |> Array.length
                |> (=) 1))

    accepted "cited.accepted" notCreate "An accepted event has no rejected event in auth_events." (fun s ->
        s.Facts.AuthEvents |> Array.forall (fun c -> not c.Rejected))

    accepted "cited.same-room" notCreate "An accepted event has only events of its own room in auth_events." (fun s ->
        s.Facts.AuthEvents |> Array.forall (fun c -> c.Event.RoomId = s.Event.RoomId))

    accepted
        "cited.state-of-types"
        notCreate
        "An accepted event has only state of the five types that authorize in auth_events."
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
        "An accepted event has only the memberships of its sender, its target and its authorising user in auth_events."
        (fun s ->
            s.Facts.AuthEvents
            |> Array.forall (fun c ->
                c.Event.Type <> "m.room.member"
                || c.Event.StateKey = s.Sender
                || s.IsOf "m.room.member" && c.Event.StateKey = s.Target
                || since 8 s.Version
                   && s.Makes "join"
                   && c.Event.StateKey = s.Text "join_authorised_via_users_server"))

    accepted
        "cited.join-rules"
        notCreate
        "An accepted event has the join rules in auth_events only if it is a join, an invitation or a knock."
        (fun s ->
            s.Makes "join"
            || s.Makes "invite"
            || s.Makes "knock"
            || s.Facts.AuthEvents
               |> Array.forall (fun c -> c.Event.Type <> "m.room.join_rules"))

    accepted
        "cited.third-party-invite"
        notCreate
        "Only an invitation with its token has a third-party invitation in auth_events."
        (fun s ->
            s.Facts.AuthEvents
            |> Array.forall (fun c ->
                c.Event.Type <> "m.room.third_party_invite"
                || s.Makes "invite"
                   && (match s.Event.Content.TryFind "third_party_invite" with
                       | ValueSome(Json.Object answer) ->
                           match answer.TryFind "signed" with
                           | ValueSome(Json.Object signed) -> signed.Text "token" = c.Event.StateKey
                           | _ -> false
                       | _ -> false)))

    canHappen
        "cited.incomplete"
        notCreate
        "An event without some of the selected auth events is accepted: the rules require only the create event."
        (fun s -> not s.CitesAllSelected)
]

let all: Invariant list = creators @ rooms @ citations
