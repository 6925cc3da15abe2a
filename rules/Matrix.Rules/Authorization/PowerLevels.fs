/// Authorization of power levels events. v1.19 rooms/v1#authorisation-rules, `m.room.power_levels`
module Matrix.Rules.Authorization.PowerLevels

open Matrix.Rules

/// The members of a power levels event that are levels themselves.
let settings = [
    "users_default"
    "events_default"
    "state_default"
    "ban"
    "redact"
    "kick"
    "invite"
]

let private oldTooHigh name relation =
    clause
        name
        (match relation with
         | Relation.AtLeast -> "If the current value is at least the power of the sender, reject."
         | _ -> "If the current value is above the power of the sender, reject.")
        (Condition.Compare(Power.Old, relation, Power.Of User.Sender))
        (Outcome.Reject Reason.OldLevelTooHigh)

let private newTooHigh name =
    clause
        name
        "If the new value is above the power of the sender, reject."
        (Condition.Compare(Power.New, Relation.Above, Power.Of User.Sender))
        (Outcome.Reject Reason.NewLevelTooHigh)

/// The decision record on malformed levels.
let private malformedLevels = 25

let private newMalformed name reason =
    reading
        malformedLevels
        name
        "If the new value is not a level, reject."
        Condition.NewIsNoLevel
        (Outcome.Reject reason)

let private names =
    function
    | [ one ] -> one
    | many -> String.concat " and " many

/// Changed and removed entries of these maps.
let entriesBefore (maps: string list) =
    forEach
        "power-levels.entries-before"
        $"For each entry of {names maps} that is changed or removed:"
        [ Alteration.Changed; Alteration.Removed ]
        (Entries.Inside maps)
        Condition.Always
        [ oldTooHigh "power-levels.entries-before.too-high" Relation.Above ]

/// Added and changed entries of these maps. A map that is not an object is an entry with the map's name.
let entriesAfter (maps: string list) =
    forEach
        "power-levels.entries-after"
        $"For each entry of {names maps} that is added or changed:"
        [ Alteration.Added; Alteration.Changed ]
        (Entries.Inside maps)
        Condition.Always
        [
            newTooHigh "power-levels.entries-after.too-high"
            newMalformed "power-levels.entries-after.malformed" Reason.LevelMapsMalformed
        ]

/// The condition that some levels are malformed: present, and not of this shape.
let malformed (paths: string list) (shape: Shape) : Condition =
    let bad path =
        Condition.And [
            Condition.ContentHas [ path ]
            Condition.Not(Condition.ContentIs([ path ], shape))
        ]

    match paths with
    | [ path ] -> bad path
    | _ -> Condition.Or(paths |> List.map bad)

/// The condition that `users` is malformed.
let usersMalformed (values: PowerLevelValues) : Condition =
    malformed [ "users" ] (Shape.UsersTo(Shape.Level values))

/// A power levels event.
let all =
    scope "power-levels" "If the type is m.room.power_levels:" (Condition.TypeIs "m.room.power_levels") [
        clause
            "power-levels.users"
            "If users is present and is not an object from user ids to levels, which are integers, floats, or strings \
             that hold an integer, reject."
            (usersMalformed PowerLevelValues.IntegersFloatsAndStrings)
            (Outcome.Reject Reason.LevelUsersMalformed)
        clause
            "power-levels.first"
            "If the room has no m.room.power_levels yet, allow."
            (Condition.Not(Condition.StateHas "m.room.power_levels"))
            Outcome.Allow
        forEach
            "power-levels.settings"
            "For each named or default level that is added, changed or removed:"
            [ Alteration.Added; Alteration.Changed; Alteration.Removed ]
            (Entries.Members settings)
            Condition.Always
            [
                oldTooHigh "power-levels.settings.before" Relation.Above
                newTooHigh "power-levels.settings.after"
                newMalformed "power-levels.settings.malformed" Reason.LevelsMalformed
            ]
        entriesBefore [ "events" ]
        entriesAfter [ "events" ]
        forEach
            "power-levels.users-before"
            "For each entry of users that is changed or removed, other than the sender's own:"
            [ Alteration.Changed; Alteration.Removed ]
            (Entries.Inside [ "users" ])
            (Condition.Not(Condition.SameUser(User.EntryKey, User.Sender)))
            [ oldTooHigh "power-levels.users-before.too-high" Relation.AtLeast ]
        forEach
            "power-levels.users-after"
            "For each entry of users that is added or changed:"
            [ Alteration.Added; Alteration.Changed ]
            (Entries.Inside [ "users" ])
            Condition.Always
            [ newTooHigh "power-levels.users-after.too-high" ]
        otherwise "power-levels.otherwise" Outcome.Allow
    ]
