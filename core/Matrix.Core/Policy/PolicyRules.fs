namespace Matrix.Core.Policy

open System
open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Json
open Matrix.Core.Push

type PolicyKind =
    | User = 0
    | Room = 1
    | Server = 2

module private RuleContent =

    /// Longer than any identifier, with space for wildcards.
    let longestEntity = 512

    let kinds: (string * PolicyKind) list = [
        EventTypes.PolicyRuleUser, PolicyKind.User
        EventTypes.PolicyRuleRoom, PolicyKind.Room
        EventTypes.PolicyRuleServer, PolicyKind.Server
    ]

    let textOf (content: JsonObject) (name: string) : string =
        match content.TryFind name with
        | ValueSome(Json.String text) -> text
        | _ -> ""

[<Sealed>]
type PolicyRule private (kind: PolicyKind, entity: string, reason: string) =

    static let eventTypes: IReadOnlyList<string> = [| for eventType, _ in RuleContent.kinds -> eventType |]

    static member EventTypes = eventTypes

    static member Of(eventType: string, content: JsonObject) : PolicyRule | null =
        let entity = RuleContent.textOf content "entity"

        match RuleContent.kinds |> List.tryFind (fun (name, _) -> name = eventType) with
        | Some(_, kind) when
            entity <> ""
            && entity.Length <= RuleContent.longestEntity
            && RuleContent.textOf content "recommendation" = "m.ban"
            ->
            PolicyRule(kind, entity, RuleContent.textOf content "reason")
        | _ -> null

    member _.Kind = kind

    member _.Entity = entity

    member _.Reason = reason

/// The rules of one kind.
[<Sealed>]
type RulesOfKind(rules: PolicyRule seq) =

    let isPattern (rule: PolicyRule) =
        rule.Entity.AsSpan().IndexOfAny('*', '?') >= 0

    let exact = Dictionary<string, PolicyRule>(StringComparer.OrdinalIgnoreCase)

    do
        for rule in rules do
            if not (isPattern rule) then
                exact.TryAdd(rule.Entity, rule) |> ignore

    let patterns = [|
        for rule in rules do
            if isPattern rule then
                struct (Glob.Of rule.Entity, rule)
    |]

    member _.Find(text: string) : PolicyRule | null =
        match exact.TryGetValue text with
        | true, rule -> rule
        | _ when patterns.Length = 0 -> null
        | _ ->
            let folded = FoldedText.Of text

            match patterns |> Array.tryFind (fun struct (pattern, _) -> pattern.Matches folded) with
            | Some(struct (_, rule)) -> rule
            | None -> null

[<Sealed>]
type PolicyRules private (count: int, users: RulesOfKind, rooms: RulesOfKind, servers: RulesOfKind) =

    static let ofRules (rules: IReadOnlyList<PolicyRule>) =
        let about kind =
            RulesOfKind(rules |> Seq.filter (fun rule -> rule.Kind = kind))

        PolicyRules(rules.Count, about PolicyKind.User, about PolicyKind.Room, about PolicyKind.Server)

    static let empty = ofRules [||]

    static member Empty = empty

    static member Of(rules: IReadOnlyList<PolicyRule>) = ofRules rules

    member _.Count = count

    member _.FindUser(userId: string) = users.Find userId

    member _.FindRoom(roomIdOrAlias: string) = rooms.Find roomIdOrAlias

    member _.FindServer(serverName: string) : PolicyRule | null =
        // A host with a dot at its end is the same one.
        let names =
            match ServerName.parts serverName with
            | Ok(struct (host, _, _)) -> [ serverName; host; host.TrimEnd '.' ] |> List.distinct
            | Error _ -> [ serverName ]

        names
        |> List.tryPick (fun name -> Option.ofObj (servers.Find name))
        |> Option.toObj
