/// Power levels events: what they may change, and whose power.
module internal Matrix.Properties.SmallWorlds.LevelsInvariants

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Ident
open Matrix.Core.Json
open Matrix.Properties.SmallWorlds

let private levels = "m.room.power_levels"

// Since creators stand above all levels, nobody else has the power to send a room's first.
let private first =
    exceptIn
        (fun version -> version.Settings.CreatorPower = CreatorPower.HundredAtFirst)
        "first"
        "where there were no power levels, any may be given"
        (fun s -> not s.HasLevels)

/// An entry is out of reach if it changes from or to more than the sender has.
let private isWithin (s: Scene) (before: int64 voption) (after: int64 voption) : bool =
    let within (level: int64 voption) =
        level.IsNone || level.Value <= s.Power s.Sender

    before = after || within before && within after

let private keysOf (map: string) (content: JsonObject) : string list =
    match content.TryFind map with
    | ValueSome(Json.Object o) -> [ for i in 0 .. o.Count - 1 -> o.Key i ]
    | _ -> []

let private everyEntryWithin (map: string) (s: Scene) : bool =
    let before, after = s.ContentBefore, s.Event.Content

    keysOf map before @ keysOf map after
    |> List.forall (fun key -> isWithin s (s.LevelIn(map, key, before)) (s.LevelIn(map, key, after)))

let private others (s: Scene) =
    Universe.users |> List.filter (fun user -> user <> s.Sender)

let private isListed (s: Scene) (user: string) =
    (s.LevelIn("users", user, s.ContentBefore)).IsSome

/// Whether a user's entry goes, so that the default counts.
let private fallsToDefault (s: Scene) (user: string) =
    isListed s user && (s.LevelIn("users", user, s.Event.Content)).IsNone

let private isInteger (json: Json) =
    match json with
    | Json.Int _ -> true
    | _ -> false

let private mapHolds (map: string) (holds: string -> Json -> bool) (s: Scene) : bool =
    match s.Event.Content.TryFind map with
    | ValueNone -> true
    | ValueSome(Json.Object o) -> Seq.forall (fun struct (key, value) -> holds key value) o.Members
    | ValueSome _ -> false

let private named = [
    "users_default"
    "events_default"
    "state_default"
    "ban"
    "redact"
    "kick"
    "invite"
]

let private malformed (version: RoomVersion) =
    not (having "power-levels.named" version)

let private shapes: Invariant list = [
    accepted "levels.users" levels "The users of power levels are an object from user ids to levels." (fun s ->
        let values = s.Version.Settings.PowerLevelValues
        mapHolds "users" (fun key value -> UserId.isValid key && (LevelValues.read values value).IsSome) s)

    accepted "levels.integers" levels "The named levels are integers." (fun s ->
        named
        |> List.forall (fun key ->
            match s.Event.Content.TryFind key with
            | ValueNone -> true
            | ValueSome json -> isInteger json))
    |> exceptIn malformed "not-checked" "the version does not look at their types" (fun _ -> true)

    accepted "levels.integers-in-maps" levels "The levels of events and notifications are integers in objects." (fun s ->
        mapHolds "events" (fun _ -> isInteger) s
        && mapHolds "notifications" (fun _ -> isInteger) s)
    |> exceptIn malformed "not-checked" "the version does not look at their types" (fun _ -> true)

    accepted "levels.no-creators" levels "Power levels name no creator of the room." (fun s ->
        keysOf "users" s.Event.Content |> List.forall (s.IsCreator >> not))
    |> inVersions (having "power-levels.creators")
]

let private reach: Invariant list = [
    accepted "levels.by-members" levels "Only members with the power that power levels ask for change them." (fun s ->
        s.Place s.Sender = Membership.Join && s.Power s.Sender >= s.Required)

    accepted "levels.named-within-reach" levels "Nobody sets a named level from or to more power than their own." (fun s ->
        let before, after = s.ContentBefore, s.Event.Content

        named
        |> List.forall (fun key -> isWithin s (s.LevelOf(key, before)) (s.LevelOf(key, after))))
    |> first

    accepted
        "levels.events-within-reach"
        levels
        "Nobody sets an event type's level from or to more power than their own."
        (everyEntryWithin "events")
    |> first

    accepted
        "levels.notifications-within-reach"
        levels
        "Nobody sets a notification's level from or to more power than their own."
        (everyEntryWithin "notifications")
    |> first
    |> exceptIn
        (fun version -> version.Settings.Json = JsonStrictness.Lenient)
        "not-guarded"
        "the rules are older than these levels and do not know them"
        _.HasLevels

    accepted "levels.users-within-reach" levels "Nobody sets a user's entry to more power than their own." (fun s ->
        let before, after = s.ContentBefore, s.Event.Content

        keysOf "users" after
        |> List.forall (fun user ->
            let is = s.LevelIn("users", user, after)

            is.IsNone
            || is = s.LevelIn("users", user, before)
            || is.Value <= s.Power s.Sender))
    |> first
]

let private powers: Invariant list = [
    accepted "power.no-more-than-own" levels "Nobody gives another more power than they have themselves." (fun s ->
        others s
        |> List.forall (fun user -> s.PowerAfter user <= s.Power user || s.PowerAfter user <= s.Power s.Sender))
    |> first
    |> except
        "default-shows"
        "an entry that goes uncovers the default, which may be above the sender's own level: nobody looks at it"
        (fun s -> others s |> List.exists (fallsToDefault s))

    accepted "power.no-equals" levels "Nobody makes another their equal." (fun s ->
        others s
        |> List.forall (fun user -> s.PowerAfter user <= s.Power user || s.PowerAfter user < s.Power s.Sender))
    |> first
    |> except "own-level" "one's own level may be given to others" (fun s ->
        others s
        |> List.exists (fun user -> s.LevelIn("users", user, s.Event.Content) = ValueSome(s.Power s.Sender)))
    |> except "by-default" "one's own level may be given to all, by default" (fun s ->
        s.LevelOf("users_default", s.Event.Content) = ValueSome(s.Power s.Sender))
    |> except "default-shows" "an entry that goes uncovers the default" (fun s -> others s |> List.exists (fallsToDefault s))

    accepted "power.kept-from-equals" levels "Nobody takes power from another who has as much as they." (fun s ->
        others s
        |> List.forall (fun user -> s.Power user < s.Power s.Sender || s.PowerAfter user >= s.Power user))
    |> except
        "by-default"
        "users without an entry of their own follow the default, which may be lowered as far as the sender reaches"
        (fun s ->
            others s
            |> List.forall (fun user ->
                not (isListed s user)
                || s.Power user < s.Power s.Sender
                || s.PowerAfter user >= s.Power user))

    accepted "power.not-raised-by-oneself" levels "Nobody raises their own power." (fun s ->
        s.PowerAfter s.Sender <= s.Power s.Sender)
    |> first
    |> except "default-shows" "one's own entry that goes uncovers the default, which may be higher" (fun s ->
        fallsToDefault s s.Sender)

    accepted "power.own-may-fall" levels "Nobody lowers their own power." (fun s -> s.PowerAfter s.Sender >= s.Power s.Sender)
    |> except "allowed" "one may step down; one's own entry is guarded by nothing" (fun _ -> true)

    accepted "creators.keep-power" levels "Creators keep their power, whatever power levels say." (fun s ->
        Universe.users
        |> List.forall (fun user -> not (s.IsCreator user) || s.PowerAfter user >= s.Power user))
    |> exceptIn
        (fun version -> version.Settings.CreatorPower = CreatorPower.HundredAtFirst)
        "not-privileged"
        "having created the room is worth something only until there are power levels"
        (fun _ -> true)

    invariant
        "creators.may-all"
        levels
        "A creator who is a member sets any levels that are well formed."
        (fun s ->
            s.IsCreator s.Sender
            && s.Place s.Sender = Membership.Join
            && not (s.Clause.StartsWith "power-levels.users")
            && s.Clause <> "power-levels.named"
            && s.Clause <> "power-levels.maps"
            && s.Clause <> "power-levels.creators"
            && s.IsInOrder)
        _.Allowed
    |> except
        "state-of-another"
        "power levels under the id of another user belong to that user, and mean nothing to the room"
        (fun s -> not (isNull s.Target) && s.Target <> "" && not s.IsOwn)
    |> inVersions (fun version -> version.Settings.CreatorPower = CreatorPower.Infinite)
]

let all: Invariant list = shapes @ reach @ powers
