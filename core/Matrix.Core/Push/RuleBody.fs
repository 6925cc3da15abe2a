namespace Matrix.Core.Push

open System
open Matrix.Core.Json

/// Limits of a user's push rules.
[<Sealed>]
type RulesetLimits(rulesPerKind: int, partsPerRule: int, characters: int) =

    /// The defaults: 2,000 rules of a kind, 32 conditions or actions in a rule, 1,024 characters in an id or a pattern.
    static member Default = RulesetLimits(2000, 32, 1024)

    /// The most rules of a kind.
    member _.RulesPerKind = rulesPerKind

    /// The most conditions, and the most actions, of one rule.
    member _.PartsPerRule = partsPerRule

    /// The most characters of an id, a key or a pattern.
    member _.Characters = characters

/// Reads the bodies with which clients put rules.
module internal RuleBody =

    let private require (o: JsonObject) name =
        match o.TryFind name with
        | ValueSome value -> Ok value
        | ValueNone -> Error(RulesetError.Missing name)

    let private all (check: 'a -> Result<unit, RulesetError>) (items: 'a[]) =
        (Ok(), items)
        ||> Array.fold (fun soFar item -> soFar |> Result.bind (fun () -> check item))

    /// A list of actions: strings, and objects with `set_tweak`. Unknown and historical ones are kept, and do nothing:
    /// clients find the rule by which they muted a room by its `dont_notify`.
    let actions (limits: RulesetLimits) (value: Json) : Result<Json[], RulesetError> =
        match value with
        | Json.Array items when items.Length > limits.PartsPerRule ->
            Error(RulesetError.TooMuch("actions of a rule", limits.PartsPerRule))
        | Json.Array items ->
            items
            |> all (fun item ->
                match item with
                | Json.String _ -> Ok()
                | Json.Object o ->
                    match o.TryFind "set_tweak" with
                    | ValueNone
                    | ValueSome(Json.String _) -> Ok()
                    | _ -> Error(RulesetError.WrongType("set_tweak", "a string"))
                | _ -> Error(RulesetError.WrongType("actions", "an array of strings and objects")))
            |> Result.map (fun () -> items)
        | _ -> Error(RulesetError.WrongType("actions", "an array of strings and objects"))

    /// The `actions` of a body.
    let actionsOf (limits: RulesetLimits) (body: JsonObject) : Result<Json[], RulesetError> =
        require body "actions" |> Result.bind (actions limits)

    let private condition (limits: RulesetLimits) (value: Json) : Result<unit, RulesetError> =
        match value with
        | Json.Object o ->
            let text (name: string) =
                match o.TryFind name with
                | ValueNone -> Ok()
                | ValueSome(Json.String s) when s.Length <= limits.Characters -> Ok()
                | ValueSome(Json.String _) -> Error(RulesetError.TooMuch($"characters of {name}", limits.Characters))
                | ValueSome _ -> Error(RulesetError.WrongType(name, "a string"))

            require o "kind"
            |> Result.bind (fun _ -> [| "kind"; "key"; "pattern"; "is" |] |> all text)
        | _ -> Error(RulesetError.WrongType("conditions", "an array of objects"))

    /// The `conditions` of a body, if any. Unknown kinds are kept: they match nothing.
    let conditionsOf (limits: RulesetLimits) (body: JsonObject) : Result<Json[], RulesetError> =
        match body.TryFind "conditions" with
        | ValueNone -> Ok [||]
        | ValueSome(Json.Array items) when items.Length > limits.PartsPerRule ->
            Error(RulesetError.TooMuch("conditions of a rule", limits.PartsPerRule))
        | ValueSome(Json.Array items) -> items |> all (condition limits) |> Result.map (fun () -> items)
        | ValueSome _ -> Error(RulesetError.WrongType("conditions", "an array of objects"))

    /// The `pattern` of a body.
    let patternOf (limits: RulesetLimits) (body: JsonObject) : Result<string, RulesetError> =
        require body "pattern"
        |> Result.bind (fun value ->
            match value with
            | Json.String s when s.Length <= limits.Characters -> Ok s
            | Json.String _ -> Error(RulesetError.TooMuch("characters of pattern", limits.Characters))
            | _ -> Error(RulesetError.WrongType("pattern", "a string")))

    /// A user-defined rule.
    let rule
        (limits: RulesetLimits)
        (kind: PushRuleKind)
        (ruleId: string)
        (enabled: bool)
        (body: JsonObject)
        : Result<PushRule, RulesetError> =
        let make (conditions: Json[]) (pattern: string | null) =
            actionsOf limits body
            |> Result.map (fun actions -> PushRule(kind, ruleId, false, enabled, conditions, pattern, actions))

        match kind with
        | PushRuleKind.PostContent -> Error(RulesetError.KindIsServers(PushRuleKinds.Name kind))
        | PushRuleKind.Content -> patternOf limits body |> Result.bind (make [||])
        | PushRuleKind.Override
        | PushRuleKind.Underride -> conditionsOf limits body |> Result.bind (fun conditions -> make conditions null)
        | _ -> make [||] null

    /// A valid id of a user-defined rule.
    let checkId (limits: RulesetLimits) (ruleId: string) : Result<unit, RulesetError> =
        if ruleId.StartsWith '.' then
            Error(RulesetError.ReservedId ruleId)
        elif ruleId = "" || ruleId.AsSpan().IndexOfAny('/', '\\') >= 0 then
            Error(RulesetError.IllegalId ruleId)
        elif ruleId.Length > limits.Characters then
            Error(RulesetError.TooMuch("characters of a rule's id", limits.Characters))
        else
            Ok()
