namespace Matrix.Core.Push

open System
open System.Collections.Generic
open Matrix.Core.Json

/// What came of an edit: other rules, or why not.
[<Sealed>]
type RulesetEdit =
    /// One of the two, whichever it was.
    member Match: edited: Func<Ruleset, 'T> * refused: Func<RulesetError, 'T> -> 'T

    /// The same for F#.
    member Result: Result<Ruleset, RulesetError>

/// All push rules of a user: their own, and the server's with what the user changed in them. Immutable; safe for all threads.
/// Client-Server API, "Push Rules".
and [<Sealed>] Ruleset =
    /// The server's rules, untouched.
    static member Default: userId: string -> Ruleset

    /// Reads the content of a user's `m.push_rules` account data. The server's rules come from this server's table, whatever the
    /// content says of them, but for their actions and whether they are enabled. What is malformed is left out.
    static member Parse: userId: string * content: JsonObject -> Ruleset

    /// The content of `m.push_rules` account data: `{"global": …}`.
    member ToContent: unit -> JsonObject

    /// The ruleset, by kind.
    member ToJson: unit -> JsonObject

    /// Whose rules these are.
    member UserId: string

    /// All rules, in the order in which they are looked at.
    member Rules: IReadOnlyList<PushRule>

    /// A rule; null if it is not there.
    member Find: kind: PushRuleKind * ruleId: string -> PushRule | null

    /// Adds a rule of the user's own, or changes it. `before` and `after` name another of the user's rules of that kind: the rule
    /// becomes the next more important than `before`, or else the next less important than `after`, or else, if it is new, the most
    /// important. Null if not given.
    member Put:
        kind: PushRuleKind *
        ruleId: string *
        body: JsonObject *
        before: string | null *
        after: string | null *
        limits: RulesetLimits ->
            RulesetEdit

    /// Deletes a rule of the user's own.
    member Delete: kind: PushRuleKind * ruleId: string -> RulesetEdit

    /// Enables or disables a rule, by the body `{"enabled": …}`.
    member SetEnabled: kind: PushRuleKind * ruleId: string * body: JsonObject -> RulesetEdit

    /// Changes what a rule does, by the body `{"actions": …}`.
    member SetActions: kind: PushRuleKind * ruleId: string * body: JsonObject * limits: RulesetLimits -> RulesetEdit

    /// What the rules make of an event. `displayName` is the user's in the room; null if there is none.
    member Evaluate: event: PushEvent * displayName: string | null -> PushOutcome

    /// What untouched server rules make of an event for a reader that it does not name: `PushOutcome.NotifyClass`, the same
    /// for almost everybody, so that it can be stored once with the event.
    static member ForMost: event: PushEvent -> PushOutcome
