namespace Matrix.Properties.SmallWorlds

open System.Collections.Generic
open System.Runtime.CompilerServices
open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Core.Auth
open Matrix.Properties.Generators

/// The smallest case for each row of authorization in which two versions differ.
[<RequireQualifiedAccess>]
module internal DecisionSearch =

    /// A difference that is searched for. `types` are the only types of events that show it; none if any may.
    type private Goal
        (change: RowChange, types: Set<string> option, isShown: Decision -> Decision -> World -> int[] -> bool) =
        member _.Change = change
        member _.Types = types
        member _.IsShown(a, b, world, case) = isShown a b world case
        /// A case with the same verdict by different clauses.
        member val Reason: DecidedApart option = None with get, set
        member val Verdict: DecidedApart option = None with get, set

    /// The types of the events that a version's rules with this name decide, by the scopes around them; none if they
    /// may decide an event of any type.
    let private typesDecided (version: RoomVersion) (name: string) : Set<string> option =
        let rec types (outer: string option) (rules: Rule list) : string option list = [
            for rule in rules do
                let inner =
                    match rule with
                    | Rule.Scope(_, Condition.TypeIs eventType, _) -> Some eventType
                    | _ -> outer

                if Clauses.isWithin name (Rule.name rule) then
                    inner

                yield! types inner (Rule.inside rule)
        ]

        let found = types None version.Authorization

        if found.IsEmpty || List.contains None found then
            None
        else
            Some(found |> List.choose id |> Set.ofList)

    /// Cases that the row decides in a version that has it.
    let private ofRow (a: RoomVersion) (b: RoomVersion) (change: RowChange) : Goal =
        let id = (RowChanges.row change).Id

        match change with
        | RowChange.Added _ -> Goal(change, typesDecided b id, (fun _ b _ _ -> Clauses.within id b))
        | RowChange.Removed _ -> Goal(change, typesDecided a id, (fun a _ _ _ -> Clauses.within id a))
        | _ ->
            Goal(
                change,
                Option.map2 Set.union (typesDecided a id) (typesDecided b id),
                fun a b _ _ -> Clauses.within id a || Clauses.within id b
            )

    /// The newer version with one setting or selection of the older one, if the row is about one.
    let private reverted (a: RoomVersion) (b: RoomVersion) (change: RowChange) : RoomVersion option =
        let row = RowChanges.row change

        let settings change =
            Some { b with Settings = change b.Settings }

        match row.Id with
        | "rooms.creators" ->
            settings (fun s -> {
                s with
                    Creators = a.Settings.Creators
            })
        | "power.creators" ->
            settings (fun s -> {
                s with
                    CreatorPower = a.Settings.CreatorPower
            })
        | id when id.StartsWith "power.values" || id = "policy.power-levels.malformed" ->
            settings (fun s -> {
                s with
                    PowerLevelValues = a.Settings.PowerLevelValues
            })
        | id when id.StartsWith "selection." ->
            let name = id.Substring 10

            let others =
                b.Selections
                |> List.filter (fun s -> s.Name <> name && "selection." + s.Name <> id)

            let old =
                a.Selections
                |> List.filter (fun s -> s.Name = name || "selection." + s.Name = id)

            Some { b with Selections = others @ old }
        | _ -> None

    /// A case with different verdicts whose join rule only one version has. The clauses that read the join rule are
    /// rows themselves.
    let private ofJoinRules (a: RoomVersion) (b: RoomVersion) (change: RowChange) : Goal =
        let only =
            List.except a.Settings.JoinRules b.Settings.JoinRules
            @ List.except b.Settings.JoinRules a.Settings.JoinRules
            |> List.map (fun rule -> "join rule " + Settings.joinRuleWord rule)

        Goal(
            change,
            None,
            fun x y world case ->
                x.IsOk <> y.IsOk
                && World.describe world case |> List.exists (fun words -> List.contains words only)
        )

    /// A case with different verdicts, and with the same verdict once this row is as in the older version.
    let private ofReverted
        (loaders: Dictionary<string, CaseLoader>)
        (a: RoomVersion)
        (b: RoomVersion)
        (change: RowChange)
        : Goal option =
        // The order of the two versions does not matter.
        let age (version: RoomVersion) =
            Versions.withUnstable
            |> List.tryFindIndex (fun v -> v.Id = version.Id)
            |> Option.defaultValue System.Int32.MaxValue

        let isForward = age a <= age b
        let older, newer = if isForward then a, b else b, a

        reverted older newer change
        |> Option.map (fun hybrid ->
            let rules = AuthRules hybrid
            // A setting changes how events are read; a selection only changes which of the same events may be in
            // `auth_events`.
            let ground = if hybrid.Settings = newer.Settings then newer else hybrid

            let loaderOf (world: World) =
                let key = ground.Id + (RowChanges.row change).Id + world.Name

                match loaders.TryGetValue key with
                | true, loader -> loader
                | _ ->
                    let loader = CaseLoader(Ground(world, ground))
                    loaders[key] <- loader
                    loader

            Goal(
                change,
                None,
                fun x y world case ->
                    x.IsOk <> y.IsOk
                    && (let loader = loaderOf world
                        loader.Load case
                        (loader.Decide rules).IsOk = (if isForward then x else y).IsOk)
            ))

    let private goals (a: RoomVersion) (b: RoomVersion) (changes: RowChange list) : Goal list =
        let loaders = Dictionary<string, CaseLoader>()

        changes
        |> List.choose (fun change ->
            let row = RowChanges.row change

            if row.Area = Area.Authorization then
                Some(ofRow a b change)
            elif row.Id = "rooms.join-rules" then
                Some(ofJoinRules a b change)
            else
                ofReverted loaders a b change)

    /// Gives a case to the goals that it is the first to show.
    let private note
        (goals: Goal list)
        (world: World)
        (case: int[])
        (weight: int)
        (onA: CaseLoader, x)
        (onB: CaseLoader, y)
        =
        let isSameVerdict = (x: Decision).IsOk = (y: Decision).IsOk

        for goal in goals do
            let isOpen =
                if isSameVerdict then
                    goal.Reason.IsNone
                else
                    goal.Verdict.IsNone

            if isOpen && goal.IsShown(x, y, world, case) then
                let apart = {
                    Words = World.describe world case
                    Weight = weight
                    World = world
                    Case = Array.copy case
                    First = onA.Case
                    FirstDecision = x
                    Second = onB.Case
                    SecondDecision = y
                }

                if apart.IsSameVerdict then
                    goal.Reason <- Some apart
                else
                    goal.Verdict <- Some apart

    /// The grounds of a version by their world, for as long as the version lives: each of its comparisons needs them.
    let private grounds =
        ConditionalWeakTable<RoomVersion, ConditionalWeakTable<World, Ground>>()

    let private loaderOf (version: RoomVersion) (world: World) : CaseLoader =
        let ofVersion = grounds.GetOrCreateValue version
        CaseLoader(ofVersion.GetValue(world, (fun world -> Ground(world, version))))

    /// Searches for all of them at once, the lightest cases first. Where only the reason differs, cases that are
    /// heavier by less than `patience` are searched for one with another verdict.
    let run
        (a: RoomVersion)
        (b: RoomVersion)
        (changes: RowChange list)
        (patience: int)
        (limit: int)
        : Map<string, ShownCase> =
        let goals = goals a b changes
        let rulesA, rulesB = AuthRules a, AuthRules b

        let loaders =
            Worlds.widened [ a; b ] Worlds.all
            |> List.map (fun world -> world, lazy (loaderOf a world), lazy (loaderOf b world))

        let mutable left = goals
        let mutable weight = 0

        while not left.IsEmpty && weight <= limit do
            // Most cases are of the heaviest weights, where few rows are left.
            let types = left |> List.map _.Types |> List.reduce (Option.map2 Set.union)

            let mayShow (loader: CaseLoader) case =
                types |> Option.forall (fun types -> types.Contains(loader.Ground.TypeOf case))

            for world, onA, onB in loaders do
                Enumeration.ofWeight world [ a; b ] weight (fun case ->
                    let onA, onB = onA.Value, onB.Value

                    if mayShow onA case || mayShow onB case then
                        onA.Load case
                        onB.Load case
                        let x, y = onA.Decide rulesA, onB.Decide rulesB

                        if x.IsOk <> y.IsOk || x.Clause <> y.Clause then
                            note left world case weight (onA, x) (onB, y)

                    false)
                |> ignore

            left <-
                left
                |> List.filter (fun goal ->
                    goal.Verdict.IsNone
                    && (goal.Reason.IsNone || goal.Reason.Value.Weight + patience > weight))

            weight <- weight + 1

        Map [
            for goal in goals do
                match Option.orElse goal.Reason goal.Verdict with
                | Some apart -> (RowChanges.row goal.Change).Id, ShownCase.Decided apart
                | None -> ()
        ]
