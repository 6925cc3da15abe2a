namespace Matrix.Properties.Vectors.Generation

open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Properties.Mutation
open Matrix.Properties.SmallWorlds
open Matrix.Rules

/// A case of a small world that becomes a vector.
type internal Pick = {
    World: World
    Case: int[]
    /// The rules to which it is near, without being decided by them.
    Near: string list
}

/// A table of rules, and its decision of the case on a stage.
type internal Deciding = {
    /// The version with this table.
    Version: RoomVersion
    Table: Rule list
    Worlds: World list
    Decide: AuthRules -> CaseLoader -> int[] -> Decision
}

/// The tables with generated vectors.
[<RequireQualifiedAccess>]
module internal Deciding =

    /// The authorization rules.
    let authorization (version: RoomVersion) : Deciding = {
        Version = version
        Table = version.Authorization
        Worlds = Worlds.all
        Decide = fun rules loader _ -> loader.Decide rules
    }

    /// The rules by which a version handles redactions.
    let handling (version: RoomVersion) : Deciding = {
        Version = version
        Table = version.Handling
        Worlds = [ RedactingWorld.world ]
        Decide = RedactingWorld.decide
    }

/// Picks cases for the rules of a table: the smallest case that each decides, and a near one.
[<Sealed>]
type internal Picking(deciding: Deciding) =

    let version = deciding.Version
    let worlds = deciding.Worlds
    let rules = AuthRules version

    let loaders =
        worlds
        |> List.map (fun world -> world.Name, lazy CaseLoader(Ground(world, version)))
        |> dict

    /// Heavier cases are not searched: every rule of every version decides a lighter one.
    let heaviest = 16

    let decideBy (rules: AuthRules) (world: World) (case: int[]) : Decision =
        let loader = loaders[world.Name].Value
        loader.Load case
        deciding.Decide rules loader case

    let decide = decideBy rules

    /// Whether a room can reach the case: only the create event may come without a create event in the state before.
    let canExist (world: World) (case: int[]) : bool =
        let loader = loaders[world.Name].Value
        loader.Load case
        loader.Event.Type = "m.room.create" || not (isNull (loader.Slot Slot.Create))

    // A case that can exist is preferred to a case that cannot, unless that is lighter by more than this.
    let worthOfExisting = 2

    /// The cases to find: rules with the outcome.
    let wanted = [
        for rule in Rule.all deciding.Table do
            for allows in Rule.verdicts rule do
                Rule.name rule, allows
    ]

    /// The smallest case of each rule and outcome.
    let smallest () : Map<string * bool, World * int[]> =
        let found = Dictionary<struct (string * bool), World * int[]>()

        let left =
            HashSet<struct (string * bool)>([ for name, allows in wanted -> struct (name, allows) ])

        // Rules for which only cases that cannot exist were found so far.
        let doubtful = HashSet<struct (string * bool)>()
        let mutable weight = 0
        let mutable complete = heaviest

        while left.Count + doubtful.Count > 0
              && weight <= min heaviest (complete + worthOfExisting) do
            for world in worlds do
                Enumeration.ofWeight world [ version ] weight (fun case ->
                    let decision = decide world case
                    let key = struct (decision.Clause, decision.IsOk)

                    if left.Contains key || doubtful.Contains key then
                        let exists = canExist world case

                        if left.Remove key || exists then
                            found[key] <- (world, Array.copy case)

                        if exists then
                            doubtful.Remove key |> ignore
                        else
                            doubtful.Add key |> ignore

                    left.Count + doubtful.Count = 0)
                |> ignore

            if left.Count = 0 && complete = heaviest then
                complete <- weight

            weight <- weight + 1

        Map [
            for KeyValue(struct (name, allows), witness) in found -> (name, allows), witness
        ]

    /// The lightest case that differs on one axis, and that another rule decides the other way.
    let beside (clause: string) (allows: bool) (world: World, case: int[]) : Pick option =
        [
            for place in 0 .. case.Length - 1 do
                for choice in 0 .. world.Axes[place].Choices.Length - 1 do
                    if choice <> case[place] then
                        Array.updateAt place choice case
        ]
        |> List.filter (fun other ->
            let decision = decide world other
            decision.Clause <> clause && decision.IsOk <> allows)
        |> List.sortBy (fun other -> not (canExist world other), World.weight world other)
        |> List.tryHead
        |> Option.map (fun other -> {
            World = world
            Case = other
            Near = [ clause ]
        })

    /// A lighter case that differs on one axis and still distinguishes a mutant; this one if there is none.
    let rec lighten (mutated: AuthRules) (world: World) (case: int[]) : int[] =
        let exists = canExist world case

        let tells (other: int[]) =
            Verdicts.differ (decide world other) (decideBy mutated world other)
            && (not exists || canExist world other)

        [
            for place in 0 .. case.Length - 1 do
                let choices = world.Axes[place].Choices

                for choice in 0 .. choices.Length - 1 do
                    if
                        choices[choice].Weight < choices[case[place]].Weight
                        || (choices[choice].Weight = choices[case[place]].Weight && choice < case[place])
                    then
                        Array.updateAt place choice case
        ]
        |> List.sortBy (World.weight world)
        |> List.tryFind tells
        |> function
            | Some lighter -> lighten mutated world lighter
            | None -> case

    /// A case that can exist and distinguishes a mutant, near one that cannot; the latter if there is none.
    let existing (mutated: AuthRules) (world: World) (case: int[]) : int[] =
        if canExist world case then
            case
        else
            [
                for place in 0 .. case.Length - 1 do
                    for choice in 0 .. world.Axes[place].Choices.Length - 1 do
                        if choice <> case[place] then
                            Array.updateAt place choice case
            ]
            |> List.sortBy (World.weight world)
            |> List.tryFind (fun other ->
                canExist world other
                && Verdicts.differ (decide world other) (decideBy mutated world other))
            |> Option.defaultValue case

    /// Whether a picked case distinguishes these rules from this table.
    member _.Tells(mutated: AuthRules, pick: Pick) : bool =
        Verdicts.differ (decide pick.World pick.Case) (decideBy mutated pick.World pick.Case)

    /// Cases for every rule, in the order of the table; the smallest first.
    member _.OfClauses() : Pick list =
        let witnesses = smallest ()

        [
            for name, allows in wanted do
                match witnesses.TryFind(name, allows) with
                | None -> ()
                | Some(world, case) ->
                    {
                        World = world
                        Case = case
                        Near = []
                    }

                    yield! Option.toList (beside name allows (world, case))
        ]
        |> List.groupBy (fun pick -> pick.World.Name, List.ofArray pick.Case)
        |> List.map (fun (_, same) -> {
            same.Head with
                Near = same |> List.collect _.Near |> List.distinct
        })

    /// A light case that distinguishes a mutant.
    member _.OfKill(mutant: Mutant, kill: Kill) : Pick = {
        World = kill.World
        Case =
            // Mutants of settings read levels differently; no table shows that.
            (if mutant.Subject = Subject.Setting then
                 kill.Case
             else
                 let mutated = AuthRules mutant.Table
                 lighten mutated kill.World (existing mutated kill.World kill.Case))
        Near = []
    }
