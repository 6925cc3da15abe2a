namespace Matrix.Core.Push

open System
open System.Collections.Generic
open Matrix.Core.Json

/// The outcome of an edit: the new rules, or an error.
[<Sealed>]
type RulesetEdit =
    /// Calls one of the two functions.
    member Match: edited: Func<Ruleset, 'T> * refused: Func<RulesetError, 'T> -> 'T

    /// The outcome, for F#.
    member Result: Result<Ruleset, RulesetError>

/// All push rules of a user: the user's own, and the server's as the user changed them. Immutable; safe for all
/// threads.
/// v1.19 client-server-api#push-rules
and [<Sealed>] Ruleset =
    /// The server's rules, unchanged.
    static member Default: userId: string -> Ruleset

    /// Reads the content of a user's `m.push_rules` account data. Of the server's rules, only `actions` and `enabled`
    /// are read; the rest comes from this server's table. Malformed rules are left out.
    static member Parse: userId: string * content: JsonObject -> Ruleset

    /// The content of `m.push_rules` account data: `{"global": …}`.
    member ToContent: unit -> JsonObject

    /// The ruleset, by kind.
    member ToJson: unit -> JsonObject

    /// The user whose rules these are.
    member UserId: string

    /// All rules, in the order of evaluation.
    member Rules: IReadOnlyList<PushRule>

    /// A rule; null if there is none of this kind and id.
    member Find: kind: PushRuleKind * ruleId: string -> PushRule | null

    /// Adds a rule of the user's own, or changes it. `before` and `after` name another of the user's rules of that
    /// kind, or are null. The rule is put directly before `before`, else directly after `after`, else, if it is new,
    /// first.
    member Put:
        kind: PushRuleKind *
        ruleId: string *
        body: JsonObject *
        before: string | null *
        after: string | null *
        limits: RulesetLimits ->
            RulesetEdit

    /// Deletes a user-defined rule.
    member Delete: kind: PushRuleKind * ruleId: string -> RulesetEdit

    /// Enables or disables a rule, by the body `{"enabled": …}`.
    member SetEnabled: kind: PushRuleKind * ruleId: string * body: JsonObject -> RulesetEdit

    /// Changes a rule's actions, by the body `{"actions": …}`.
    member SetActions: kind: PushRuleKind * ruleId: string * body: JsonObject * limits: RulesetLimits -> RulesetEdit

    /// The rules with copies, for the room that replaces another, of the user's own rules about the old room. The same
    /// object if there is nothing to copy. v1.19 client-server-api#room-upgrades
    member ForReplacedRoom: oldRoomId: string * newRoomId: string * limits: RulesetLimits -> Ruleset

    /// The result of the rules for an event outside threads. `displayName` is the user's in the room; null if there is
    /// none.
    member Evaluate: event: PushEvent * displayName: string | null -> PushOutcome

    /// The result of the rules for an event, with the user's subscription to the event's thread.
    member Evaluate: event: PushEvent * displayName: string | null * thread: ThreadSubscription -> PushOutcome

    /// `PushOutcome.NotifyClass` of the server's unchanged rules, for a reader whom the event does not mention, and who
    /// does not use subscriptions to threads. It is
    /// the same for almost all readers, and so is stored once with the event.
    static member ForMost: event: PushEvent -> PushOutcome

    /// The same for a reader with this subscription to the event's thread.
    static member ForMost: event: PushEvent * thread: ThreadSubscription -> PushOutcome
