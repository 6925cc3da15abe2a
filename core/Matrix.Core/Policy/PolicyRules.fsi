namespace Matrix.Core.Policy

open System.Collections.Generic
open Matrix.Core.Json

/// What a rule of a policy list is about.
type PolicyKind =
    | User = 0
    | Room = 1
    | Server = 2

/// A rule that recommends `m.ban`. v1.19 client-server-api#moderation-policy-lists
[<Sealed>]
type PolicyRule =
    /// The types of state events that are rules.
    static member EventTypes: IReadOnlyList<string>

    /// The rule of a state event; null if it is none, names no entity, or recommends something else.
    static member Of: eventType: string * content: JsonObject -> PolicyRule | null

    /// What it is about.
    member Kind: PolicyKind

    /// The pattern of what it is about: `*` and `?` are wildcards.
    member Entity: string

    /// The reason for people; empty if there is none.
    member Reason: string

/// The rules of all policy lists, prepared for matching. Rules without wildcards cost one look-up, whatever their
/// number; the others are tried in turn. Letter case is ignored.
[<Sealed>]
type PolicyRules =
    /// No rules.
    static member Empty: PolicyRules

    /// Of two rules with the same entity, the first counts.
    static member Of: rules: IReadOnlyList<PolicyRule> -> PolicyRules

    /// The number of rules.
    member Count: int

    /// The rule that matches a user; null if none does.
    member FindUser: userId: string -> PolicyRule | null

    /// The rule that matches a room id or alias; null if none does.
    member FindRoom: roomIdOrAlias: string -> PolicyRule | null

    /// The rule that matches a server, by its name with or without the port and the dots at the end of its host; null
    /// if none does.
    member FindServer: serverName: string -> PolicyRule | null
