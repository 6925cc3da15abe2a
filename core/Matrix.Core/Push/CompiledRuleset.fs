namespace Matrix.Core.Push

open System
open System.Collections.Generic

/// A user's enabled rules, compiled for many events. Immutable, and safe for all threads.
[<Sealed>]
type internal CompiledRuleset(userId: string, rules: IReadOnlyList<PushRule>) =

    let enabled kind =
        rules |> Seq.filter (fun r -> r.Enabled && r.Kind = kind)

    let inOrder kind = enabled kind |> Seq.toArray

    let byId kind =
        let table = Dictionary<string, PushOutcome>()

        for r in enabled kind do
            table[r.RuleId] <- r.Outcome

        table

    let overrides = inOrder PushRuleKind.Override
    let contents = inOrder PushRuleKind.Content
    let postContents = inOrder PushRuleKind.PostContent
    let rooms = byId PushRuleKind.Room
    let senders = byId PushRuleKind.Sender
    let underrides = inOrder PushRuleKind.Underride

    let first
        (rules: PushRule[])
        (event: PushEvent)
        (displayName: string | null)
        (thread: ThreadSubscription)
        : PushOutcome | null =
        let mutable found: PushOutcome | null = null
        let mutable i = 0

        while isNull found && i < rules.Length do
            if rules[i].Matches(event, displayName, thread) then
                found <- rules[i].Outcome

            i <- i + 1

        found

    let named (table: Dictionary<string, PushOutcome>) (id: string) : PushOutcome | null =
        match table.TryGetValue id with
        | true, outcome -> outcome
        | _ -> null

    /// The rules from those about threads on.
    let afterContents (event: PushEvent) (displayName: string | null) (thread: ThreadSubscription) : PushOutcome =
        match first postContents event displayName thread with
        | null ->
            match named rooms event.RoomId with
            | null ->
                match named senders event.Sender with
                | null ->
                    match first underrides event displayName thread with
                    | null -> PushOutcome.None
                    | found -> found
                | found -> found
            | found -> found
        | found -> found

    /// The outcome of the first rule that matches the event, for a reader with this display name in the room.
    member _.Evaluate(event: PushEvent, displayName: string | null, thread: ThreadSubscription) : PushOutcome =
        if String.Equals(event.Sender, userId) then
            PushOutcome.None
        else
            event.BeginUser()

            match first overrides event displayName thread with
            | null ->
                match first contents event displayName thread with
                | null -> afterContents event displayName thread
                | found -> found
            | found -> found
