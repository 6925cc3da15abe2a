namespace Matrix.Properties.Properties

open Matrix.Rules
open Matrix.Properties.SmallWorlds
open Matrix.Properties.Claims

/// A statement about the decisions of a version that a survey for the claims has judged.
[<NoEquality; NoComparison>]
type ClaimLaw = {
    Name: string
    Meaning: string
    /// The versions that it is about.
    In: RoomVersion -> bool
    /// How many decisions it is about.
    Met: ClaimSurvey -> int64
    /// Its exceptions, and the decisions that each covers.
    Excepted: ClaimSurvey -> (Exception * Sightings) list
    /// What is wrong, if anything.
    Fault: ClaimSurvey -> string option
}

/// The claims as laws about decisions in small worlds, for tests and `mx rules verify`.
[<RequireQualifiedAccess>]
module ClaimLaws =

    /// In every version, each claim is about a decision and each part of each exception is needed below this weight.
    let heaviest = 12

    /// The same for somebody's own claims, which may be about no decision at all.
    let heaviestOfOwn = 6

    /// The smallest cases that a version decides in another way than another one.
    let differing (other: RoomVersion) (scope: ClaimScope) : ClaimSurvey =
        let _, apart = Differences.decided other scope.Version
        ClaimSurvey.cases scope [ for a in apart -> a.World, a.Case ]

    /// The judged decisions of a version: those of the survey, the lightest ones up to a weight, and the smallest that
    /// differ from its parent's.
    let surveyed (scope: ClaimScope) (heaviest: int) (run: ClaimSurvey) : ClaimSurvey =
        let survey = ClaimSurvey.lightest scope heaviest
        survey.Add run

        match scope.Version.Parent |> Option.bind Versions.tryFindUnstable with
        | None -> ()
        | Some parent -> survey.Add(differing parent scope)

        survey

    let private holds (about: RoomVersion -> Claim list) (claim: Claim) : ClaimLaw =
        let finding (survey: ClaimSurvey) =
            survey.Findings |> List.find (fun f -> f.Claim.Name = claim.Name)

        {
            Name = "claims." + claim.Name
            Meaning = claim.Sentence
            In = fun version -> about version |> List.exists (fun c -> c.Name = claim.Name)
            Met = fun survey -> (finding survey).Applied.Count
            Excepted = fun survey -> (finding survey).Excepted
            Fault = fun survey -> ClaimSurvey.fault survey.Version (finding survey)
        }

    let private leaveNothingOpen: ClaimLaw = {
        Name = "claims-together.leave-no-verdict-open"
        Meaning = "For no decision does the opposite verdict satisfy all claims."
        In = fun _ -> true
        Met = _.Judged
        Excepted = fun _ -> []
        Fault =
            fun survey ->
                ClaimSurvey.gaps survey
                |> List.tryPick (fun (kind, seen) ->
                    seen.Lightest
                    |> Option.map (fun witness ->
                        $"open for {seen.Count} of {kind}, such as\n{Witnesses.show survey.Version witness}"))
    }

    /// All laws.
    let all: ClaimLaw list =
        leaveNothingOpen
        :: (Versions.withUnstable
            |> List.collect Claims.of'
            |> List.distinctBy _.Name
            |> List.map (holds Claims.of'))

    /// That somebody's own claims hold.
    let ofOwn (claims: Claim list) : ClaimLaw list =
        claims
        |> List.distinctBy _.Name
        |> List.map (holds (fun version -> Claims.about version claims))
