namespace Matrix.Properties.Properties

open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Properties.Claims
open Matrix.Properties.SmallWorlds

/// A change of a version's tables.
[<NoEquality; NoComparison>]
type TableChange = {
    Before: RoomVersion
    After: RoomVersion
    /// The names of the authorization rules that differ.
    Rules: string list
}

/// What claims say of decisions after a change.
[<NoEquality; NoComparison>]
type ChangeJudged = {
    /// Of all of them.
    All: ClaimSurvey
    /// Of those that a changed rule makes, before or after, and of those that differ.
    Touched: ClaimSurvey
}

/// The claims that a change touches.
[<RequireQualifiedAccess>]
module ChangeClaims =

    /// Every case up to this weight is judged.
    let private heaviest = 3

    let private isTouched (change: TableChange) : Decision -> Decision -> bool =
        let ofRules = Dictionary<string, bool>()

        let isOfRules (clause: string) =
            match ofRules.TryGetValue clause with
            | true, known -> known
            | _ ->
                let is = change.Rules |> List.exists (fun rule -> Clauses.isWithin rule clause)
                ofRules[clause] <- is
                is

        fun before after ->
            before.IsOk <> after.IsOk
            || before.Clause <> after.Clause
            || isOfRules after.Clause

    /// Judges the lightest cases, a number of drawn ones of each world, and given ones.
    let judge
        (change: TableChange)
        (scope: ClaimScope)
        (drawn: int)
        (given: (World * int[]) list)
        (progress: string -> unit)
        : ChangeJudged =
        let all, touched = ClaimSurvey scope, ClaimSurvey scope
        let versions = [ change.Before; change.After ]
        let isTouched = isTouched change

        let judging (world: World) : int[] -> unit =
            let before = CaseLoader(Ground(world, change.Before))
            let after = CaseLoader(Ground(world, change.After))
            let case = ClaimCase(LoadedCase after)

            fun choices ->
                after.Load choices
                before.Load choices
                let decision = after.Decide after.Ground.Rules
                all.Judge(after, case, decision, choices)

                if isTouched (before.Decide before.Ground.Rules) decision then
                    touched.Judge(after, case, decision, choices)

        for _, cases in given |> List.groupBy (fun (world, _) -> world.Name) do
            let judge = judging (fst cases.Head)
            List.iter (snd >> judge) cases

        for world in scope.Worlds do
            progress world.Name
            let judge = judging world
            Enumeration.sample world versions drawn 1UL judge

            for weight in 0..heaviest do
                Enumeration.ofWeight world versions weight (fun choices ->
                    judge choices
                    false)
                |> ignore

        { All = all; Touched = touched }
