/// Judges decisions by claims for `mx rules verify`.
module internal Matrix.Cli.Rules.Verify.ClaimLines

open System
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Cli.Rules.Verify.Lines
open Matrix.Properties
open Matrix.Properties.Claims
open Matrix.Properties.Properties
open Matrix.Properties.SmallWorlds
open Matrix.Rules

/// Claims by which decisions are judged.
type Judging = {
    Laws: ClaimLaw list
    Scope: RoomVersion -> ClaimScope
    /// The weight up to which all cases are judged, if some claim has met none before.
    Heaviest: int
}

/// The requested claims about these versions.
let claims (wanted: string option) (versions: RoomVersion list) : Judging = {
    Laws =
        ClaimLaws.all
        |> List.filter (fun law -> RoomVersions.isMeant wanted law.Name && List.exists law.In versions)
    Scope = ClaimScope.OfVersion
    Heaviest = ClaimLaws.heaviest
}

let private isOwnMeant (wanted: string option) (claim: Claim) =
    RoomVersions.isMeant wanted ("claims." + claim.Name)

/// The requested ones of somebody's own claims.
let ownClaims (wanted: string option) (versions: RoomVersion list) (own: Claim list) : Judging =
    let own = own |> List.filter (isOwnMeant wanted)

    {
        Laws = ClaimLaws.ofOwn own |> List.filter (fun law -> List.exists law.In versions)
        Scope = ClaimScope.OfOwn own
        Heaviest = ClaimLaws.heaviestOfOwn
    }

/// The same as properties of drawn values.
let ownDrawn
    (wanted: string option)
    (versions: RoomVersion list)
    (own: Claim list)
    : (RoomVersion option * Property) list = [
    for version in versions do
        for claim in Claims.about version own |> List.filter (isOwnMeant wanted) do
            Some version, ClaimProperties.ofOwn version claim
]

/// Judges the decisions of each group of versions by the claims.
let judge
    (exhaustive: bool)
    (seed: uint64)
    (judging: Judging)
    (groups: RoomVersion list list)
    : (RoomVersion list * ClaimSurvey) list = [
    use progress = new Progress()

    for group in groups do
        let version = List.head group
        let scope = judging.Scope version
        let ids = group |> List.map _.Id |> String.concat ", "
        progress.Show $"version {ids}: claims"

        let run =
            if exhaustive then
                ClaimSurvey.run scope 1L Environment.ProcessorCount (fun world ->
                    progress.Show $"version {ids}: claims, {world}")
            else
                ClaimSurvey.sample scope Lines.drawnCases seed

        group, ClaimLaws.surveyed scope judging.Heaviest run
]

let private ofClaim (judged: (RoomVersion list * ClaimSurvey) list) (law: ClaimLaw) : Line =
    let here = judged |> List.filter (fun (_, survey) -> law.In survey.Version)

    let ids group =
        group |> List.map (fun (v: RoomVersion) -> v.Id)

    let met = here |> List.sumBy (fun (_, survey) -> law.Met survey)

    let exceptions = [
        for group, survey in here do
            for e, seen in law.Excepted survey -> e, ids group, seen
    ]

    {
        Name = law.Name
        Meaning = law.Meaning
        Versions = here |> List.collect (fst >> ids)
        Asked = met
        Met = met
        IsUnchecked = false
        Fault =
            here
            |> List.tryPick (fun (group, survey) ->
                let versions = String.concat ", " (ids group)

                law.Fault survey |> Option.map (fun fault -> $"version {versions}: {fault}"))
        Exceptions = [
            for (name, why), same in exceptions |> List.groupBy (fun (e, _, _) -> e.Name, e.Why) ->
                {
                    Name = name
                    Why = why
                    Versions = same |> List.collect (fun (_, ids, _) -> ids)
                    Count = same |> List.sumBy (fun (_, _, seen) -> seen.Count)
                    Witness =
                        same
                        |> List.choose (fun (_, _, seen) -> seen.Lightest)
                        |> List.sortBy _.Weight
                        |> List.tryHead
                        |> Option.map Witnesses.name
                        |> Option.defaultValue ""
                }
        ]
        CanHappen = None
    }

/// The result of each claim in the versions that it is stated for.
let ofClaims (laws: ClaimLaw list) (judged: (RoomVersion list * ClaimSurvey) list) : Line list =
    laws |> List.map (ofClaim judged)
