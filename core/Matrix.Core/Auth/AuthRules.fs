namespace Matrix.Core.Auth

open System
open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Json

[<RequireQualifiedAccess>]
type Decision =
    | Allowed of clause: string
    | Rejected of Failure

    member this.IsOk = this.IsAllowed

    member this.Clause =
        match this with
        | Decision.Allowed clause -> clause
        | Decision.Rejected failure -> failure.Clause

/// A compiled rule: it decides, or returns none and leaves the event to the next rule.
[<AbstractClass>]
type internal CompiledRule() =
    abstract Decide: EvaluationContext -> Decision voption

/// Compiled rules, tried in order.
[<Sealed>]
type internal CompiledRules(rules: CompiledRule[]) =
    member _.Decide(context: EvaluationContext) : Decision voption =
        let mutable decision = ValueNone
        let mutable i = 0

        while decision.IsNone && i < rules.Length do
            decision <- rules[i].Decide context
            i <- i + 1

        decision

/// The entries that differ between the power levels in the state and those in the event.
[<RequireQualifiedAccess>]
module internal Altered =

    let private place (alteration: Alteration) : int =
        match alteration with
        | Alteration.Added -> 0
        | Alteration.Changed -> 1
        | Alteration.Removed -> 2

    /// Which alterations count.
    let kinds (alterations: Alteration list) : bool[] =
        let kinds = Array.zeroCreate 3

        for alteration in alterations do
            kinds[place alteration] <- true

        kinds

    let private objectOf (json: Json voption) : JsonObject =
        match json with
        | ValueSome(Json.Object inner) -> inner
        | _ -> JsonObject.Empty

    /// Whether the new value exists, differs from the old one, and does not count as a level.
    let private setsNoLevel (before: Json voption) (after: Json voption) (afterLevel: int64 voption) : bool =
        afterLevel.IsNone && after.IsSome && before <> after

    /// Tries the rules for one entry, if its alteration counts.
    let private tryEntry
        (kinds: bool[])
        (where: EvaluationContext -> bool)
        (rules: CompiledRules)
        (context: EvaluationContext)
        (key: string)
        (before: int64 voption)
        (after: int64 voption)
        (isNoLevel: bool)
        : Decision voption =
        let kind =
            if before.IsNone && after.IsNone && not isNoLevel then -1
            elif before.IsNone then place Alteration.Added
            elif isNoLevel then place Alteration.Changed
            elif after.IsNone then place Alteration.Removed
            elif before.Value = after.Value then -1
            else place Alteration.Changed

        if kind < 0 || not kinds[kind] then
            ValueNone
        else
            context.EntryKey <- key
            context.Old <- ValueOption.defaultValue EvaluationContext.NoPower before
            context.New <- ValueOption.defaultValue EvaluationContext.NoPower after
            context.NewIsNoLevel <- isNoLevel
            let decision = if where context then rules.Decide context else ValueNone
            context.EntryKey <- null
            context.Old <- EvaluationContext.NoPower
            context.New <- EvaluationContext.NoPower
            context.NewIsNoLevel <- false
            decision

    /// The named members of the content, in the given order.
    let members (names: string[]) kinds where rules (context: EvaluationContext) : Decision voption =
        let values = context.Settings.PowerLevelValues

        let before =
            match context.LevelsEvent with
            | null -> JsonObject.Empty
            | event -> event.Pdu.Content

        let mutable decision = ValueNone
        let mutable i = 0

        while decision.IsNone && i < names.Length do
            let name = names[i]
            let after = LevelValues.ofMember values context.Content name

            let isNoLevel =
                after.IsNone
                && setsNoLevel (before.TryFind name) (context.Content.TryFind name) after

            decision <-
                tryEntry kinds where rules context name (LevelValues.ofMember values before name) after isNoLevel

            i <- i + 1

        decision

    /// The entries of a map, old and new, by key.
    let private insideOne (name: string) kinds where rules (context: EvaluationContext) : Decision voption =
        let values = context.Settings.PowerLevelValues

        let was =
            match context.LevelsEvent with
            | null -> ValueNone
            | event -> event.Pdu.Content.TryFind name

        let is = context.Content.TryFind name
        let before = objectOf was
        let after = objectOf is

        // A map that is not an object has no entries: it is an entry with the map's name.
        let mutable decision =
            match is with
            | ValueSome(Json.Object _)
            | ValueNone -> ValueNone
            | _ when was = is -> ValueNone
            | _ -> tryEntry kinds where rules context name ValueNone ValueNone true

        let mutable i = 0
        let mutable j = 0

        // Both are sorted by key, so that one walk visits both.
        while decision.IsNone && (i < before.Count || j < after.Count) do
            let order =
                if i = before.Count then 1
                elif j = after.Count then -1
                else JsonObject.CompareKeys(before.Key i, after.Key j)

            let key = if order <= 0 then before.Key i else after.Key j

            let was = if order <= 0 then ValueSome(before.Value i) else ValueNone

            let is = if order >= 0 then ValueSome(after.Value j) else ValueNone

            if order <= 0 then
                i <- i + 1

            if order >= 0 then
                j <- j + 1

            let oldLevel = LevelValues.tryRead values was
            let newLevel = LevelValues.tryRead values is
            decision <- tryEntry kinds where rules context key oldLevel newLevel (setsNoLevel was is newLevel)

        decision

    /// The entries of several maps, one map after another.
    let inside (names: string[]) kinds where rules (context: EvaluationContext) : Decision voption =
        let mutable decision = ValueNone
        let mutable i = 0

        while decision.IsNone && i < names.Length do
            decision <- insideOne names[i] kinds where rules context
            i <- i + 1

        decision

/// Compiles tables of rules.
[<RequireQualifiedAccess>]
module internal Compiling =

    let private decideWith (decide: EvaluationContext -> Decision voption) : CompiledRule = {
        new CompiledRule() with
            member _.Decide context = decide context
    }

    let rec rules (version: RoomVersion) (selections: CompiledSelection[]) (table: Rule list) : CompiledRules =
        CompiledRules(table |> List.map (rule version selections) |> Array.ofList)

    and private rule (version: RoomVersion) (selections: CompiledSelection[]) (source: Rule) : CompiledRule =
        let isKnown id = Versions.isKnown id || id = version.Id

        let test condition =
            Conditions.compile isKnown selections condition

        let decided (name: string) (outcome: Outcome) : EvaluationContext -> Decision voption =
            match outcome with
            | Outcome.Allow ->
                let allowed = ValueSome(Decision.Allowed name)
                fun _ -> allowed
            | Outcome.Reject reason -> fun f -> ValueSome(Decision.Rejected(Evidence.failure selections f name reason))

        match source with
        | Rule.Scope(_, condition, inside) ->
            let test = test condition
            let inside = rules version selections inside
            decideWith (fun f -> if test f then inside.Decide f else ValueNone)
        | Rule.Clause(head, condition, outcome, _) ->
            let test = test condition
            let decided = decided head.Name outcome
            decideWith (fun f -> if test f then decided f else ValueNone)
        | Rule.Iff(head, applies, holds, reason) ->
            let applies, holds = test applies, test holds
            let allowed = decided head.Name Outcome.Allow
            let rejected = decided head.Name (Outcome.Reject reason)

            decideWith (fun f ->
                if not (applies f) then ValueNone
                elif holds f then allowed f
                else rejected f)
        | Rule.ForEach(_, alterations, entries, where, inside) ->
            let kinds = Altered.kinds alterations

            let where = test where
            let inside = rules version selections inside

            match entries with
            | Entries.Members names -> decideWith (Altered.members (Array.ofList names) kinds where inside)
            | Entries.Inside names -> decideWith (Altered.inside (Array.ofList names) kinds where inside)

[<Sealed>]
type AuthRules(version: RoomVersion) =

    static let known = lazy (Versions.derive AuthRules)

    // One context per thread. It is taken out while in use, so that a nested decision uses another one.
    [<ThreadStatic; DefaultValue>]
    static val mutable private spare: EvaluationContext | null

    let selections = Conditions.selections version.Selections
    let rules = Compiling.rules version selections version.Authorization
    let handling = Compiling.rules version selections version.Handling
    let asking = Compiling.rules version selections Authorization.Handling.ofClients

    let authEventsIncludeCreate =
        version.Selections |> List.exists (fun s -> s.Type = EventTypes.Create)

    // False in versions without such rules.
    let allowsRestrictedJoins, mayAuthorise =
        let restrictedJoin = lazy (AuthorisingUserRule.tryFind version.Authorization)

        let asked (what: AuthorisingUserRule.AuthorisingUserRule -> Condition) =
            lazy
                (restrictedJoin.Value
                 |> Option.map what
                 |> Option.defaultValue (Condition.Not Condition.Always)
                 |> Conditions.compile (fun _ -> false) selections)

        asked _.Where, asked _.Power

    let rent () : EvaluationContext =
        let context =
            match AuthRules.spare with
            | null -> EvaluationContext()
            | spare ->
                AuthRules.spare <- null
                spare

        context.Settings <- version.Settings
        context

    member private _.Return(context: EvaluationContext) =
        context.Clear()
        AuthRules.spare <- context

    member _.Version = version

    /// The lint requires that the last rule of a table decides. A table that breaks it allows nothing.
    static member private Decided(decision: Decision voption) : Decision =
        match decision with
        | ValueSome decision -> decision
        | ValueNone ->
            Decision.Rejected {
                Clause = ""
                Reason = Reason.EventNeedsMorePower
                Supplied = Value.Nothing
                Required = Value.Nothing
                Entry = ""
            }

    member this.Decide(event: Pdu, state: IAuthState, facts: AuthFacts) : Decision =
        let context = rent ()
        context.Load(event, state, facts)
        let decision = rules.Decide context
        this.Return context
        AuthRules.Decided decision

    member private this.OfRedaction
        (table: CompiledRules, redaction: Pdu, redactedSender: string, state: IAuthState)
        : Decision =
        let context = rent ()
        context.Load(redaction, state, AuthFacts.OfAccepted [||])
        context.RedactedSender <- redactedSender
        let decision = table.Decide context
        this.Return context
        AuthRules.Decided decision

    member this.Applies(redaction: Pdu, redactedSender: string, state: IAuthState) : Decision =
        this.OfRedaction(handling, redaction, redactedSender, state)

    member this.MayRedact(redaction: Pdu, redactedSender: string, state: IAuthState) : Decision =
        this.OfRedaction(asking, redaction, redactedSender, state)

    member this.MayAuthorise(state: IAuthState, userId: string) : bool =
        let context = rent ()
        context.LoadState state
        context.Content <- JsonObject.OfSeq [ struct ("join_authorised_via_users_server", Json.String userId) ]
        let may = mayAuthorise.Value context
        this.Return context
        may

    member this.AllowsRestrictedJoins(state: IAuthState) : bool =
        let context = rent ()
        context.LoadState state
        let lets = allowsRestrictedJoins.Value context
        this.Return context
        lets

    member _.AuthEventsIncludeCreate = authEventsIncludeCreate

    member this.SelectionOf
        (eventType: string, sender: string, stateKey: string | null, content: JsonObject)
        : struct (string * string)[] =
        if eventType = EventTypes.Create then
            [||]
        else
            let context = rent ()
            context.LoadDraft(eventType, sender, stateKey, content)
            let keys = List<struct (string * string)>(6)

            for row in selections do
                match row.Key context with
                | null -> ()
                | key ->
                    let entry = struct (row.Type, key)

                    if row.Applies context && not (keys.Contains entry) then
                        keys.Add entry

            this.Return context
            keys.ToArray()

    member this.PowerOf(state: IAuthState, userId: string) : int64 =
        let context = rent ()
        context.LoadState state
        let power = context.PowerOf userId
        this.Return context
        power

    member _.Read(event: Pdu) : AuthEvent = AuthEvent(version.Settings, event)

    static member Of(versionId: string) : AuthRules | null =
        match known.Value.TryGetValue versionId with
        | true, rules -> rules
        | _ -> null
