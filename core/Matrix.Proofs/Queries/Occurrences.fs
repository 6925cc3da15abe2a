namespace Matrix.Proofs.Queries

open Matrix.Rules
open Matrix.Properties.Claims
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds
open Matrix.Proofs.Encoding
open Matrix.Proofs.Interpretation
open Matrix.Proofs.Smt

/// That claims say something: each is about some event, and each case that an exception lists is needed. It is shown by
/// a case of the small worlds, of which the text for solvers has to say the same.
[<RequireQualifiedAccess>]
module Occurrences =

    /// Something that has to occur.
    type private Wanted = {
        Name: string
        Sentence: string
        Term: Term
        Assumptions: Assumption list
        /// Where a survey of the small worlds has seen it.
        Seen: ClaimSurvey -> Sightings
    }

    // Every claim is about a case, and every part of an exception is needed, below this weight.
    let private heaviest = 12

    let private wanted (version: RoomVersion) (stated: ClaimTerms.Stated) : Wanted list =
        let of' = ClaimTerms.ofStatement stated

        [
            for number, finding in List.indexed (ClaimSurvey(ClaimScope.OfVersion version)).Findings do
                let claim = finding.Claim
                let ofClaim (survey: ClaimSurvey) = survey.Findings[number]

                {
                    Name = $"{version.Id}/occurs/{claim.Name}"
                    Sentence = $"In version {version.Id} some event is one that the claim {claim.Name} is about."
                    Term = of' claim.When
                    Assumptions = Assumptions.of' stated.Number claim
                    Seen = fun survey -> (ofClaim survey).Applied
                }

                for place, (e, part, _) in List.indexed finding.Needed do
                    let others = [
                        for other, (_, statement, _) in List.indexed finding.Needed do
                            if other <> place then
                                Term.not' (of' statement)
                    ]

                    {
                        Name = $"{version.Id}/needed/{claim.Name}/{e.Name}/{place + 1}"
                        Sentence =
                            let words = ClaimText.statement part
                            $"In version {version.Id} the claim {claim.Name} fails without the exception that {words}."
                        Term = Term.all ([ of' claim.When; Term.not' (of' claim.Then); of' part ] @ others)
                        Assumptions = []
                        Seen =
                            fun survey ->
                                let _, _, seen = (ofClaim survey).Needed[place]
                                seen
                    }
        ]

    let private caseOf (version: RoomVersion) (witness: Witness) : AuthCase =
        let loader = CaseLoader(Ground(witness.World, version))
        loader.Load witness.Case
        loader.Case

    /// A query for everything that has to occur in a version.
    let of' (version: RoomVersion) : Query list =
        let table = Tables.ofVersion version.Id version
        let stated = ClaimTerms.stated version table.Allowed
        let definitions = table.Definitions @ ClaimTerms.definitions stated

        let survey = lazy (ClaimSurvey.lightest (ClaimScope.OfVersion version) heaviest)

        [
            for wanted in wanted version stated ->
                {
                    Name = wanted.Name
                    Sentence = wanted.Sentence
                    Version = version
                    Question = {
                        Definitions = definitions
                        Asserted = [ wanted.Term ]
                    }
                    Assumptions = wanted.Assumptions
                    Sought = Sought.SomeCase(lazy ((wanted.Seen survey.Value).Lightest |> Option.map (caseOf version)))
                    Replays = fun _ -> false
                }
        ]
