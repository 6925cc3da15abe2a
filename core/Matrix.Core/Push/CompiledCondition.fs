namespace Matrix.Core.Push

open System
open Matrix.Core.Json

/// A compiled condition, with split paths and parsed patterns. `number` is set for a default rule's condition whose
/// result is the same for every reader, so that the event caches its result; otherwise it is -1.
[<Sealed>]
type internal CompiledCondition(condition: PushCondition, number: int) =

    static let body = [| "content"; "body" |]

    let key, path =
        match condition with
        | PushCondition.EventMatch(key, _)
        | PushCondition.EventPropertyIs(key, _)
        | PushCondition.EventPropertyContains(key, _) -> key, PropertyPath.parse key
        | _ -> "", [||]

    let glob =
        match condition with
        | PushCondition.EventMatch(_, pattern) -> Glob.Of pattern
        | _ -> Glob.Of ""

    let isBody = path.AsSpan().SequenceEqual(ReadOnlySpan body)

    let compares (comparison: CountComparison) (a: int64) (b: int64) =
        match comparison with
        | CountComparison.Equal -> a = b
        | CountComparison.Less -> a < b
        | CountComparison.Greater -> a > b
        | CountComparison.AtMost -> a <= b
        | CountComparison.AtLeast -> a >= b

    /// What all readers have in common takes no steps of any.
    let mayMatch (event: PushEvent) (glob: Glob) (text: FoldedText) =
        number >= 0 || event.TakeSteps(glob.StepsFor text)

    let ask (event: PushEvent) (displayName: string | null) (thread: ThreadSubscription) =
        match condition with
        | PushCondition.EventMatch _ ->
            match event.Folded(key, path) with
            | null -> false
            | text ->
                mayMatch event glob text
                && (if isBody then glob.MatchesWords text else glob.Matches text)
        | PushCondition.EventPropertyIs(_, value) ->
            match event.Property path with
            | ValueSome found -> found.Equals value
            | ValueNone -> false
        | PushCondition.EventPropertyContains(_, value) ->
            match event.Property path with
            | ValueSome(Json.Array items) -> Array.exists (fun (item: Json) -> item.Equals value) items
            | _ -> false
        | PushCondition.ContainsDisplayName ->
            match displayName with
            | null
            | "" -> false
            | name ->
                match event.Folded("content.body", body) with
                | null -> false
                | text ->
                    let glob = Glob.Literal name
                    mayMatch event glob text && glob.MatchesWords text
        | PushCondition.RoomMemberCount(comparison, count) -> compares comparison (int64 event.MemberCount) count
        | PushCondition.SenderNotificationPermission key -> event.SenderMayNotify key
        | PushCondition.ThreadSubscription true -> thread = ThreadSubscription.Subscribed
        | PushCondition.ThreadSubscription false -> thread = ThreadSubscription.Unsubscribed
        | PushCondition.Unrecognised -> false

    /// Whether the condition holds for a reader with this display name in the room, and this subscription.
    member _.Holds(event: PushEvent, displayName: string | null, thread: ThreadSubscription) : bool =
        if number < 0 then
            ask event displayName thread
        else
            match event.Answer number with
            | -1 ->
                let answer = ask event displayName thread
                event.Remember(number, answer)
                answer
            | answer -> answer = 1

/// The default rules' conditions whose results are the same for every reader, compiled once.
module internal CommonConditions =

    let private compiled =
        DefaultRules.all
        |> List.collect (fun r -> r.Conditions)
        |> List.filter DefaultRules.hasCommonResult
        |> List.distinct
        // Their results are bits of one word.
        |> List.truncate 64
        |> List.mapi (fun i c -> c, CompiledCondition(c, i))

    /// The compiled condition: the shared one if every reader has it.
    let compile (condition: PushCondition) : CompiledCondition =
        match compiled |> List.tryFind (fun (c, _) -> c = condition) with
        | Some(_, shared) -> shared
        | None -> CompiledCondition(condition, -1)
