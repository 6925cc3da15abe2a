namespace Matrix.Properties.SmallWorlds

open Matrix.Rules
open Matrix.Rules.Printing

/// The differences between two versions, and the smallest case that shows each.
[<RequireQualifiedAccess>]
module Differences =

    /// The greatest weight of a case that is searched.
    let private heaviest = 9

    /// How much heavier the cases are that are searched for another verdict, where only the reason differs.
    let private patience = 2

    /// The same where invariants judge the cases: they see verdicts only.
    let private morePatience = 5

    /// The smallest cases in which authorization by the two versions differs, one for each row that differs, and the
    /// rows of authorization for which no case was found.
    let decided (a: RoomVersion) (b: RoomVersion) : RowChange list * DecidedApart list =
        let changes =
            (Difference.between Areas.all a b).Areas
            |> List.collect _.Changes
            |> List.filter (RowChanges.isWordingOnly >> not)

        let shown = DecisionSearch.run a b changes morePatience heaviest

        [
            for change in changes do
                let row = RowChanges.row change

                if row.Area = Area.Authorization && not (shown.ContainsKey row.Id) then
                    change
        ],
        [
            for KeyValue(_, shown) in shown do
                match shown with
                | ShownCase.Decided apart -> apart
                | _ -> ()
        ]

    /// Every row of these areas that differs in its data, with a case that shows it.
    let search (areas: Area list) (a: RoomVersion) (b: RoomVersion) : Witnessed list =
        let changes =
            (Difference.between areas a b).Areas
            |> List.collect _.Changes
            |> List.filter (RowChanges.isWordingOnly >> not)

        let decided = DecisionSearch.run a b changes patience heaviest
        let resolved = lazy (ResolutionSearch.resolved a b)

        let resolving (change: RowChange) =
            let row = (RowChanges.row change).Id

            let found =
                if row = "policy.resolution.auth-chains" then
                    ResolutionSearch.readAlong a b
                else
                    match change with
                    | RowChange.Removed _ -> ResolutionSearch.ofRow a b row true false
                    | RowChange.Added _ -> ResolutionSearch.ofRow a b row false false
                    | _ -> ResolutionSearch.ofRow a b row false true

            found
            |> Option.orElseWith (fun () ->
                // The algorithm as a whole has no step of its own.
                if List.contains row [ "state.algorithm"; "state.resolve" ] then
                    resolved.Value
                else
                    resolved.Value |> Option.map ResolutionSearch.showingNotAlone)

        let handling = Rule.all (a.Handling @ b.Handling) |> List.map Rule.name

        [
            for change in changes do
                let row = RowChanges.row change

                {
                    Change = change
                    Case =
                        decided.TryFind row.Id
                        |> Option.orElseWith (fun () ->
                            if row.Area = Area.StateResolution || row.Id.StartsWith "policy.resolution" then
                                resolving change
                            elif List.contains row.Id handling then
                                RedactionSearch.shows a b row.Id
                            else
                                FormatSearch.shows a b row.Id)
                }
        ]
