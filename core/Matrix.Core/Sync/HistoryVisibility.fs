namespace Matrix.Core.Sync

open System
open Matrix.Core.Json

/// What decides whether a user may see an event. "Before" and "after" refer to the states before and after the event,
/// which differ only if the event itself changes that entry.
[<Sealed>]
type VisibilityFacts
    (
        settingBefore: string | null,
        settingAfter: string | null,
        membershipBefore: string | null,
        membershipAfter: string | null,
        joinedLater: bool
    ) =

    /// The value of `history_visibility` before the event; null if there was none.
    member _.SettingBefore = settingBefore

    /// The value of `history_visibility` after the event; null if there is none.
    member _.SettingAfter = settingAfter

    /// The user's membership before the event; null if there was none.
    member _.MembershipBefore = membershipBefore

    /// The user's membership after the event; null if there is none.
    member _.MembershipAfter = membershipAfter

    /// Whether the user joined the room at any point after the event was sent.
    member _.JoinedLater = joinedLater

/// Visibility of events to users. v1.19 client-server-api#room-history-visibility
[<Sealed; AbstractClass>]
type HistoryVisibility private () =

    static let allows (setting: string | null) (membership: string | null) (joinedLater: bool) =
        let was (value: string) = String.Equals(membership, value)

        if was "join" then
            true
        else
            match setting with
            | "world_readable" -> true
            | "invited" -> was "invite"
            | "joined" -> false
            // Unset, `shared`, or unknown.
            | _ -> joinedLater

    /// Whether the user may see the event.
    static member MaySee(facts: VisibilityFacts) : bool =
        allows facts.SettingBefore facts.MembershipBefore facts.JoinedLater
        || allows facts.SettingAfter facts.MembershipBefore facts.JoinedLater
        || allows facts.SettingBefore facts.MembershipAfter facts.JoinedLater
        || allows facts.SettingAfter facts.MembershipAfter facts.JoinedLater

    /// Whether non-members may see events under a setting.
    static member IsWorldReadable(setting: string | null) : bool =
        String.Equals(setting, "world_readable")

    /// The setting in the content of an `m.room.history_visibility` event; null if there is none.
    static member SettingOf(content: JsonObject) : string | null =
        match content.TryFind "history_visibility" with
        | ValueSome(Json.String value) -> value
        | _ -> null

    /// The membership in the content of an `m.room.member` event; null if there is none.
    static member MembershipOf(content: JsonObject) : string | null =
        match content.TryFind "membership" with
        | ValueSome(Json.String value) -> value
        | _ -> null
