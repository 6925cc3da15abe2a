/// Create events, room ids, `auth_events`, and rooms that are closed to other servers.
module internal Matrix.Properties.Claims.CreationClaims

open Matrix.Rules
open Matrix.Properties.Claims

let private isFirst = never' (says Condition.HasPrevEvents)

let private isOfTheSendersServer =
    says (Condition.SameServer(Server.OfRoomId, Server.Of User.Sender))

let private hasNoRoomId = never' (says Condition.HasRoomId)

let private hasKnownVersion =
    any [ never' (has "room_version"); says Condition.RoomVersionRecognised ]

let private hasGoodCreators =
    any [
        never' (has "additional_creators")
        says (Condition.ContentIs([ "additional_creators" ], Shape.ListOf Shape.UserId))
    ]

let private creating: Claim list = [
    accepted
        "a-create-event-is-the-first"
        "A room's create event has no previous events."
        (rulesOf 1)
        "A room has one beginning, before which nothing happened."
        isCreate
        isFirst

    accepted
        "a-room-id-has-its-creators-domain"
        "A room id has the domain of the server of the create event's sender."
        (rulesOf 1)
        "No server makes rooms under the name of another."
        isCreate
        isOfTheSendersServer
    |> until 11

    accepted
        "a-create-event-has-no-room-id"
        "Where the room id is the create event's hash, a create event has no room_id."
        (rulesOf 12)
        "The id follows from the event, so the event cannot contain it."
        isCreate
        hasNoRoomId
    |> since 12

    accepted
        "a-room-has-a-known-version"
        "A create event has a known room version or none."
        (rulesOf 1)
        "A server that does not know the rules of a room cannot apply them."
        isCreate
        hasKnownVersion

    accepted
        "a-create-event-names-a-creator"
        "A create event's content has a creator."
        (rulesOf 1)
        "The creator may join first, and has power until there are power levels."
        isCreate
        (has "creator")
    |> until 10

    accepted
        "additional-creators-are-user-ids"
        "additional_creators is a list of user ids, or is missing."
        (rulesOf 12)
        "What is no user id would have a power above all levels, and belong to nobody."
        isCreate
        hasGoodCreators
    |> since 12
]

let private anyoneCreates (more: Statement list) =
    claim
        "anyone-can-create-a-room"
        "Every user can create a room with a well-formed create event."
        (rulesOf 1)
        "Rooms need nobody's permission, and a create event is decided without any state."
        (all (isCreate :: isFirst :: hasKnownVersion :: more))
        Statement.Allowed

let private possible: Claim list = [
    anyoneCreates [ isOfTheSendersServer; has "creator" ] |> until 10
    anyoneCreates [ isOfTheSendersServer ] |> since 11 |> until 11
    anyoneCreates [ hasNoRoomId; hasGoodCreators ] |> since 12
]

let private rooms: Claim list = [
    accepted
        "no-room-without-a-create-event"
        "In a room without a create event, only a create event is accepted."
        (rulesOf 1)
        "Who created a room, and whom it admits, is in its create event."
        isInRoom
        (says (Condition.StateHas "m.room.create"))

    accepted
        "the-room-id-names-the-create-event"
        "An accepted event has the room id of an accepted create event."
        (rulesOf 12)
        "No event belongs to two rooms, or to a room that nobody created."
        isInRoom
        (says Condition.CreateEventAccepted)
    |> since 12

    accepted
        "closed-rooms-stay-closed"
        "In a room that is closed to other servers, only users of its creator's server send events."
        (rulesOf 1)
        "Rooms with m.federate false are for one server."
        (all [
            isInRoom
            says (Condition.StateContentIs("m.room.create", [ "m.federate" ], Shape.False))
        ])
        (says (Condition.SameServer(Server.Of User.Sender, Server.Of User.CreateSender)))
]

let private without (fault: AuthEventFault) name sentence reason : Claim =
    accepted name sentence (rulesOf 1) reason isInRoom (never' (says (Condition.SomeAuthEvent fault)))

let private authEvents: Claim list = [
    accepted
        "events-name-the-create-event"
        "An accepted event has the create event in auth_events."
        (rulesOf 1)
        "Each event says which room it belongs to."
        isInRoom
        (says (Condition.AuthEventsHave "m.room.create"))
    |> until 11

    accepted
        "events-do-not-name-the-create-event"
        "An accepted event does not have the create event in auth_events, since the room id names it."
        (rulesOf 12)
        "What the room id says is not said twice."
        isInRoom
        (never' (says (Condition.AuthEventsHave "m.room.create")))
    |> since 12

    without
        AuthEventFault.Duplicated
        "auth-events-have-different-keys"
        "An accepted event has no two events of the same type and state key in auth_events."
        "Two memberships of one user, for example, would leave it open which of them counts."

    {
        without
            AuthEventFault.Unselected
            "auth-events-are-selected-ones"
            "An accepted event has only events of the auth events selection in auth_events."
            "What is not read for a decision does not decide which state it rests on." with
            Section = "v1.19 server-server-api#auth-events-selection"
    }

    without
        AuthEventFault.Rejected
        "auth-events-were-accepted"
        "An accepted event has no rejected event in auth_events."
        "What was rejected justifies nothing."

    without
        AuthEventFault.Elsewhere
        "auth-events-are-of-the-room"
        "An accepted event has only events of its own room in auth_events."
        "Power in one room is none in another."
]

let claims: Claim list = creating @ possible @ rooms @ authEvents
