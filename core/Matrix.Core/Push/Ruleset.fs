namespace Matrix.Core.Push

open System
open System.Collections.Generic
open Matrix.Core.Json

module private Defaults =

    let private make (d: DefaultRule) (conditions: PushCondition list) =
        PushRule(
            d.Kind,
            d.RuleId,
            true,
            d.Enabled,
            conditions |> List.map PushCondition.toJson |> List.toArray,
            null,
            List.toArray d.Actions
        )

    /// Rules that are the same for all users, shared.
    let private common =
        let table = Dictionary<string, PushRule>()

        for d in DefaultRules.all do
            if List.forall DefaultRules.isCommon d.Conditions then
                table[d.RuleId] <- make d d.Conditions

        table

    /// Whether a rule is the same for all users.
    let isCommon (rule: PushRule) = common.ContainsKey rule.RuleId

    /// Whether a rule has this kind and id.
    let is kind ruleId (r: PushRule) = r.Kind = kind && r.RuleId = ruleId

    /// The server's rules for a user, in order.
    let forUser (userId: string) : PushRule[] = [|
        for d in DefaultRules.all do
            match common.TryGetValue d.RuleId with
            | true, shared -> shared
            | _ -> make d (d.Conditions |> List.map (DefaultRules.forUser userId))
    |]

[<Sealed>]
type RulesetEdit internal (result: Result<Ruleset, RulesetError>) =

    member _.Match(edited: Func<Ruleset, 'T>, refused: Func<RulesetError, 'T>) : 'T =
        match result with
        | Ok ruleset -> edited.Invoke ruleset
        | Error error -> refused.Invoke error

    member _.Result = result

/// `own` are the user's rules and `defaults` the server's, each kind in order of importance.
and [<Sealed>] Ruleset private (userId: string, own: PushRule[], defaults: PushRule[]) =

    /// Only `master` comes before the user's own rules.
    let isMaster (r: PushRule) = (r.RuleId = DefaultRules.master.RuleId)

    let ofKind (kind: PushRuleKind) = [|
        yield! defaults |> Array.filter (fun r -> r.Kind = kind && isMaster r)
        yield! own |> Array.filter (fun r -> r.Kind = kind)
        yield! defaults |> Array.filter (fun r -> r.Kind = kind && not (isMaster r))
    |]

    let rules = PushRuleKinds.All |> Array.collect ofKind
    let mutable compiled: CompiledRuleset | null = null

    /// A reader whom no event mentions.
    static let nobody =
        Ruleset("", [||], Defaults.forUser "" |> Array.filter Defaults.isCommon)

    static member Default(userId: string) : Ruleset =
        Ruleset(userId, [||], Defaults.forUser userId)

    static member Parse(userId: string, content: JsonObject) : Ruleset =
        let stored = [|
            match content.TryFind "global" with
            | ValueSome(Json.Object ruleset) ->
                for kind in PushRuleKinds.All do
                    match ruleset.TryFind(PushRuleKinds.Name kind) with
                    | ValueSome(Json.Array rules) ->
                        for rule in rules do
                            match rule with
                            | Json.Object r ->
                                match r.TryFind "rule_id" with
                                | ValueSome(Json.String ruleId) -> struct (kind, ruleId, r)
                                | _ -> ()
                            | _ -> ()
                    | _ -> ()
            | _ -> ()
        |]

        let isEnabled (r: JsonObject) whenAbsent =
            match r.TryFind "enabled" with
            | ValueSome(Json.Bool enabled) -> enabled
            | _ -> whenAbsent

        let boundless = RulesetLimits(Int32.MaxValue, Int32.MaxValue, Int32.MaxValue)
        let seen = HashSet<struct (PushRuleKind * string)>()

        let own = [|
            for struct (kind, ruleId, r) in stored do
                if not (ruleId.StartsWith '.') && seen.Add(struct (kind, ruleId)) then
                    match RuleBody.rule boundless kind ruleId (isEnabled r true) r with
                    | Ok rule -> rule
                    | Error _ -> ()
        |]

        let defaults =
            Defaults.forUser userId
            |> Array.map (fun rule ->
                stored
                |> Array.tryFind (fun (struct (kind, ruleId, _)) -> Defaults.is kind ruleId rule)
                |> function
                    | None -> rule
                    | Some(struct (_, _, r)) ->
                        let enabled = isEnabled r rule.Enabled

                        let actions =
                            match RuleBody.actionsOf boundless r with
                            | Ok actions -> actions
                            | Error _ -> rule.Actions

                        if enabled = rule.Enabled && (Json.Array actions).Equals(Json.Array rule.Actions) then
                            rule
                        else
                            rule.With(enabled, actions))

        Ruleset(userId, own, defaults)

    member _.UserId = userId
    member _.Rules: IReadOnlyList<PushRule> = rules

    member _.ToJson() : JsonObject =
        JsonObject.OfSeq [
            for kind in PushRuleKinds.All do
                let ofKind = rules |> Array.filter (fun r -> r.Kind = kind)
                struct (PushRuleKinds.Name kind, Json.Array(ofKind |> Array.map (fun r -> Json.Object(r.ToJson()))))
        ]

    member this.ToContent() : JsonObject =
        JsonObject.OfSeq [ struct ("global", Json.Object(this.ToJson())) ]

    member _.Find(kind: PushRuleKind, ruleId: string) : PushRule | null =
        match rules |> Array.tryFind (Defaults.is kind ruleId) with
        | Some rule -> rule
        | None -> null

    member this.Put
        (
            kind: PushRuleKind,
            ruleId: string,
            body: JsonObject,
            before: string | null,
            after: string | null,
            limits: RulesetLimits
        ) : RulesetEdit =
        let there = own |> Array.tryFindIndex (Defaults.is kind ruleId)
        let others = own |> Array.filter (fun r -> not (Defaults.is kind ruleId r))

        let beside (neighbour: string) (offset: int) =
            if neighbour.StartsWith '.' then
                Error(RulesetError.NeighbourIsDefault neighbour)
            else
                match others |> Array.tryFindIndex (Defaults.is kind neighbour) with
                | Some i -> Ok(i + offset)
                | None -> Error(RulesetError.NoSuchNeighbour neighbour)

        let place =
            match before with
            | null ->
                match after with
                | null -> Ok(Option.defaultValue 0 there)
                | neighbour -> beside neighbour 1
            | neighbour -> beside neighbour 0

        let checkCount () =
            let count = others |> Seq.filter (fun r -> r.Kind = kind) |> Seq.length

            if count >= limits.RulesPerKind then
                Error(RulesetError.TooMuch("rules of a kind", limits.RulesPerKind))
            else
                Ok()

        let enabled =
            match there with
            | Some i -> own[i].Enabled
            | None -> true

        let result =
            RuleBody.checkId limits ruleId
            |> Result.bind checkCount
            |> Result.bind (fun () -> RuleBody.rule limits kind ruleId enabled body)
            |> Result.bind (fun rule ->
                place
                |> Result.map (fun place -> Ruleset(userId, Array.insertAt place rule others, defaults)))

        RulesetEdit result

    member _.Delete(kind: PushRuleKind, ruleId: string) : RulesetEdit =
        match own |> Array.tryFindIndex (Defaults.is kind ruleId) with
        | Some i -> RulesetEdit(Ok(Ruleset(userId, Array.removeAt i own, defaults)))
        | None -> RulesetEdit(Error(RulesetError.NoSuchRule ruleId))

    /// Changes a rule in place, the user's or the server's.
    member private _.Change(kind, ruleId, change: PushRule -> PushRule) : RulesetEdit =
        let changed (rules: PushRule[]) =
            rules |> Array.map (fun r -> if Defaults.is kind ruleId r then change r else r)

        if rules |> Array.exists (Defaults.is kind ruleId) then
            RulesetEdit(Ok(Ruleset(userId, changed own, changed defaults)))
        else
            RulesetEdit(Error(RulesetError.NoSuchRule ruleId))

    member this.SetEnabled(kind: PushRuleKind, ruleId: string, body: JsonObject) : RulesetEdit =
        match body.TryFind "enabled" with
        | ValueSome(Json.Bool enabled) -> this.Change(kind, ruleId, (fun r -> r.With(enabled, r.Actions)))
        | ValueSome _ -> RulesetEdit(Error(RulesetError.WrongType("enabled", "true or false")))
        | ValueNone -> RulesetEdit(Error(RulesetError.Missing "enabled"))

    member this.SetActions(kind: PushRuleKind, ruleId: string, body: JsonObject, limits: RulesetLimits) : RulesetEdit =
        match RuleBody.actionsOf limits body with
        | Ok actions -> this.Change(kind, ruleId, (fun r -> r.With(r.Enabled, actions)))
        | Error error -> RulesetEdit(Error error)

    member this.ForReplacedRoom(oldRoomId: string, newRoomId: string, limits: RulesetLimits) : Ruleset =
        let isOld (o: JsonObject) (name: string) = String.Equals(o.Text name, oldRoomId)

        let namesRoom (condition: Json) =
            match condition with
            | Json.Object o -> String.Equals(o.Text "key", "room_id") && (isOld o "pattern" || isOld o "value")
            | _ -> false

        let renamed (condition: Json) =
            match condition with
            | Json.Object o when namesRoom condition ->
                Json.Object(
                    JsonObject.OfSeq(
                        o.Members
                        |> Seq.map (fun (struct (key, value)) ->
                            if (key = "pattern" || key = "value") && isOld o key then
                                struct (key, Json.String newRoomId)
                            else
                                struct (key, value))
                    )
                )
            | other -> other

        let copyId (rule: PushRule) =
            match rule.Kind with
            | PushRuleKind.Room when String.Equals(rule.RuleId, oldRoomId) -> ValueSome newRoomId
            | PushRuleKind.Override
            | PushRuleKind.Underride when Array.exists namesRoom rule.Conditions ->
                if rule.RuleId.Contains(oldRoomId, StringComparison.Ordinal) then
                    ValueSome(rule.RuleId.Replace(oldRoomId, newRoomId, StringComparison.Ordinal))
                else
                    ValueSome $"{rule.RuleId}|{newRoomId}"
            | _ -> ValueNone

        let mutable mine = own

        for rule in own do
            match copyId rule with
            | ValueSome ruleId when
                ruleId.Length <= limits.Characters
                && not (Array.exists (Defaults.is rule.Kind ruleId) mine)
                && (mine |> Seq.filter (fun r -> r.Kind = rule.Kind) |> Seq.length) < limits.RulesPerKind
                ->
                let copy =
                    PushRule(
                        rule.Kind,
                        ruleId,
                        false,
                        rule.Enabled,
                        Array.map renamed rule.Conditions,
                        rule.Pattern,
                        rule.Actions
                    )

                let place = mine |> Array.findIndex (Defaults.is rule.Kind rule.RuleId)
                mine <- Array.insertAt (place + 1) copy mine
            | _ -> ()

        if Object.ReferenceEquals(mine, own) then
            this
        else
            Ruleset(userId, mine, defaults)

    member this.Evaluate(event: PushEvent, displayName: string | null) : PushOutcome =
        this.Evaluate(event, displayName, ThreadSubscription.NotInThread)

    member _.Evaluate(event: PushEvent, displayName: string | null, thread: ThreadSubscription) : PushOutcome =
        let ready =
            match compiled with
            | null ->
                let made = CompiledRuleset(userId, rules)
                compiled <- made
                made
            | made -> made

        ready.Evaluate(event, displayName, thread)

    static member ForMost(event: PushEvent) : PushOutcome = nobody.Evaluate(event, null)

    static member ForMost(event: PushEvent, thread: ThreadSubscription) : PushOutcome =
        nobody.Evaluate(event, null, thread)
