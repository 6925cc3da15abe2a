namespace Matrix.Core.Auth

open Matrix.Rules
open Matrix.Core.Json

/// A room's power levels, read once from the content of their event. v1.19 client-server-api#permissions,
/// v1.19 client-server-api#mroompower_levels
/// A value that is not a level by the room version counts as absent.
[<Sealed>]
type PowerLevels(values: PowerLevelValues, content: JsonObject) =

    let level key (otherwise: int64) =
        match LevelValues.ofMember values content key with
        | ValueSome n -> n
        | ValueNone -> otherwise

    let map key =
        match content.TryFind key with
        | ValueSome(Json.Object o) -> o
        | _ -> JsonObject.Empty

    let users = map "users"
    let events = map "events"
    let notifications = map "notifications"
    let usersDefault = level "users_default" DefaultLevels.Users
    let eventsDefault = level "events_default" DefaultLevels.Events
    let stateDefault = level "state_default" DefaultLevels.State
    let invite = level "invite" DefaultLevels.Invite
    let kick = level "kick" DefaultLevels.Kick
    let ban = level "ban" DefaultLevels.Ban
    let redact = level "redact" DefaultLevels.Redact

    /// The levels of a room without a power levels event.
    static member val Absent = PowerLevels(PowerLevelValues.Integers, JsonObject.Empty)

    /// The level of a user: their entry, or the default. Creators are not considered.
    member _.OfUser(userId: string) : int64 =
        match LevelValues.ofMember values users userId with
        | ValueSome n -> n
        | ValueNone -> usersDefault

    /// The level required to send an event of this type.
    member _.Required(eventType: string, isState: bool) : int64 =
        match LevelValues.ofMember values events eventType with
        | ValueSome n -> n
        | ValueNone -> if isState then stateDefault else eventsDefault

    /// The level required to notify with this key, such as `room`.
    member _.Notification(key: string) : int64 =
        match LevelValues.ofMember values notifications key with
        | ValueSome n -> n
        | ValueNone -> DefaultLevels.Notification

    /// The level to invite; 0 if not given.
    member _.Invite = invite

    /// The level to remove others; 50 if not given.
    member _.Kick = kick

    /// The level to ban; 50 if not given.
    member _.Ban = ban

    /// The level to redact the events of others; 50 if not given.
    member _.Redact = redact

    /// The content as it was sent.
    member _.Content = content
