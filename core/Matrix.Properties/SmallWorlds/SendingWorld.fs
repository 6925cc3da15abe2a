/// Events other than create, member and power levels events. Authorization rules, from "sender's current membership
/// state" on.
[<RequireQualifiedAccess>]
module Matrix.Properties.SmallWorlds.SendingWorld

open Matrix.Rules
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds.Universe

/// An event to send: type, state key and, for redactions, the redacted event.
type private Sent = {
    Type: string
    Key: (string -> string) option
    Redacts: string option
    Content: (string * Json) list
}

let private message eventType = {
    Type = eventType
    Key = None
    Redacts = None
    Content = []
}

let private state eventType key = {
    message eventType with
        Key = Some(fun _ -> key)
}

let private own = "org.example.own"

let private redaction redacts = {
    message "m.room.redaction" with
        Redacts = redacts
}

let private kinds: (string * int * Sent) list =
    [
        "a message", 0, message "m.room.message"
        "a name", 1, state "m.room.name" ""
        "power levels of bob", 2, state "m.room.power_levels" bob
        "power levels that are no state",
        2,
        {
            message "m.room.power_levels" with
                Content = [
                    "ban", number 50
                    "events", nested [ "m.room.name", number 50 ]
                    "notifications", nested [ "room", number 50 ]
                    "users", nested [ carol, number 50 ]
                ]
        }
        "join rules", 1, state "m.room.join_rules" ""
        "a third-party invitation", 1, state "m.room.third_party_invite" token
        "a third-party invitation that is no state", 2, message "m.room.third_party_invite"
        "own state", 1, { message own with Key = Some id }
        "own state with a suffix",
        2,
        {
            message own with
                Key = Some(fun sender -> sender + "_laptop")
        }
        "state of nobody", 2, state own "@"
        "state of a user by the first letters", 2, state own "@alice:one_"
        "aliases of server one", 1, state "m.room.aliases" "one"
        "aliases of server two", 1, state "m.room.aliases" "two"
        "aliases of no server", 1, state "m.room.aliases" ""
        "aliases that are no state", 1, message "m.room.aliases"
        "a redaction of an event of server one", 1, redaction (Some "$x:one")
        "a redaction of an event of server two", 1, redaction (Some "$x:two")
        "a redaction of an event without a server", 1, redaction (Some "$x")
        "a redaction of nothing", 1, redaction None
        "a redaction that is state",
        2,
        {
            state "m.room.redaction" "" with
                Redacts = Some "$x:two"
        }
    ]
    @ [ for user in users -> $"state of {nameOf user}", 2, state own user ]
    @ [
        for user in users -> $"state of {nameOf user} with a suffix", 3, state own (user + "_laptop")
    ]
    @ [
        "a third-party invitation under bob's id", 3, state "m.room.third_party_invite" bob
    ]

/// All other events, by everyone, with every power around the required one.
let world: World =
    let w =
        WorldBuilder(
            "sending",
            "Messages, state, aliases, redactions and third-party invitations by every user, with every membership, \
             and every power around the level that the type, the state default, the events default, or the redact and \
             invite levels require."
        )

    w.Types [ for _, _, kind in kinds -> kind.Type ]
    let kind = w.Axis("event", kinds)
    let sender = w.Who("sender", users)

    let idServer =
        w.AxisUnless("event_id", idServers, (fun version _ -> not (assignsIds version)))

    let create = w.Axis("create", plain :: uncreated :: creators @ federations)

    let isUnread user (at: CaseReader) = at.At sender <> user

    let ofAlice =
        w.AxisUnless("alice", memberships alice, (fun _ at -> isUnread alice at))

    let ofBob = w.AxisUnless("bob", memberships bob, (fun _ at -> isUnread bob at))

    let ofCarol =
        w.AxisUnless("carol", memberships carol, (fun _ at -> isUnread carol at))

    let there = w.Axis("power levels", [ "", 0, false; "with power levels", 1, true ])
    let isUnset (at: CaseReader) = not (at.At there)

    let own =
        w.AxisUnless("sender's level", aroundAndOdd "sender has", (fun _ at -> isUnset at))

    let byDefault =
        w.AxisUnless("users_default", List.truncate 3 (around "users_default"), (fun _ at -> isUnset at))

    let ofType =
        w.AxisUnless("events", aroundAndOdd "the type needs", (fun _ at -> isUnset at))

    // Where the type has a level of its own, the defaults are not read.
    let isOfType (version: RoomVersion) (at: CaseReader) =
        at.At ofType |> Option.exists (fun json -> (Stated.level version json).IsSome)

    // Power levels are compared with all previous entries.
    let comparesAll (at: CaseReader) =
        (at.At kind).Type = "m.room.power_levels"

    let ofEvents =
        w.AxisUnless(
            "events_default",
            around "events_default",
            fun version at ->
                isUnset at
                || (not (comparesAll at) && (isOfType version at || (at.At kind).Key.IsSome))
        )

    let ofState =
        w.AxisUnless(
            "state_default",
            around "state_default",
            fun version at ->
                isUnset at
                || (not (comparesAll at) && (isOfType version at || (at.At kind).Key.IsNone))
        )

    let action =
        w.AxisUnless(
            "redact and invite",
            around "redact and invite need",
            fun _ at ->
                isUnset at
                || (match (at.At kind).Type with
                    | "m.room.redaction"
                    | "m.room.power_levels"
                    | "m.room.third_party_invite" -> false
                    | _ -> true)
        )

    w.State(Slot.Create, [ create ], (fun version at -> createOf version (at.At create)))
    w.State(Slot.Alice, [ ofAlice ], (fun _ at -> memberOf alice (at.At ofAlice)))
    w.State(Slot.Bob, [ ofBob ], (fun _ at -> memberOf bob (at.At ofBob)))
    w.State(Slot.Carol, [ ofCarol ], (fun _ at -> memberOf carol (at.At ofCarol)))

    w.State(
        Slot.Levels,
        [ kind; sender; there; own; byDefault; ofType; ofEvents; ofState; action ],
        fun _ at ->
            if at.At there then
                levelsOf [
                    "users", group [ at.At sender, at.At own ]
                    "users_default", at.At byDefault
                    "events", group [ (at.At kind).Type, at.At ofType ]
                    "events_default", at.At ofEvents
                    "state_default", at.At ofState
                    "redact", at.At action
                    "invite", at.At action
                ]
            else
                None
    )

    w.Asks(
        [ kind; sender; idServer ],
        fun version at ->
            let kind, sender = at.At kind, at.At sender

            {
                questionOf version (at.At idServer) (Draft.message sender kind.Type kind.Content) with
                    StateKey = kind.Key |> Option.map (fun key -> key sender)
                    Redacts = kind.Redacts
            }
    )
