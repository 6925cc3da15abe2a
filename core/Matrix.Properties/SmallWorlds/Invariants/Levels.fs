/// The changes that power levels events may make.
module internal Matrix.Properties.SmallWorlds.LevelsInvariants

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Ident
open Matrix.Core.Json
open Matrix.Properties.SmallWorlds

let private levels = "m.room.power_levels"

// Since version 12 only creators, whose power is infinite, can send a room's first power levels.
let private first =
    exceptIn (until 11) "first" "a room's first power levels may have any levels" (fun s -> not s.HasLevels)

// A message of that type requires only `events_default`, and sets no levels.
let private firstOrMessage =
    except
        "first"
        "a room's first power levels may have any levels; since version 12 only creators can send them, and anyone \
         may send a message of that type"
        (fun s -> not s.HasLevels && (until 11 s.Version || not s.Event.IsState))

/// Whether an entry is unchanged, or neither its old nor its new value is above the sender's power.
let isWithin (s: Scene) (before: int64 voption) (after: int64 voption) : bool =
    let within (level: int64 voption) =
        level.IsNone || level.Value <= s.Power s.Sender

    before = after || within before && within after

/// The keys of a member that is an object.
let keysOf (map: string) (content: JsonObject) : string list =
    match content.TryFind map with
    | ValueSome(Json.Object o) -> [ for i in 0 .. o.Count - 1 -> o.Key i ]
    | _ -> []

/// Whether the old and new values of all changed entries of a map are within the sender's power.
let everyEntryWithin (map: string) (s: Scene) : bool =
    let before, after = s.ContentBefore, s.Event.Content

    keysOf map before @ keysOf map after
    |> List.forall (fun key -> isWithin s (s.LevelIn(map, key, before)) (s.LevelIn(map, key, after)))

/// The users of the world, and those that the power levels name before or after the event.
let private everyone (s: Scene) : string list =
    Universe.users @ keysOf "users" s.ContentBefore @ keysOf "users" s.Event.Content
    |> List.distinct

/// The users other than the sender.
let others (s: Scene) =
    everyone s |> List.filter (fun user -> user <> s.Sender)

let private isListed (s: Scene) (user: string) =
    (s.LevelIn("users", user, s.ContentBefore)).IsSome

/// Whether a user's entry is removed, so that the default counts.
let private fallsToDefault (s: Scene) (user: string) =
    isListed s user && (s.LevelIn("users", user, s.Event.Content)).IsNone

/// The other users who have at least the sender's power, and lose some.
let private losers (s: Scene) : string list =
    others s
    |> List.filter (fun user -> s.Power user >= s.Power s.Sender && s.PowerAfter user < s.Power user)

/// Whether a user without an entry has the sender's power by default, and still has no entry afterwards.
let private followsLoweredDefault (s: Scene) (user: string) =
    not (isListed s user)
    && (s.LevelIn("users", user, s.Event.Content)).IsNone
    && s.Power user = s.Power s.Sender

/// Whether a user without an entry is given one.
let private getsFirstEntry (s: Scene) (user: string) =
    not (isListed s user) && (s.LevelIn("users", user, s.Event.Content)).IsSome

/// Whether a user has no entry, before or after.
let private hasNoEntry (s: Scene) (user: string) =
    not (isListed s user) && (s.LevelIn("users", user, s.Event.Content)).IsNone

let private defaultIn (s: Scene) (content: JsonObject) = s.LevelOf("users_default", content)

/// Whether the default for users has a level before and none after: then 0 counts.
let private defaultGoes (s: Scene) =
    (defaultIn s s.ContentBefore).IsSome && (defaultIn s s.Event.Content).IsNone

/// Whether the default for users has no level before, so that 0 counts, and one after.
let private defaultComes (s: Scene) =
    (defaultIn s s.ContentBefore).IsNone && (defaultIn s s.Event.Content).IsSome

// Why levels below 0 need an exception.
let private zeroUnread =
    "where users_default is missing, 0 counts, which no rule compares: "

/// Whether a value is an integer.
let isInteger (json: Json) =
    match json with
    | Json.Int _ -> true
    | _ -> false

/// Whether a member of the content is absent, or is an object for each of whose entries this holds.
let mapHolds (map: string) (holds: string -> Json -> bool) (s: Scene) : bool =
    match s.Event.Content.TryFind map with
    | ValueNone -> true
    | ValueSome(Json.Object o) -> Seq.forall (fun struct (key, value) -> holds key value) o.Members
    | ValueSome _ -> false

/// The members of power levels that are levels.
let named = [
    "users_default"
    "events_default"
    "state_default"
    "ban"
    "redact"
    "kick"
    "invite"
]

let private shapes: Invariant list = [
    accepted "levels.users" levels "The users of power levels are an object of user ids and levels." (fun s ->
        mapHolds "users" (fun key value -> UserId.isValid key && (s.Level value).IsSome) s)

    accepted "levels.integers" levels "The named levels are integers." (fun s ->
        named
        |> List.forall (fun key ->
            match s.Event.Content.TryFind key with
            | ValueNone -> true
            | ValueSome json -> isInteger json))
    |> inVersions (since 10)

    canHappen "levels.no-integers" levels "A named level is no integer." (fun s ->
        named
        |> List.exists (fun key ->
            match s.Event.Content.TryFind key with
            | ValueNone -> false
            | ValueSome json -> not (isInteger json)))
    |> inVersions (until 9)

    accepted
        "levels.integers-in-maps"
        levels
        "The levels of events and notifications are integers in objects."
        (fun s ->
            mapHolds "events" (fun _ -> isInteger) s
            && mapHolds "notifications" (fun _ -> isInteger) s)
    |> inVersions (since 10)

    canHappen "levels.no-integers-in-maps" levels "A level of events or notifications is no integer." (fun s ->
        not (mapHolds "events" (fun _ -> isInteger) s)
        || not (mapHolds "notifications" (fun _ -> isInteger) s))
    |> inVersions (until 9)

    accepted "levels.new-ones-are-levels" levels "The value of an added or changed level is a level." (fun s ->
        let before, after = s.ContentBefore, s.Event.Content

        let isLevel (json: Json) = (s.Level json).IsSome

        let maps =
            if since 6 s.Version then
                [ "events"; "notifications" ]
            else
                [ "events" ]

        // Unchanged values are not checked.
        let isGood (was: Json voption) (is: Json voption) =
            match is with
            | ValueNone -> true
            | ValueSome json -> was = is || isLevel json

        let isGoodMap (map: string) =
            match before.TryFind map, after.TryFind map with
            | _, ValueNone -> true
            | was, is when was = is -> true
            | ValueSome(Json.Object was), ValueSome(Json.Object is) ->
                is.Members
                |> Seq.forall (fun struct (key, value) -> isGood (was.TryFind key) (ValueSome value))
            | _, ValueSome(Json.Object is) -> is.Members |> Seq.forall (fun struct (_, value) -> isLevel value)
            | _ -> false

        List.forall (fun key -> isGood (before.TryFind key) (after.TryFind key)) named
        && List.forall isGoodMap maps)
    |> firstOrMessage
    |> inVersions (until 9)

    accepted "levels.no-creators" levels "Power levels name no creator of the room." (fun s ->
        keysOf "users" s.Event.Content |> List.forall (s.IsCreator >> not))
    |> inVersions (since 12)
]

let private reach: Invariant list = [
    accepted "levels.by-members" levels "Only members with the power that power levels require change them." (fun s ->
        s.MembershipOf s.Sender = Membership.Join && s.Power s.Sender >= s.Required)

    accepted
        "levels.named-within-reach"
        levels
        "Nobody sets a named level from or to more power than their own."
        (fun s ->
            let before, after = s.ContentBefore, s.Event.Content

            named
            |> List.forall (fun key -> isWithin s (s.LevelOf(key, before)) (s.LevelOf(key, after))))
    |> firstOrMessage

    accepted
        "levels.events-within-reach"
        levels
        "Nobody sets an event type's level from or to more power than their own."
        (everyEntryWithin "events")
    |> firstOrMessage

    accepted
        "levels.notifications-within-reach"
        levels
        "Nobody sets a notification's level from or to more power than their own."
        (everyEntryWithin "notifications")
    |> firstOrMessage
    |> inVersions (since 6)

    canHappen
        "levels.notifications-not-guarded"
        levels
        "A notification's level is set from or to more power than the sender's: up to version 5 no rule checks these \
         levels."
        (fun s -> s.HasLevels && not (everyEntryWithin "notifications" s))
    |> inVersions (until 5)

    accepted "levels.users-within-reach" levels "Nobody sets a user's entry to more power than their own." (fun s ->
        let before, after = s.ContentBefore, s.Event.Content

        keysOf "users" after
        |> List.forall (fun user ->
            let is = s.LevelIn("users", user, after)

            is.IsNone
            || is = s.LevelIn("users", user, before)
            || is.Value <= s.Power s.Sender))
    |> firstOrMessage
]

let private powers: Invariant list = [
    accepted "power.no-more-than-own" levels "Nobody gives another more power than they have themselves." (fun s ->
        others s
        |> List.forall (fun user -> s.PowerAfter user <= s.Power user || s.PowerAfter user <= s.Power s.Sender))
    |> first
    |> except
        "default-shows"
        "the removal of an entry uncovers the default, which may be above the sender's own level: no rule checks it"
        (fun s ->
            others s
            |> List.forall (fun user ->
                fallsToDefault s user
                || s.PowerAfter user <= s.Power user
                || s.PowerAfter user <= s.Power s.Sender))
    |> except
        "default-goes"
        (zeroUnread
         + "a sender below 0 removes a negative default, and users without an entry rise to 0")
        (fun s ->
            defaultGoes s
            && others s
               |> List.forall (fun user ->
                   fallsToDefault s user
                   || hasNoEntry s user
                   || s.PowerAfter user <= s.Power user
                   || s.PowerAfter user <= s.Power s.Sender))

    canHappen "power.makes-equals" levels "A user gives another as much power as their own." (fun s ->
        s.HasLevels
        && others s
           |> List.exists (fun user -> s.PowerAfter user > s.Power user && s.PowerAfter user = s.Power s.Sender))

    accepted
        "power.kept-from-equals"
        levels
        "Nobody takes power from another user with as much power as their own."
        (fun s ->
            others s
            |> List.forall (fun user -> s.Power user < s.Power s.Sender || s.PowerAfter user >= s.Power user))
    |> except
        "by-default"
        "users without an entry of their own follow the default, which may be lowered from the sender's own power"
        (fun s -> losers s |> List.forall (followsLoweredDefault s))
    |> except
        "first-entry"
        "a user without an entry may be given one, even below the default that counted for them until then: no rule \
         compares the two"
        (fun s ->
            losers s |> List.exists (getsFirstEntry s)
            && losers s
               |> List.forall (fun user -> getsFirstEntry s user || followsLoweredDefault s user))
    |> except
        "default-comes"
        (zeroUnread
         + "a sender below 0 sets a default, and users without an entry fall from 0 to it")
        (fun s ->
            defaultComes s
            && losers s |> List.forall (fun user -> getsFirstEntry s user || hasNoEntry s user))

    accepted "power.not-raised-by-oneself" levels "Nobody raises their own power." (fun s ->
        s.PowerAfter s.Sender <= s.Power s.Sender)
    |> first
    |> except "default-shows" "the removal of one's own entry uncovers the default, which may be higher" (fun s ->
        fallsToDefault s s.Sender)
    |> except
        "default-goes"
        (zeroUnread
         + "a sender without an entry rises to 0 when they remove a negative default")
        (fun s -> defaultGoes s && hasNoEntry s s.Sender)

    canHappen "power.own-may-fall" levels "A user lowers their own power." (fun s ->
        s.PowerAfter s.Sender < s.Power s.Sender)

    accepted "creators.keep-power" levels "Creators keep their power, whatever power levels say." (fun s ->
        everyone s
        |> List.forall (fun user -> not (s.IsCreator user) || s.PowerAfter user >= s.Power user))
    |> inVersions (since 12)

    canHappen
        "creators.may-lose-power"
        levels
        "A creator has less power after a power levels event than before: having created the room counts only until \
         the first one."
        (fun s ->
            everyone s
            |> List.exists (fun user -> s.IsCreator user && s.PowerAfter user < s.Power user))
    |> inVersions (until 11)
]

let all: Invariant list = shapes @ reach @ powers
