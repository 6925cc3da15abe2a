/// Authorization of the create event, of `auth_events`, and of senders on other servers.
/// v1.19 rooms/v1#authorisation-rules
module Matrix.Rules.Authorization.CreateEvent

open Matrix.Rules

/// The create event. Its decision does not depend on the state.
let create =
    scope "create" "If the type is m.room.create:" (Condition.TypeIs "m.room.create") [
        clause
            "create.prev-events"
            "If it has any previous events, reject."
            Condition.HasPrevEvents
            (Outcome.Reject Reason.CreateHasPrevEvents)
        clause
            "create.server"
            "If the domain of the room id is not the domain of the sender, reject."
            (Condition.Not(Condition.SameServer(Server.OfRoomId, Server.Of User.Sender)))
            (Outcome.Reject Reason.CreateServerMismatch)
        clause
            "create.room-version"
            "If room_version is present and is not a room version that the server knows, reject."
            (Condition.And [
                Condition.ContentHas [ "room_version" ]
                Condition.Not Condition.RoomVersionRecognised
            ])
            (Outcome.Reject Reason.RoomVersionUnknown)
        clause
            "create.creator"
            "If creator is missing, reject."
            (Condition.Not(Condition.ContentHas [ "creator" ]))
            (Outcome.Reject Reason.CreatorMissing)
        otherwise "create.otherwise" Outcome.Allow
    ]

/// The rules about `auth_events`.
let authEvents =
    scope "auth-events" "Considering the events in auth_events:" Condition.Always [
        clause
            "auth-events.duplicated"
            "If two of them have the same type and state key, reject."
            (Condition.SomeAuthEvent AuthEventFault.Duplicated)
            (Outcome.Reject Reason.AuthEventDuplicated)
        clause
            "auth-events.unselected"
            "If the type and state key of one of them is not among those of the auth events selection, reject."
            (Condition.SomeAuthEvent AuthEventFault.Unselected)
            (Outcome.Reject Reason.AuthEventUnselected)
        clause
            "auth-events.rejected"
            "If one of them was itself rejected, reject."
            (Condition.SomeAuthEvent AuthEventFault.Rejected)
            (Outcome.Reject Reason.AuthEventRejected)
        clause
            "auth-events.create"
            "If the create event is not among them, reject."
            (Condition.Not(Condition.AuthEventsHave "m.room.create"))
            (Outcome.Reject Reason.AuthEventsLackCreate)
        clause
            "auth-events.elsewhere"
            "If one of them belongs to another room, reject."
            (Condition.SomeAuthEvent AuthEventFault.Elsewhere)
            (Outcome.Reject Reason.AuthEventElsewhere)
    ]

/// Rooms that are closed to other servers.
let federate =
    clause
        "federate"
        "If m.federate of the create event is false, and the domain of the sender is not the domain of the create \
         event's sender, reject."
        (Condition.And [
            Condition.StateContentIs("m.room.create", [ "m.federate" ], Shape.False)
            Condition.Not(Condition.SameServer(Server.Of User.Sender, Server.Of User.CreateSender))
        ])
        (Outcome.Reject Reason.RoomNotFederated)

/// The aliases of a server, in room versions 1 to 5.
let aliases =
    scope "aliases" "If the type is m.room.aliases:" (Condition.TypeIs "m.room.aliases") [
        clause
            "aliases.state-key"
            "If there is no state key, reject."
            (Condition.Not Condition.HasStateKey)
            (Outcome.Reject Reason.AliasesWithoutStateKey)
        clause
            "aliases.server"
            "If the domain of the sender is not the state key, reject."
            (Condition.Not(Condition.SameServer(Server.Of User.Sender, Server.InStateKey)))
            (Outcome.Reject Reason.AliasesOfAnotherServer)
        otherwise "aliases.otherwise" Outcome.Allow
    ]
