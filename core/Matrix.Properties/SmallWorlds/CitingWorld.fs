/// The `auth_events` and room id of events, and rooms that are closed to other servers. Authorization rules,
/// "auth_events".
[<RequireQualifiedAccess>]
module Matrix.Properties.SmallWorlds.CitingWorld

open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds.Universe

/// The kinds of event that the auth events selection distinguishes.
type private Kind =
    | Message of content: (string * Json) list
    | Topic
    /// State whose key is the target.
    | StateOfTarget
    | Levels
    | Rules
    | Invitation
    | Member of membership: string * extra: (string * Json) list

let private kinds: (string * int * Kind) list =
    let thirdParty = [
        "third_party_invite", nested [ "signed", nested [ "mxid", text bob; "token", text token ] ]
    ]

    let letIn (by: string) = [ "join_authorised_via_users_server", text by ]

    [
        "a message", 0, Message []
        "a topic", 1, Topic
        "state of the target", 2, StateOfTarget
        "power levels", 1, Levels
        "join rules", 1, Rules
        "a third-party invitation", 1, Invitation
        "a join", 1, Member("join", [])
        "a join that bob authorises", 2, Member("join", letIn bob)
        "an invitation", 1, Member("invite", [])
        "an invitation with a token", 2, Member("invite", thirdParty)
        "a leave", 1, Member("leave", [])
        "a ban", 1, Member("ban", [])
        "a knock", 1, Member("knock", [])
        "a message that says what an invitation says", 2, Message(("membership", text "invite") :: thirdParty)
        "a message that says what a join says", 2, Message(("membership", text "join") :: letIn carol)
        "a ban with a token", 2, Member("ban", thirdParty)
        "an invitation that carol authorises", 2, Member("invite", letIn carol)
    ]

/// Every defect of `auth_events`, for every kind of event.
let world: World =
    let w =
        WorldBuilder(
            "citing",
            "Events of every kind whose auth_events lack an event, have one too many or a wrong one, in rooms open or \
             closed to other servers, with the room's id and with another."
        )

    w.Memberships [ "join"; "invite"; "leave"; "ban"; "knock" ]

    w.Types [
        "m.room.message"
        "m.room.topic"
        "org.example.own"
        "m.room.power_levels"
        "m.room.join_rules"
        "m.room.third_party_invite"
    ]

    let kind = w.Axis("event", kinds)

    let citing =
        w.Axis(
            "auth_events",
            [
                "", 0, Citing.AsSelected
                "without the create event", 1, Citing.Without Slot.Create
                "without the power levels", 1, Citing.Without Slot.Levels
                "without alice's membership", 1, Citing.Without Slot.Alice
                "the power levels twice", 1, Citing.Twice Slot.Levels
                "alice's membership twice", 1, Citing.Twice Slot.Alice
                "the topic too", 1, Citing.AlsoTopic
                "the topic twice", 2, Citing.AlsoTopicTwice
                "the topic, rejected", 2, Citing.AlsoTopicRejected
                "the create event too", 1, Citing.Also Slot.Create
                "the join rules too", 1, Citing.Also Slot.JoinRules
                "the third-party invitation too", 1, Citing.Also Slot.Invitation
                "carol's membership too", 1, Citing.Also Slot.Carol
                "the power levels, rejected", 1, Citing.Rejected Slot.Levels
                "alice's membership, rejected", 1, Citing.Rejected Slot.Alice
                "the power levels of another room", 1, Citing.Elsewhere Slot.Levels
                "alice's membership of another room", 1, Citing.Elsewhere Slot.Alice
                "alice's membership of another room, rejected", 2, Citing.RejectedElsewhere Slot.Alice
            ]
        )

    let create = w.Axis("create", plain :: uncreated :: federations)

    let name =
        w.Axis(
            "room_id",
            [
                "", 0, None
                "in another room", 1, Some "!another:one"
                "in a room without a name", 1, Some ""
            ]
        )

    let sender = w.Who("sender", users)

    let target =
        w.AxisUnless(
            "target",
            [
                for i, user in List.indexed users -> $"target is {nameOf user}", min i 1, user
            ],
            fun _ at -> not ((at.At kind).IsMember || (at.At kind).IsStateOfTarget)
        )

    let ofAlice = w.Axis("alice", List.truncate 2 (memberships alice))
    let ofBob = w.Axis("bob", List.truncate 3 (memberships bob))
    let ofCarol = w.Axis("carol", List.truncate 2 (memberships carol))
    let rules = w.Axis("join rules", List.truncate 2 joinRules)

    let levels = w.Axis("power levels", [ "", 0, false; "with power levels", 1, true ])

    let invitation =
        w.Axis("third-party invitation", [ "", 0, false; "with a third-party invitation", 1, true ])

    w.State(Slot.Create, [ create ], (fun version at -> createOf version (at.At create)))
    w.State(Slot.Alice, [ ofAlice ], (fun _ at -> memberOf alice (at.At ofAlice)))
    w.State(Slot.Bob, [ ofBob ], (fun _ at -> memberOf bob (at.At ofBob)))
    w.State(Slot.Carol, [ ofCarol ], (fun _ at -> memberOf carol (at.At ofCarol)))
    w.State(Slot.JoinRules, [ rules ], (fun _ at -> joinRulesOf (at.At rules)))

    w.State(
        Slot.Levels,
        [ levels ],
        fun _ at ->
            if at.At levels then
                levelsOf [ "state_default", Some(number 0) ]
            else
                None
    )

    w.State(
        Slot.Invitation,
        [ invitation ],
        fun _ at ->
            if at.At invitation then
                Some(Draft.state alice "m.room.third_party_invite" token [ "public_key", text "key-a" ])
            else
                None
    )

    w.Facts(
        [ citing ],
        fun _ at -> {
            Citing = at.At citing
            Signers = wellCited
            ThirdPartyKeys = [| "key-a" |]
            HasRoomId = false
        }
    )

    w.Asks(
        [ kind; name; sender; target ],
        fun version at ->
            let sender, target = at.At sender, at.At target

            let draft =
                match at.At kind with
                | Message content -> Draft.message sender "m.room.message" content
                | Topic -> Draft.state sender "m.room.topic" "" []
                | StateOfTarget -> Draft.state sender "org.example.own" target []
                | Levels -> Draft.state sender "m.room.power_levels" "" []
                | Rules -> Draft.state sender "m.room.join_rules" "" [ "join_rule", text "public" ]
                | Invitation -> Draft.state sender "m.room.third_party_invite" token []
                | Member(membership, extra) ->
                    Draft.state sender "m.room.member" target (("membership", text membership) :: extra)

            let draft = question version draft

            {
                draft with
                    Room = at.At name |> Option.defaultValue draft.Room
            }
    )
