namespace Matrix.Core.Push

open Matrix.Core.Json

/// One push rule. Immutable.
[<Sealed>]
type PushRule
    internal
    (
        kind: PushRuleKind,
        ruleId: string,
        isDefault: bool,
        enabled: bool,
        conditions: Json[],
        pattern: string | null,
        actions: Json[]
    ) =

    // Made when first needed; two threads may both make it. All users share those of default rules.
    let mutable outcome: PushOutcome | null = null
    let mutable checks: CompiledCondition[] | null = null

    /// The outcome for an event that it matches.
    member internal this.Outcome: PushOutcome =
        match outcome with
        | null ->
            let made = PushOutcome(this, actions)
            outcome <- made
            made
        | made -> made

    /// Whether the rule's conditions hold. Not called for room and sender rules, whose condition is their id.
    member internal _.Matches(event: PushEvent, displayName: string | null, thread: ThreadSubscription) : bool =
        let checks =
            match checks with
            | null ->
                let made =
                    match pattern with
                    | null -> conditions |> Array.map (PushCondition.ofJson >> CommonConditions.compile)
                    | p -> [| CompiledCondition(PushCondition.EventMatch("content.body", p), -1) |]

                checks <- made
                made
            | made -> made

        let mutable holds = true
        let mutable i = 0

        while holds && i < checks.Length do
            holds <- checks[i].Holds(event, displayName, thread)
            i <- i + 1

        holds

    /// The kind of rule.
    member _.Kind = kind

    /// The rule's id, unique within the kind. It is the room's id for a room rule, the sender's for a sender rule.
    member _.RuleId = ruleId

    /// Whether the server defined the rule.
    member _.IsDefault = isDefault

    /// Whether the rule may match.
    member _.Enabled = enabled

    /// The conditions as given; not of content, room and sender rules.
    member internal _.Conditions = conditions

    /// For content rules, the glob matched against words of the body; null for others.
    member _.Pattern = pattern

    /// The actions as given.
    member internal _.Actions = actions

    member internal _.With(newEnabled: bool, newActions: Json[]) =
        PushRule(kind, ruleId, isDefault, newEnabled, conditions, pattern, newActions)

    /// `{"actions": …}`, in the form of the API.
    member _.ActionsJson: Json =
        Json.Object(JsonObject.OfSeq [ struct ("actions", Json.Array actions) ])

    /// The rule in the form of the API.
    member _.ToJson() : JsonObject =
        JsonObject.OfSeq [
            struct ("rule_id", Json.String ruleId)
            struct ("default", Json.Bool isDefault)
            struct ("enabled", Json.Bool enabled)
            struct ("actions", Json.Array actions)

            match kind with
            | PushRuleKind.Override
            | PushRuleKind.PostContent
            | PushRuleKind.Underride -> struct ("conditions", Json.Array conditions)
            | _ -> ()

            match pattern with
            | null -> ()
            | p -> struct ("pattern", Json.String p)
        ]

    override this.ToString() = $"{PushRuleKinds.Name kind}/{ruleId}"

/// The result of push rules for an event and a user. Shared: one per rule, none per event.
and [<Sealed>] PushOutcome internal (rule: PushRule | null, actions: Json[]) =

    static let none = PushOutcome(null, [||])

    let notifies =
        actions
        |> Array.exists (fun a ->
            match a with
            | Json.String "notify" -> true
            | _ -> false)

    let tweaks =
        JsonObject.OfSeq [
            for action in actions do
                match action with
                | Json.Object o ->
                    match o.TryFind "set_tweak" with
                    | ValueSome(Json.String name) ->
                        match o.TryFind "value" with
                        | ValueSome value -> struct (name, value)
                        // Only `highlight` has a default value.
                        | ValueNone when name = "highlight" -> struct (name, Json.Bool true)
                        | ValueNone -> ()
                    | _ -> ()
                | _ -> ()
        ]

    let highlights =
        notifies
        && (match tweaks.TryFind "highlight" with
            | ValueSome(Json.Bool yes) -> yes
            | _ -> false)

    /// No rule matched, or the user sent the event.
    static member None = none

    /// The rule that matched; null if none did.
    member _.Rule = rule

    /// Whether the event notifies the user.
    member _.Notifies = notifies

    /// Whether the event notifies the user with a highlight.
    member _.Highlights = highlights

    /// The tweaks for the push gateway, by name.
    member _.Tweaks = tweaks

    /// The result as bits, for storage and counts: 1 if it notifies, 2 if it highlights.
    member _.NotifyClass = (if notifies then 1 else 0) ||| (if highlights then 2 else 0)
