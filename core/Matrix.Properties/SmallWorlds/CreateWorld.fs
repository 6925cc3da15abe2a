/// Create events. Authorization rules, "m.room.create".
[<RequireQualifiedAccess>]
module Matrix.Properties.SmallWorlds.CreateWorld

open Matrix.Rules
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds.Universe

/// The room id of a create event.
type private RoomName =
    /// The room id that its version prescribes.
    | Right
    /// A room id with the domain of another server, in versions whose room ids have a domain.
    | OfAnotherServer
    /// The event has `room_id`, in every version.
    | Given

/// The `room_version` in its content.
type private Stated =
    | Own
    | Fixed of Member

let private listOf (items: Json list) : Member = Some(Json.Array(Array.ofList items))

/// Create events of every shape.
let world: World =
    let w =
        WorldBuilder("creating", "Create events, right and wrong, in an empty room and in one that has been created.")

    w.Types [ "m.room.create" ]
    let sender = w.Who("sender", users)

    let idServer =
        w.AxisUnless("event_id", idServers, (fun version _ -> not (assignsIds version)))

    let prev =
        w.Axis(
            "prev_events",
            [
                "", 0, []
                "after another event", 1, [ "$last" ]
                "after two", 2, [ "$last"; "$other" ]
            ]
        )

    let name =
        w.Axis(
            "room_id",
            [
                "", 0, Right
                "room_id of server two", 1, OfAnotherServer
                "with a room_id", 1, Given
            ]
        )

    let stated =
        w.Axis(
            "room_version",
            [
                "", 0, Own
                "no room_version", 1, Fixed None
                "room_version 1", 1, Fixed(Some(text "1"))
                "room_version unheard-of", 1, Fixed(Some(text "unheard-of"))
                "room_version of another type", 1, Fixed(Some(number 6))
            ]
        )

    let creator =
        w.Axis(
            "creator",
            [
                "", 0, Some(text alice)
                "creator is bob", 1, Some(text bob)
                "no creator", 1, None
                "creator of another type", 1, Some(number 1)
            ]
        )

    let additional =
        w.Axis(
            "additional_creators",
            [
                "", 0, None
                "additional creator bob", 1, listOf [ text bob ]
                "additional creator carol", 1, listOf [ text carol ]
                "additional creator alice", 1, listOf [ text alice ]
                "no additional creators, but a list", 1, listOf []
                "additional creator who is no user id", 1, listOf [ text "bob" ]
                "additional creator of another type", 1, listOf [ number 1 ]
                "additional creators and one that is none", 2, listOf [ text bob; text "@" ]
                "additional_creators of another type", 1, Some(text bob)
            ]
        )

    let federate =
        w.Axis("m.federate", [ "", 0, None; "m.federate is false", 1, Some(Json.Bool false) ])

    let before =
        w.Axis("state", [ "", 0, None; "in a room that has been created", 1, Some ordinary ])

    w.State(Slot.Create, [ before ], (fun version at -> createOf version (at.At before)))

    w.Facts(
        [ name ],
        fun _ at -> {
            Citing = Citing.AsSelected
            Signers = wellCited
            ThirdPartyKeys = [||]
            HasRoomId = (at.At name = Given)
        }
    )

    w.Asks(
        [ sender; idServer; prev; name; stated; creator; additional; federate ],
        fun version at ->
            let content =
                members [
                    "room_version",
                    (match at.At stated with
                     | Own -> Some(text version.Id)
                     | Fixed value -> value)
                    "creator", at.At creator
                    "additional_creators", at.At additional
                    "m.federate", at.At federate
                ]

            {
                questionOf version (at.At idServer) (Draft.state (at.At sender) "m.room.create" "" content) with
                    Prev = at.At prev
                    Room =
                        match at.At name, version.Settings.RoomIds with
                        | OfAnotherServer, RoomIdForm.WithDomain -> "!room:two"
                        | _ -> Draft.roomOf version createId
            }
    )
