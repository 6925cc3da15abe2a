namespace Matrix.Rules

/// A fault in the tables.
type Finding = {
    /// The version, or the proposal.
    Where: string
    /// The rule or row.
    Name: string
    /// What is wrong with it.
    What: string
}

/// One row of a version: what an amendment adds, removes or changes.
[<RequireQualifiedAccess>]
type TableRow =
    | Setting of string
    | Redaction of string
    | Selection of Selection
    /// A rule without the rules inside it, which are rows themselves.
    | Rule of Rule

/// Checks of every table.
[<RequireQualifiedAccess>]
module Lint =

    /// A version's tables of rules, by area.
    let private tables (version: RoomVersion) : (string * Rule list) list = [
        "authorization", version.Authorization
        "handling", version.Handling
    ]

    /// A version's rows by area and name.
    let rows (version: RoomVersion) : Map<string, TableRow> =
        Map [
            for name, value in Settings.rows version.Settings -> $"setting/{name}", TableRow.Setting value
            for name, value in Redaction.rows version.Redaction -> $"redaction/{name}", TableRow.Redaction value
            for s in version.Selections -> $"selection/{s.Name}", TableRow.Selection s
            for area, table in tables version do
                for rule in Rule.all table -> $"{area}/{Rule.name rule}", TableRow.Rule(Rule.withInside [] rule)
        ]

    let rec private orders (rules: Rule list) : (string * string list) list =
        rules
        |> List.collect (fun rule ->
            (Rule.name rule, Rule.inside rule |> List.map Rule.name)
            :: orders (Rule.inside rule))

    /// Scopes whose rules are in another order.
    let private reordered (before: RoomVersion) (after: RoomVersion) : string list =
        let scopes (v: RoomVersion) =
            Map [
                for area, table in tables v do
                    for name, inside in ("", table |> List.map Rule.name) :: orders table -> $"{area}/{name}", inside
            ]

        let old = scopes before

        [
            for KeyValue(name, inside) in scopes after do
                match old.TryFind name with
                | Some was when
                    List.filter (fun n -> List.contains n inside) was
                    <> List.filter (fun n -> List.contains n was) inside
                    ->
                    name
                | _ -> ()
        ]

    /// The rows that differ between two versions, by area and name.
    let touched (before: RoomVersion) (after: RoomVersion) : Set<string> =
        let a, b = rows before, rows after
        let names = Set.union (Set.ofSeq a.Keys) (Set.ofSeq b.Keys)
        let changed = names |> Set.filter (fun name -> a.TryFind name <> b.TryFind name)
        Set.union changed (set (reordered before after))

    /// The row that a change needs and the version lacks, or that it adds and the version already has.
    let private misses (before: RoomVersion) (change: Change) : string option =
        let lacks table name =
            not (List.contains name (Rule.all table |> List.map Rule.name))

        let target edit =
            match edit with
            | Edit.Remove name
            | Edit.InsertBefore(name, _)
            | Edit.InsertAfter(name, _)
            | Edit.Replace(name, _)
            | Edit.Reword(name, _, _) -> name

        let selection name =
            List.exists (fun (s: Selection) -> s.Name = name) before.Selections

        let kept eventType =
            Redaction.keptOf before.Redaction eventType

        let lacksTopLevel keys =
            not (Set.isSubset (set keys) before.Redaction.TopLevel)

        match change with
        | Change.Resolution edit when
            StateResolutionAlgorithm.target edit
            |> Option.exists (before.Settings.StateResolution.Has >> not)
            ->
            Some "setting/state-resolution"
        | Change.Authorization edit when lacks before.Authorization (target edit) -> Some $"authorization/{target edit}"
        | Change.Handling edit when lacks before.Handling (target edit) -> Some $"handling/{target edit}"
        | Change.Selection(SelectionEdit.Remove name) when not (selection name) -> Some $"selection/{name}"
        | Change.Selection(SelectionEdit.Add s) when selection s.Name -> Some $"selection/{s.Name}"
        | Change.Redaction(RedactionEdit.DropTopLevel keys) when lacksTopLevel keys -> Some "redaction/top-level"
        | Change.Redaction(RedactionEdit.KeepNothing eventType) when kept eventType = KeptContent.Paths [] ->
            Some $"redaction/{eventType}"
        | Change.Redaction(RedactionEdit.Keep(eventType, path)) ->
            match kept eventType with
            | KeptContent.Paths paths when not (List.contains path paths) -> None
            | _ -> Some $"redaction/{eventType}"
        | _ -> None

    /// Rows that an amendment touches but does not declare, or declares but does not touch.
    let amendment (before: RoomVersion) (amendment: Amendment) : Finding list =
        let did = touched before (Flatten.apply before amendment)
        let declared = set amendment.Touches

        let finding what name = {
            Where = amendment.Msc
            Name = name
            What = what
        }

        let missed =
            (before, amendment.Changes)
            ||> List.mapFold (fun version change ->
                misses version change, Flatten.apply version { amendment with Changes = [ change ] })
            |> fst
            |> List.choose id

        [
            for name in did - declared -> finding "is touched and not declared" name
            for name in declared - did -> finding "is declared and not touched" name
            for name in missed -> finding "cannot be changed this way" name
        ]

    /// Whether a condition reads the current entry of ForEach.
    let private readsEntry (condition: Condition) : bool =
        let isValue power =
            (power = Power.Old || power = Power.New)

        Condition.speaksOf User.EntryKey condition
        || Condition.all condition
           |> List.exists (function
               | Condition.Compare(a, _, b) -> isValue a || isValue b
               | Condition.NewIsNoLevel -> true
               | _ -> false)

    let rec private readsEventAlone (condition: Condition) : bool =
        match condition with
        | Condition.Not c -> readsEventAlone c
        | Condition.And cs
        | Condition.Or cs -> List.forall readsEventAlone cs
        | Condition.Always
        | Condition.TypeIs _
        | Condition.HasStateKey
        | Condition.StateKeyStartsWith _
        | Condition.ContentHas _
        | Condition.ContentIs _
        | Condition.MembershipIs _ -> true
        | _ -> false

    /// The faults in a version's own tables.
    let version (v: RoomVersion) : Finding list =
        let finding name what = {
            Where = v.Id
            Name = name
            What = what
        }

        let names = Rule.all v.Authorization |> List.map Rule.name
        let handling = Rule.all v.Handling |> List.map Rule.name

        let rec walk (parent: string) (inEach: bool) (rules: Rule list) = [
            for rule in rules do
                let name = Rule.name rule

                if
                    parent <> ""
                    && not (name.StartsWith(parent + ".", System.StringComparison.Ordinal))
                then
                    finding name $"does not begin with the name of {parent}"

                if
                    not inEach
                    && not (rule.IsForEach)
                    && List.exists readsEntry (Rule.conditions rule)
                then
                    finding name "reads an entry outside of ForEach"

                match rule with
                | Rule.Clause(_, condition, _, parts) ->
                    for part in parts do
                        if not (List.contains part.Condition (Condition.all condition)) then
                            finding part.Head.Name "is no part of its clause's condition"
                | Rule.Scope(_, _, [])
                | Rule.ForEach(_, _, _, _, []) -> finding name "has no rules inside"
                | _ -> ()

                yield! walk name (inEach || rule.IsForEach) (Rule.inside rule)
        ]

        [
            for name, count in List.countBy id (names @ handling) do
                if count > 1 then
                    finding name "is the name of several rules"

            for rule in Rule.all v.Authorization do
                if List.exists (Condition.speaksOf User.RedactedSender) (Rule.conditions rule) then
                    finding
                        (Rule.name rule)
                        "reads the sender of a redacted event outside of the rules that handle redactions"

            for _, table in tables v do
                yield! walk "" false table

                for name, what in Reachability.faults table do
                    finding name what

                match List.tryLast table with
                | Some(Rule.Clause(_, Condition.Always, _, _)) -> ()
                | _ -> finding "" "leaves some events undecided"

            let lettingIn = [
                match AuthorisingUserRule.tryFind v.Authorization with
                | Some restrictedJoin ->
                    for condition in Condition.all restrictedJoin.Where do
                        match condition with
                        | Condition.JoinRuleIn rules -> yield! rules
                        | _ -> ()
                | None -> ()
            ]

            for rule in [ JoinRule.Restricted; JoinRule.KnockRestricted ] do
                match List.contains rule v.Settings.JoinRules, List.contains rule lettingIn with
                | true, false -> finding (Settings.joinRuleWord rule) "is a join rule that allows no restricted joins"
                | false, true ->
                    finding (Settings.joinRuleWord rule) "allows restricted joins, but is no join rule of the version"
                | _ -> ()

            for what in StateResolutionAlgorithm.faults v.Settings.StateResolution do
                finding "state-resolution" what

            for name, _ in v.Misprints do
                if not (List.contains name names) then
                    finding name "has a number, but is no rule"

            for s in v.Selections do
                if not (readsEventAlone s.When) then
                    finding s.Name "is selected by more than the event itself"
        ]

    /// The faults in these versions, given with parents before children.
    let all (versions: RoomVersion list) : Finding list =
        let byId = versions |> List.map (fun v -> v.Id, v) |> Map.ofList

        [
            for v in versions do
                yield! version v

                match v.Parent |> Option.bind byId.TryFind with
                | Some parent ->
                    let mutable before = parent

                    for a in v.Amendments do
                        yield! amendment before a
                        before <- Flatten.apply before a
                | None -> ()
        ]
