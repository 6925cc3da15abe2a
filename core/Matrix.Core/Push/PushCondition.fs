namespace Matrix.Core.Push

open System
open System.Globalization
open Matrix.Core.Json

/// How a room's member count is compared. v1.19 client-server-api#conditions-1, `room_member_count`.
[<RequireQualifiedAccess>]
type CountComparison =
    | Equal
    | Less
    | Greater
    | AtMost
    | AtLeast

/// Whether an event is in a thread, and whether its reader is subscribed to that thread. MSC4306.
type ThreadSubscription =
    | NotInThread = 0
    | Unsubscribed = 1
    | Subscribed = 2

/// A condition of a push rule. v1.19 client-server-api#conditions-1
[<RequireQualifiedAccess>]
type PushCondition =
    /// A glob matched against a string; against its words if the property is `content.body`.
    | EventMatch of key: string * pattern: string
    /// A property equals a value that is neither an object nor an array.
    | EventPropertyIs of key: string * value: Json
    /// A property is an array that contains such a value.
    | EventPropertyContains of key: string * value: Json
    /// The body contains the reader's display name in the room. Deprecated, but still found in users' rules.
    | ContainsDisplayName
    /// The number of joined members.
    | RoomMemberCount of CountComparison * count: int64
    /// The sender has the power for a kind of notification.
    | SenderNotificationPermission of key: string
    /// The event is in a thread to which the reader is, or is not, subscribed. MSC4306, which is not merged.
    | ThreadSubscription of subscribed: bool
    /// Unknown or malformed: it matches nothing, and so disables its rule.
    | Unrecognised

/// Conditions as JSON.
[<RequireQualifiedAccess>]
module PushCondition =

    /// The kind of `ThreadSubscription` while the proposal is not merged.
    let private threadSubscription = "io.element.msc4306.thread_subscription"

    let private isScalar (value: Json) =
        match value with
        | Json.Null
        | Json.Bool _
        | Json.Int _
        | Json.String _ -> true
        | _ -> false

    let private symbols = [
        // The longer symbols first, since one is a prefix of another.
        "==", CountComparison.Equal
        "<=", CountComparison.AtMost
        ">=", CountComparison.AtLeast
        "<", CountComparison.Less
        ">", CountComparison.Greater
    ]

    let private parseCount (text: string) : PushCondition =
        let symbol, comparison =
            symbols
            |> List.tryFind (fun (s, _) -> text.StartsWith(s, StringComparison.Ordinal))
            |> Option.defaultValue ("", CountComparison.Equal)

        match Int64.TryParse(text.AsSpan symbol.Length, NumberStyles.None, CultureInfo.InvariantCulture) with
        | true, count -> PushCondition.RoomMemberCount(comparison, count)
        | _ -> PushCondition.Unrecognised

    /// Reads a condition; an unknown or malformed one is `Unrecognised`.
    let ofJson (json: Json) : PushCondition =
        match json with
        | Json.Object o ->
            let text name =
                match o.TryFind name with
                | ValueSome(Json.String s) -> ValueSome s
                | _ -> ValueNone

            let scalar =
                match o.TryFind "value" with
                | ValueSome v when isScalar v -> ValueSome v
                | _ -> ValueNone

            match text "kind" with
            | ValueSome "event_match" ->
                match text "key", text "pattern" with
                | ValueSome key, ValueSome pattern -> PushCondition.EventMatch(key, pattern)
                | _ -> PushCondition.Unrecognised
            | ValueSome "event_property_is" ->
                match text "key", scalar with
                | ValueSome key, ValueSome value -> PushCondition.EventPropertyIs(key, value)
                | _ -> PushCondition.Unrecognised
            | ValueSome "event_property_contains" ->
                match text "key", scalar with
                | ValueSome key, ValueSome value -> PushCondition.EventPropertyContains(key, value)
                | _ -> PushCondition.Unrecognised
            | ValueSome "contains_display_name" -> PushCondition.ContainsDisplayName
            | ValueSome "room_member_count" ->
                match text "is" with
                | ValueSome is -> parseCount is
                | _ -> PushCondition.Unrecognised
            | ValueSome "sender_notification_permission" ->
                match text "key" with
                | ValueSome key -> PushCondition.SenderNotificationPermission key
                | _ -> PushCondition.Unrecognised
            | ValueSome kind when kind = threadSubscription ->
                match o.TryFind "subscribed" with
                | ValueSome(Json.Bool subscribed) -> PushCondition.ThreadSubscription subscribed
                | _ -> PushCondition.Unrecognised
            | _ -> PushCondition.Unrecognised
        | _ -> PushCondition.Unrecognised

    /// The condition in the form of the API.
    let toJson (condition: PushCondition) : Json =
        let text s = Json.String s

        let members =
            match condition with
            | PushCondition.EventMatch(key, pattern) -> [
                struct ("kind", text "event_match")
                struct ("key", text key)
                struct ("pattern", text pattern)
              ]
            | PushCondition.EventPropertyIs(key, value) -> [
                struct ("kind", text "event_property_is")
                struct ("key", text key)
                struct ("value", value)
              ]
            | PushCondition.EventPropertyContains(key, value) -> [
                struct ("kind", text "event_property_contains")
                struct ("key", text key)
                struct ("value", value)
              ]
            | PushCondition.ContainsDisplayName -> [ struct ("kind", text "contains_display_name") ]
            | PushCondition.RoomMemberCount(comparison, count) ->
                let symbol =
                    match comparison with
                    | CountComparison.Equal -> ""
                    | other -> symbols |> List.find (fun (_, c) -> c = other) |> fst

                [
                    struct ("kind", text "room_member_count")
                    struct ("is", text $"{symbol}{count}")
                ]
            | PushCondition.SenderNotificationPermission key -> [
                struct ("kind", text "sender_notification_permission")
                struct ("key", text key)
              ]
            | PushCondition.ThreadSubscription subscribed -> [
                struct ("kind", text threadSubscription)
                struct ("subscribed", Json.Bool subscribed)
              ]
            | PushCondition.Unrecognised -> [ struct ("kind", text "unrecognised") ]

        Json.Object(JsonObject.OfSeq members)
