/// The values of power levels. Authorization rules, "m.room.power_levels".
[<RequireQualifiedAccess>]
module Matrix.Properties.SmallWorlds.LevelValuesWorld

open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds.Universe

/// Values that are not levels, or are levels in some versions only.
let world: World =
    let w =
        WorldBuilder(
            "values of levels",
            "Power levels events whose named levels, maps and entries, before and after, are strings, floats or \
             values of other types, or name impossible users, by creators and others."
        )

    let odd (name: string) : (string * int * Member) list = [
        "", 0, None
        $"{name} 50", 1, Some(number 50)
        $"{name} \"50\"", 1, Some(text "50")
        $"{name} \" +050 \"", 2, Some(text " +050 ")
        $"{name} 50.9", 1, Some(Json.Float 50.9)
        $"{name} \"x\"", 1, Some(text "x")
        $"{name} 1e300", 2, Some(Json.Float 1e300)
        $"{name} null", 1, Some Json.Null
        $"{name} \"51\"", 1, Some(text "51")
        $"{name} 51.5", 1, Some(Json.Float 51.5)
    ]

    // A value in place of a whole map; none if the map is kept.
    let shapes (name: string) : (string * int * Member) list = [
        "", 0, None
        $"{name} is no object", 1, Some(Json.Array [||])
        $"{name} is null", 1, Some Json.Null
        $"{name} is empty", 1, Some(nested [])
    ]

    let orElse (map: Member) (shape: Member) = Option.orElse map shape

    w.Types [ "m.room.power_levels" ]
    let sender = w.Who("sender", [ alice; bob ])

    let create =
        w.Axis(
            "create",
            [
                plain
                for (_, _, creation) as choice in creators do
                    if creation <> Some ordinary then
                        choice
            ]
        )

    let source = w.Axis("source of power", LevelsWorld.powerSources)
    let isNew (at: CaseReader) = at.At source = LevelsWorld.OfNoEvent
    let namedBefore = w.AxisUnless("ban before", odd "ban was", (fun _ at -> isNew at))
    let named = w.Axis("ban", odd "ban")
    let users = w.Axis("users as a whole", shapes "users")
    let isWhole map (at: CaseReader) = (at.At map: Member).IsSome

    let entry =
        w.AxisUnless("users", odd "the entry of users is", (fun _ at -> isWhole users at))

    let entryOf =
        w.AxisUnless(
            "user",
            [
                "", 0, carol
                "of nobody", 1, "nobody"
                "of alice", 1, alice
                "of bob", 1, bob
            ],
            fun _ at -> (at.At entry).IsNone
        )

    let events = w.Axis("events as a whole", shapes "events")

    let ofType =
        w.AxisUnless(
            "events",
            [
                "", 0, None
                "events with a string", 1, Some(text "50")
                "events with a float", 1, Some(Json.Float 50.9)
            ],
            fun _ at -> isWhole events at
        )

    let notices =
        w.Axis("notifications as a whole", List.truncate 2 (shapes "notifications"))

    let notice =
        w.AxisUnless(
            "notifications",
            [ "", 0, None; "notifications with a string", 1, Some(text "50") ],
            fun _ at -> isWhole notices at
        )

    w.State(Slot.Create, [ create ], (fun version at -> createOf version (at.At create)))
    LevelsWorld.joined w

    w.State(
        Slot.Levels,
        [ sender; source; namedBefore ],
        fun _ at ->
            LevelsWorld.before (at.At source) (at.At sender) [] [
                "ban", at.At namedBefore
                "events", group [ "m.room.power_levels", Some(number 50) ]
            ]
    )

    LevelsWorld.asks w [ named; entryOf; entry; users; ofType; events; notice; notices ] sender (fun at -> [
        "ban", at.At named
        "users", at.At users |> orElse (group [ at.At entryOf, at.At entry ])
        "events", at.At events |> orElse (group [ "m.room.name", at.At ofType ])
        "notifications", at.At notices |> orElse (group [ "room", at.At notice ])
    ])
