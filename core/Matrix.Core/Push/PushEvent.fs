namespace Matrix.Core.Push

open System
open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json

/// An event as push rules see it, with what they need of its room. It is made once for all readers. It caches results,
/// so use it from one thread at a time. `patternSteps` bounds the work of one user's patterns: beyond it they do not
/// match.
[<Sealed>]
type PushEvent
    (event: Pdu, memberCount: int, senderPower: int64, notificationLevels: JsonObject | null, patternSteps: int64) =

    static let noText = FoldedText.Of ""

    let mutable stepsLeft = patternSteps

    let folded = Dictionary<string, FoldedText>()

    // Results of the conditions that are the same for every reader, by their number.
    let mutable asked = 0UL
    let mutable answers = 0UL

    /// With enough steps for about sixty patterns and the longest text.
    new(event: Pdu, memberCount: int, senderPower: int64, notificationLevels: JsonObject | null) =
        PushEvent(event, memberCount, senderPower, notificationLevels, PushEvent.DefaultPatternSteps)

    /// The default bound on the steps of one user's patterns.
    static member DefaultPatternSteps = 4_000_000L

    /// The next user's patterns have all steps again.
    member internal _.BeginUser() : unit = stepsLeft <- patternSteps

    /// Takes a pattern's steps; false if not enough are left.
    member internal _.TakeSteps(steps: int64) : bool =
        stepsLeft <- stepsLeft - steps
        stepsLeft >= 0L

    /// The event's sender.
    member _.Sender = event.Sender

    /// The event's room.
    member _.RoomId = event.RoomId

    /// The number of joined members.
    member _.MemberCount = memberCount

    /// Whether the sender has the power for a kind of notification. The required level is 50, unless `notifications` in
    /// the power levels event (null if there is none) sets another.
    member internal _.SenderMayNotify(key: string) : bool =
        let required =
            match notificationLevels with
            | null -> DefaultLevels.Notification
            | levels ->
                // The decision on the power levels event checked whether levels may be strings or floats.
                match LevelValues.ofMember PowerLevelValues.IntegersFloatsAndStrings levels key with
                | ValueSome level -> level
                | ValueNone -> DefaultLevels.Notification

        senderPower >= required

    /// The value of a property.
    member internal _.Property(path: string[]) : Json voption =
        if path[0] = "content" then
            if path.Length = 1 then
                ValueSome(Json.Object event.Content)
            else
                PropertyPath.findFrom 1 path event.Content
        elif path.Length > 1 then
            ValueNone
        else
            let text (s: string | null) =
                match s with
                | null -> ValueNone
                | s -> ValueSome(Json.String s)

            match path[0] with
            | "type" -> text event.Type
            | "sender" -> text event.Sender
            | "room_id" -> text event.RoomId
            | "state_key" -> text event.StateKey
            | "event_id" -> text event.EventId
            | "redacts" -> text event.Redacts
            | "origin_server_ts" -> ValueSome(Json.Int event.OriginServerTs)
            | _ -> ValueNone

    /// The string at a property, folded; null if it is not a string. `key` is the path as written.
    member internal this.Folded(key: string, path: string[]) : FoldedText | null =
        let text =
            match folded.TryGetValue key with
            | true, text -> text
            | _ ->
                let text =
                    match this.Property path with
                    | ValueSome(Json.String s) -> FoldedText.Of s
                    | _ -> noText

                folded[key] <- text
                text

        if obj.ReferenceEquals(text, noText) then null else text

    /// The cached result of a condition that is the same for every reader: 1 true, 0 false, -1 not evaluated yet.
    member internal _.Answer(number: int) : int =
        let bit = 1UL <<< number

        if asked &&& bit = 0UL then -1
        elif answers &&& bit = 0UL then 0
        else 1

    /// Caches a result.
    member internal _.Remember(number: int, answer: bool) : unit =
        let bit = 1UL <<< number
        asked <- asked ||| bit

        if answer then
            answers <- answers ||| bit
