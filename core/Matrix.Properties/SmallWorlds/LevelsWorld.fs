/// Power levels events against the power levels before. Authorization rules, "m.room.power_levels".
[<RequireQualifiedAccess>]
module Matrix.Properties.SmallWorlds.LevelsWorld

open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds.Universe

/// Where the sender's power of 50 comes from.
type internal PowerSource =
    | OfAnEntry
    | OfTheDefault
    /// There is no power levels event: the sender has a creator's power or none.
    | OfNoEvent

let internal powerSources = [
    "", 1, OfAnEntry
    "sender's level by default", 1, OfTheDefault
    "no power levels event", 0, OfNoEvent
]

/// An entry before or after: missing, or below, at or above the sender's 50.
let internal entry (name: string) (time: string) = around $"{name} {time}"

let internal joined (w: WorldBuilder) =
    w.State(Slot.Alice, [], (fun _ _ -> memberOf alice Matrix.Rules.Membership.Join))
    w.State(Slot.Bob, [], (fun _ _ -> memberOf bob Matrix.Rules.Membership.Join))
    w.State(Slot.Carol, [], (fun _ _ -> memberOf carol Matrix.Rules.Membership.Join))

/// The power levels before: the sender's 50 by entry or by default, and the other entries.
let internal before
    (source: PowerSource)
    (sender: string)
    (users: (string * Member) list)
    (rest: (string * Member) list)
    =
    let fifty = Some(number 50)

    match source with
    | OfNoEvent -> None
    | OfAnEntry ->
        levelsOf (
            ("users", group ((sender, fifty) :: List.filter (fun (user, _) -> user <> sender) users))
            :: rest
        )
    | OfTheDefault ->
        levelsOf (
            ("users", group (List.filter (fun (user, _) -> user <> sender) users))
            :: ("users_default", fifty)
            :: rest
        )

let internal asks (w: WorldBuilder) axes (sender: AxisOf<string>) content =
    w.Asks(
        (sender :> IAxis) :: axes,
        fun version at -> question version (Draft.state (at.At sender) "m.room.power_levels" "" (members (content at)))
    )

/// Entries of users, an event type, a default and an action, each before and after.
let world: World =
    let w =
        WorldBuilder(
            "power levels",
            "Power levels events by everyone: each user's entry, an event type's and the ban level before and after, \
             each missing, below, at or above the sender's own, with the state default and the users default after."
        )

    w.Types [ "m.room.power_levels" ]
    let sender = w.Who("sender", users)
    w.Renames sender
    let source = w.Axis("source of power", powerSources)
    let isNew (at: CaseReader) = at.At source = OfNoEvent

    // The sender's own entry before follows from the source of their power.
    let user name =
        let short = nameOf name

        w.AxisUnless($"{short} before", entry $"{short} had" "", (fun _ at -> isNew at || at.At sender = name)),
        w.Axis($"{short} after", entry $"{short} gets" "")

    let aliceBefore, aliceAfter = user alice
    let bobBefore, bobAfter = user bob
    let carolBefore, carolAfter = user carol
    w.Exchanges(bobBefore, carolBefore)
    w.Exchanges(bobAfter, carolAfter)

    let nameBefore =
        w.AxisUnless("events before", entry "a name needed" "", (fun _ at -> isNew at))

    let nameAfter = w.Axis("events after", entry "a name will need" "")

    let banBefore =
        w.AxisUnless("ban before", entry "ban needed" "", (fun _ at -> isNew at))

    let banAfter = w.Axis("ban after", entry "ban will need" "")
    let state = w.Axis("state_default after", entry "state_default will be" "")
    let byDefault = w.Axis("users_default after", entry "users_default will be" "")

    w.State(Slot.Create, [], (fun version _ -> createOf version (Some ordinary)))
    joined w

    w.State(
        Slot.Levels,
        [ sender; source; aliceBefore; bobBefore; carolBefore; nameBefore; banBefore ],
        fun _ at ->
            before (at.At source) (at.At sender) [
                alice, at.At aliceBefore
                bob, at.At bobBefore
                carol, at.At carolBefore
            ] [
                "events", group [ "m.room.name", at.At nameBefore; "m.room.power_levels", Some(number 50) ]
                "ban", at.At banBefore
            ]
    )

    asks w [ aliceAfter; bobAfter; carolAfter; nameAfter; banAfter; state; byDefault ] sender (fun at -> [
        "users", group [ alice, at.At aliceAfter; bob, at.At bobAfter; carol, at.At carolAfter ]
        "events", group [ "m.room.name", at.At nameAfter ]
        "ban", at.At banAfter
        "state_default", at.At state
        "users_default", at.At byDefault
    ])

let private named = [
    "users_default"
    "events_default"
    "state_default"
    "ban"
    "redact"
    "kick"
    "invite"
]

/// Levels with these names that are added, changed and removed, by creators and others, joined or not, with and without
/// the required power. Some worlds also change maps or users.
let private guarded (title: string) (meaning: string) (names: string list) (hasMaps: bool) (hasUsers: bool) : World =
    let w = WorldBuilder(title, meaning)

    // A single choice in worlds without this part.
    let onlyIf wanted choices =
        if wanted then choices else List.truncate 1 choices

    w.Types [ "m.room.power_levels" ]
    let sender = w.Who("sender", users)
    let create = w.Axis("create", plain :: uncreated :: creators)

    let there =
        w.Axis("source of power", [ "", 1, true; "no power levels event", 0, false ])

    let isNew (at: CaseReader) = not (at.At there)

    let place =
        w.Axis(
            "place",
            [
                "", 1, Matrix.Rules.Membership.Join
                "sender left", 2, Matrix.Rules.Membership.Leave
            ]
        )

    // For senders who are not joined, no rule reads further.
    let isOut (at: CaseReader) =
        at.At place <> Matrix.Rules.Membership.Join

    let needed =
        w.AxisUnless("events", [ "", 0, 50; "power levels need 51", 1, 51 ], (fun _ at -> isNew at || isOut at))

    let name =
        w.AxisUnless(
            "named level",
            [
                for i, name in List.indexed names -> (if i = 0 then "" else name), min i 1, name
            ],
            fun _ at -> isOut at
        )

    let isUnread (at: CaseReader) = isNew at || isOut at

    // Also 101: above the creator's power of 100 before the first power levels event.
    let above (name: string) =
        entry name "" @ [ $"{name} 101", 1, Some(number 101) ]

    let nameBefore =
        w.AxisUnless("before", entry "it was" "", (fun _ at -> isUnread at))

    let nameAfter = w.AxisUnless("after", above "it will be", (fun _ at -> isOut at))

    let noticeBefore =
        w.AxisUnless(
            "notifications before",
            onlyIf hasMaps (entry "a notification needed" ""),
            (fun _ at -> isUnread at)
        )

    let noticeAfter =
        w.AxisUnless("notifications after", onlyIf hasMaps (above "a notification will need"), (fun _ at -> isOut at))

    let typeBefore =
        w.AxisUnless("events before", onlyIf hasMaps (entry "a name needed" ""), (fun _ at -> isUnread at))

    let typeAfter =
        w.AxisUnless("events after", onlyIf hasMaps (above "a name will need"), (fun _ at -> isOut at))

    let own =
        w.AxisUnless(
            "own entry",
            [
                "", 0, Some(number 50)
                "the sender's entry goes", 1, None
                "sender gets 101", 1, Some(number 101)
            ],
            fun _ at -> isOut at
        )

    let otherBefore =
        w.AxisUnless("other before", onlyIf hasUsers (entry "another user had" ""), (fun _ at -> isUnread at))

    let otherAfter =
        w.AxisUnless("other after", onlyIf hasUsers (above "another user gets"), (fun _ at -> isOut at))

    let other (at: CaseReader) =
        if at.At sender = carol then bob else carol

    w.State(Slot.Create, [ create ], (fun version at -> createOf version (at.At create)))

    for slot, user in [ Slot.Alice, alice; Slot.Bob, bob; Slot.Carol, carol ] do
        w.State(
            slot,
            [ sender; place ],
            (fun _ at ->
                if at.At sender = user then
                    memberOf user (at.At place)
                else
                    None)
        )

    w.State(
        Slot.Levels,
        [
            name
            nameBefore
            noticeBefore
            typeBefore
            sender
            there
            needed
            otherBefore
        ],
        fun _ at ->
            if at.At there then
                before OfAnEntry (at.At sender) [ other at, at.At otherBefore ] [
                    at.At name, at.At nameBefore
                    "notifications", group [ "room", at.At noticeBefore ]
                    "events",
                    group [
                        "m.room.name", at.At typeBefore
                        "m.room.power_levels", Some(number (at.At needed))
                    ]
                ]
            else
                None
    )

    asks w [ name; nameAfter; noticeAfter; typeAfter; needed; own; otherAfter ] sender (fun at -> [
        "users", group [ at.At sender, at.At own; other at, at.At otherAfter ]
        at.At name, at.At nameAfter
        "notifications", group [ "room", at.At noticeAfter ]
        "events",
        group [
            "m.room.name", at.At typeAfter
            "m.room.power_levels", Some(number (at.At needed))
        ]
    ])

/// Each named level in turn.
let settings: World =
    guarded
        "named levels"
        "Power levels events that add, change and remove each named level, by creators and others, joined or not, with \
         and without the power to send them."
        named
        false
        false

/// The entries of maps.
let maps: World =
    guarded
        "maps of levels"
        "Power levels events that add, change and remove a named level and entries of events and notifications."
        [ "ban" ]
        true
        false

/// The entries of users, and the default for users without one.
let entries: World =
    guarded
        "entries and defaults"
        "Power levels events that add, change and remove users' entries where the default for users changes too."
        [ "users_default" ]
        false
        true

/// Levels below 0, which counts where there is none.
let negative: World =
    let w =
        WorldBuilder(
            "levels below zero",
            "Power levels events of rooms with negative levels: the default for users, the sender's entry and another \
             user's, each before and after, missing, or one of two levels below 0."
        )

    w.Types [ "m.room.power_levels" ]
    let sender = w.Who("sender", users)

    let each (name: string) time =
        w.Axis(
            $"{name} {time}",
            [
                "", 0, None
                for level in [ -1; -2 ] do
                    $"{name} {time} {level}", 1, Some(number level)
            ]
        )

    let both name = each name "was", each name "will be"
    let defaultBefore, defaultAfter = both "users_default"
    let ownBefore, ownAfter = both "the sender's entry"
    let otherBefore, otherAfter = both "another user's entry"

    let other (at: CaseReader) =
        if at.At sender = carol then bob else carol

    w.State(Slot.Create, [], (fun version _ -> createOf version (Some ordinary)))
    joined w

    let content (at: CaseReader) byDefault own another = [
        "users", group [ at.At sender, at.At own; other at, at.At another ]
        "users_default", at.At byDefault
        "events", group [ "m.room.power_levels", Some(number -2) ]
    ]

    w.State(
        Slot.Levels,
        [ sender; defaultBefore; ownBefore; otherBefore ],
        fun _ at -> levelsOf (content at defaultBefore ownBefore otherBefore)
    )

    asks w [ defaultAfter; ownAfter; otherAfter ] sender (fun at -> content at defaultAfter ownAfter otherAfter)
