/// The changes that power levels events may make.
module internal Matrix.Properties.Claims.LevelsClaims

open Matrix.Rules
open Matrix.Properties.Claims

let private users = [ "users" ]

let private shapes: Claim list =
    let integers name sentence then' =
        accepted
            name
            sentence
            "v1.19 rooms/v10#values-in-mroompower_levels-events-must-be-integers"
            "Servers that read a string or a float differently would decide differently."
            isLevels
            then'
        |> since 10

    let newOnes maps =
        accepted
            "new-levels-are-levels"
            "The value of an added or changed level is a level."
            "v1.19 rooms/v1#deprecated-event-content-schemas"
            "A value that is no level would be compared with nothing."
            isLevels
            (newOnesAreLevels maps)
        |> exceptIn
            1
            Newest
            "first"
            "a room's first power levels may have any values outside of users"
            (never' hasLevels)

    [
        accepted
            "users-of-power-levels-have-levels"
            "The users of power levels are an object of user ids and levels."
            (rulesOf 1)
            "The power of a user must be the same to every server."
            isLevels
            usersAreLevels

        integers "named-levels-are-integers" "The named levels are integers." namedAreIntegers

        integers
            "levels-in-maps-are-integers"
            "The levels of events and notifications are integers in objects."
            mapsAreIntegers

        newOnes [ "events" ] |> until 5
        newOnes [ "events"; "notifications" ] |> since 6 |> until 9

        accepted
            "power-levels-name-no-creator"
            "Power levels name no creator of the room."
            (rulesOf 12)
            "A creator's power is above all levels; an entry would say otherwise."
            isLevels
            namesNoCreator
        |> since 12
    ]

let private reach: Claim list =
    let within name what then' =
        accepted
            name
            $"Nobody sets {what} from or to more power than their own."
            (rulesOf 1)
            "Nobody grants, or takes away, what they do not have."
            isLevels
            then'
        |> exceptFirstLevels

    [
        within "nobody-sets-a-named-level-beyond-their-own" "a named level" (everyNamed isWithinReach)

        within
            "nobody-sets-an-event-types-level-beyond-their-own"
            "an event type's level"
            (everyEntryOf [ "events" ] isWithinReach)

        {
            within
                "nobody-sets-a-notifications-level-beyond-their-own"
                "a notification's level"
                (everyEntryOf [ "notifications" ] isWithinReach) with
                Section = rulesOf 6
        }
        |> since 6

        accepted
            "nobody-sets-an-entry-above-their-own-power"
            "Nobody sets a user's entry to more power than their own."
            (rulesOf 1)
            "Nobody grants what they do not have."
            isLevels
            (everyEntryOf users (any [ keepsLevel; never' (above Amount.EntryAfter ofSender) ]))
        |> exceptFirstLevels

        accepted
            "the-entries-of-equals-are-out-of-reach"
            "Nobody changes or removes another user's entry that is not below their own power."
            (rulesOf 1)
            "What gives an equal their power is theirs, also where the default would give them as much."
            isLevels
            (everyEntryOf users (any [ isOwnEntry; keepsLevel; never' (atLeast Amount.EntryBefore ofSender) ]))
    ]

let private before = Amount.Of User.EntryKey
let private after = Amount.OfAfter User.EntryKey

/// The user's entry goes, so that the default counts.
let private fallsToDefault = all [ isLevelBefore; never' isLevelAfter ]

/// The user has the sender's power or more, and loses some.
let private loses =
    all [ never' isOwnEntry; atLeast before ofSender; below after before ]

/// The user has no entry, before or after, so that the default counts.
let private hasNoEntry = all [ never' isLevelBefore; never' isLevelAfter ]

/// The user has no entry, before or after, and the sender's power by default.
let private followsDefault =
    all [ hasNoEntry; atMost before ofSender; atLeast before ofSender ]

/// The default for users has a level before, and none after: then 0 counts.
let private defaultGoes =
    Statement.SomeEntry(Entries.Members [ "users_default" ], fallsToDefault)

/// The user, who had no entry, gets one.
let private getsFirstEntry = all [ never' isLevelBefore; isLevelAfter ]

/// The default for users has no level before, so that 0 counts, and one after.
let private defaultComes =
    Statement.SomeEntry(Entries.Members [ "users_default" ], getsFirstEntry)

/// Why levels below 0 need an exception.
let private zeroUnread =
    "where users_default is missing, 0 counts, which no rule compares: "

let private powers: Claim list =
    let first =
        exceptIn 1 11 "first" "a room's first power levels may have any levels" (never' hasLevels)

    [
        accepted
            "nobody-gives-more-than-they-have"
            "Nobody gives another more power than they have themselves."
            (rulesOf 1)
            "Power does not grow by being passed on."
            isLevels
            (Statement.Everybody(any [ isOwnEntry; atMost after before; atMost after ofSender ]))
        |> first
        |> except
            "default-shows"
            "the removal of an entry uncovers the default, which may be above the sender's own level: no rule checks it"
            (Statement.Everybody(any [ isOwnEntry; fallsToDefault; atMost after before; atMost after ofSender ]))
        |> except
            "default-goes"
            (zeroUnread
             + "a sender below 0 removes a negative default, and users without an entry rise to 0")
            (all [
                defaultGoes
                Statement.Everybody(
                    any [
                        isOwnEntry
                        fallsToDefault
                        hasNoEntry
                        atMost after before
                        atMost after ofSender
                    ]
                )
            ])

        accepted
            "nobody-takes-power-from-equals"
            "Nobody takes power from another user with as much power as their own."
            (rulesOf 1)
            "Moderators cannot demote each other."
            isLevels
            (Statement.Everybody(any [ isOwnEntry; below before ofSender; atLeast after before ]))
        |> except
            "by-default"
            "users without an entry of their own follow the default, which may be lowered from the sender's own power"
            (Statement.Everybody(any [ never' loses; followsDefault ]))
        |> except
            "first-entry"
            "a user without an entry may be given one, even below the default that counted for them until then: no \
             rule compares the two"
            (all [
                Statement.Somebody(all [ loses; getsFirstEntry ])
                Statement.Everybody(any [ never' loses; getsFirstEntry; followsDefault ])
            ])
        |> except
            "default-comes"
            (zeroUnread
             + "a sender below 0 sets a default, and users without an entry fall from 0 to it")
            (all [
                defaultComes
                Statement.Everybody(any [ never' loses; getsFirstEntry; hasNoEntry ])
            ])

        accepted
            "nobody-raises-their-own-power"
            "Nobody raises their own power."
            (rulesOf 1)
            "Power is given by others."
            isLevels
            (atMost (Amount.OfAfter User.Sender) ofSender)
        |> first
        |> except
            "default-shows"
            "the removal of one's own entry uncovers the default, which may be higher"
            (Statement.Somebody(all [ isOwnEntry; fallsToDefault ]))
        |> except
            "default-goes"
            (zeroUnread
             + "a sender without an entry rises to 0 when they remove a negative default")
            (all [ defaultGoes; Statement.Somebody(all [ isOwnEntry; hasNoEntry ]) ])

        accepted
            "creators-keep-their-power"
            "Creators keep their power, whatever power levels say."
            (rulesOf 12)
            "A room is not taken from those who made it."
            isLevels
            (Statement.Everybody(any [ never' (Statement.Creator User.EntryKey); atLeast after before ]))
        |> since 12
    ]

let claims: Claim list = shapes @ reach @ powers
