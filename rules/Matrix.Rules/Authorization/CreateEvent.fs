/// Authorization of the create event, of what an event cites, and of senders from elsewhere; room version 1.
module Matrix.Rules.Authorization.CreateEvent

open Matrix.Rules

/// The create event. It is decided alone: nothing before it can allow it.
let create =
    scope "create" "A create event:" (Condition.TypeIs "m.room.create") [
        clause
            "create.prev-events"
            "It is rejected if any event comes before it."
            Condition.HasPrevEvents
            (Outcome.Reject Reason.CreateHasPrevEvents)
        clause
            "create.server"
            "It is rejected if the room id's domain is not that of the sender."
            (Condition.Not(Condition.SameServer(Server.OfRoomId, Server.Of User.Sender)))
            (Outcome.Reject Reason.CreateServerMismatch)
        clause
            "create.room-version"
            "It is rejected if it names a room version that is not known."
            (Condition.And [
                Condition.ContentHas [ "room_version" ]
                Condition.Not Condition.RoomVersionRecognised
            ])
            (Outcome.Reject Reason.RoomVersionUnknown)
        clause
            "create.creator"
            "It is rejected if it names no creator."
            (Condition.Not(Condition.ContentHas [ "creator" ]))
            (Outcome.Reject Reason.CreatorMissing)
        otherwise "create.otherwise" Outcome.Allow
    ]

/// What the event cites as its authority.
let authEvents =
    scope "auth-events" "Of the events that it cites as auth events:" Condition.Always [
        clause
            "auth-events.duplicated"
            "No two have the same type and state key."
            (Condition.SomeAuthEvent AuthEventFault.Duplicated)
            (Outcome.Reject Reason.AuthEventDuplicated)
        clause
            "auth-events.unselected"
            "Each is one that the auth events selection names."
            (Condition.SomeAuthEvent AuthEventFault.Unselected)
            (Outcome.Reject Reason.AuthEventUnselected)
        clause
            "auth-events.rejected"
            "None was itself rejected."
            (Condition.SomeAuthEvent AuthEventFault.Rejected)
            (Outcome.Reject Reason.AuthEventRejected)
        clause
            "auth-events.create"
            "The create event is among them."
            (Condition.Not(Condition.AuthEventsHave "m.room.create"))
            (Outcome.Reject Reason.AuthEventsLackCreate)
        clause
            "auth-events.elsewhere"
            "Each belongs to the same room."
            (Condition.SomeAuthEvent AuthEventFault.Elsewhere)
            (Outcome.Reject Reason.AuthEventElsewhere)
    ]

/// Rooms that are closed to other servers.
let federate =
    clause
        "federate"
        "Where the create event closes the room to other servers, only users of its sender's server send events."
        (Condition.And [
            Condition.StateContentIs("m.room.create", [ "m.federate" ], Shape.False)
            Condition.Not(Condition.SameServer(Server.Of User.Sender, Server.Of User.CreateSender))
        ])
        (Outcome.Reject Reason.RoomNotFederated)

/// The aliases that a server gives a room, in room versions 1 to 5.
let aliases =
    scope "aliases" "An aliases event:" (Condition.TypeIs "m.room.aliases") [
        clause
            "aliases.state-key"
            "It is rejected without a state key."
            (Condition.Not Condition.HasStateKey)
            (Outcome.Reject Reason.AliasesWithoutStateKey)
        clause
            "aliases.server"
            "It is rejected if the state key is not the sender's server."
            (Condition.Not(Condition.SameServer(Server.Of User.Sender, Server.InStateKey)))
            (Outcome.Reject Reason.AliasesOfAnotherServer)
        otherwise "aliases.otherwise" Outcome.Allow
    ]
