/// Rooms written by hand: every event has a name and lists its auth events.
module Matrix.Properties.Generators.DrawnRoom

open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators

/// The users: alice, who creates rooms, and bob are on one server, carol and dave on another.
let alice, bob, carol, dave = "@alice:one", "@bob:one", "@carol:two", "@dave:two"

/// A state event.
let event name sender eventType key content authEvents : Draft = {
    Draft.state sender eventType key content with
        Id = name
        Auth = authEvents
}

/// Alice creates the room.
let create: Draft = {
    event "$create" alice "m.room.create" "" [ "creator", text alice ] [] with
        Prev = []
}

/// A membership event.
let membership name sender user word authEvents =
    event name sender "m.room.member" user [ "membership", text word ] authEvents

/// A user joins.
let joins name user authEvents =
    membership name user user "join" authEvents

/// A user leaves.
let leaves name user authEvents =
    membership name user user "leave" authEvents

/// Power levels with these users, and other members.
let levels name sender users more authEvents =
    event
        name
        sender
        "m.room.power_levels"
        ""
        ([ "users", nested [ for u, l in users -> u, number l ] ] @ more)
        authEvents

/// Join rules.
let joinRules name sender rule authEvents =
    event name sender "m.room.join_rules" "" [ "join_rule", text rule ] authEvents

/// A topic.
let topic name sender words authEvents =
    event name sender "m.room.topic" "" [ "topic", text words ] authEvents

/// The creator's entry in the users of the power levels; empty where creators have infinite power.
let creatorsLevel (version: RoomVersion) =
    if version.Settings.CreatorPower = CreatorPower.Infinite then
        []
    else
        [ alice, 100 ]

/// The graph of these events. They are in order, each a little later than the previous one. An event that names no
/// previous events comes after the previous one. The create event is left out of `auth_events` where a version does so.
let room (version: RoomVersion) (drafts: Draft list) : RoomGraph =
    let authEventsIncludeCreate =
        version.Selections |> List.exists (fun s -> s.Type = "m.room.create")

    // A draft without previous events of its own has these.
    let unsaid = (Draft.state "" "" "" []).Prev

    let prevEvents =
        [] :: (drafts |> List.map (fun draft -> [ draft.Id ]))
        |> List.truncate drafts.Length

    {
        Version = version
        Rejected = Set.empty
        Events =
            Map [
                for i, (draft, prev) in List.indexed (List.zip drafts prevEvents) ->
                    draft.Id,
                    Draft.toPdu version {
                        draft with
                            Room = Draft.roomOf version "$create"
                            Prev = if draft.Prev = unsaid then prev else draft.Prev
                            Time = int64 i
                            Depth = int64 i + 1L
                            Auth = draft.Auth |> List.filter (fun a -> authEventsIncludeCreate || a <> "$create")
                    }
            ]
    }

/// The state of these events.
let stateOf (graph: RoomGraph) (ids: string list) : StateMap =
    Map [
        for id in ids do
            let e: Pdu = graph.Events[id]
            (e.Type, string e.StateKey), id
    ]
