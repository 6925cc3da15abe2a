namespace Matrix.Proofs.Queries

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Properties.Claims
open Matrix.Properties.Generators
open Matrix.Properties.Mutation
open Matrix.Properties.Reference.Authorization
open Matrix.Properties.SmallWorlds
open Matrix.Proofs.Encoding
open Matrix.Proofs.Smt
open Matrix.Proofs.Universe

/// What is proved of the authorization tables.
[<RequireQualifiedAccess>]
module Queries =

    /// The decision of both evaluators on a case; none if they differ.
    let private decided (version: RoomVersion) (found: FoundCase) : Decision option =
        let case = { found.Case with Version = version }
        let decision = AuthCase.decide (AuthRules version) case

        if AuthReference.decide case = decision then
            Some decision
        else
            None

    let private tableOf (version: RoomVersion) : TableTerms = Tables.ofVersion version.Id version

    /// That some clause decides every event, that none is both allowed and rejected, and that the verdict does not
    /// depend on the order in which the entries of power levels are tried.
    let decides (version: RoomVersion) : Query list =
        let table = tableOf version

        let query name sentence asserted = {
            Name = $"{version.Id}/{name}"
            Sentence = sentence
            Version = version
            Question = {
                Definitions = table.Definitions
                Asserted = [ asserted ]
            }
            Assumptions = []
            Sought = Sought.NoCase
            Replays = fun _ -> false
        }

        [
            query
                "decided"
                $"In version {version.Id} some clause decides every event."
                (Term.not' (Term.any [ table.Allowed; table.Rejected ]))
            query
                "one-verdict"
                $"In version {version.Id} no event is both allowed and rejected."
                (Term.all [ table.Allowed; table.Rejected ])
            query
                "any-order"
                $"In version {version.Id} the verdict does not depend on the order of entries."
                (Term.any table.Ambiguous)
        ]

    /// That each of these claims holds of every decision.
    let claimed (version: RoomVersion) (claims: Claim list) : Query list =
        let table = tableOf version
        let stated = ClaimTerms.stated version table.Allowed
        let definitions = table.Definitions @ ClaimTerms.definitions stated

        [
            for claim in claims ->
                {
                    Name = $"{version.Id}/claims/{claim.Name}"
                    Sentence = claim.Sentence
                    Version = version
                    Question = {
                        Definitions = definitions
                        Asserted = [ ClaimTerms.broken stated claim ]
                    }
                    Assumptions = Assumptions.of' stated.Number claim
                    Sought = Sought.NoCase
                    Replays =
                        fun found ->
                            match decided version found with
                            | None -> false
                            | Some decision ->
                                let judged = ClaimCase(OnItsOwn(AuthRules version, found.Case))
                                judged.Allowed <- decision.IsOk
                                CompiledClaim(version, claim).Judge judged = Judgement.Broken
                }
        ]

    /// That each claim about a version holds of every decision.
    let claims (version: RoomVersion) : Query list = claimed version (Claims.of' version)

    /// That the claims determine the verdict on every event whose auth events are in order: for none could both
    /// verdicts satisfy all claims. It reads no table.
    let determines (version: RoomVersion) : Query =
        let accepted, rejected =
            ClaimTerms.stated version Term.yes, ClaimTerms.stated version Term.no

        let claims = Claims.of' version

        let inOrder = [
            for fault in
                [
                    AuthEventFault.Duplicated
                    AuthEventFault.Unselected
                    AuthEventFault.Rejected
                    AuthEventFault.Elsewhere
                ] -> Term.not' (Conditions.holds accepted.Place (Condition.SomeAuthEvent fault))
        ]

        {
            Name = $"{version.Id}/determined"
            Sentence = $"In version {version.Id} the claims determine the verdict on every event in order."
            Version = version
            Question = {
                Definitions = ClaimTerms.definitions accepted
                Asserted = [
                    yield! inOrder

                    for claim in claims do
                        yield Term.not' (ClaimTerms.broken accepted claim)
                        yield Term.not' (ClaimTerms.broken rejected claim)
                ]
            }
            Assumptions = []
            Sought = Sought.NoCase
            Replays =
                fun found ->
                    let case = ClaimCase(OnItsOwn(AuthRules version, found.Case))
                    let compiled = [ for claim in claims -> CompiledClaim(version, claim) ]

                    [ true; false ]
                    |> List.forall (fun verdict ->
                        case.Allowed <- verdict
                        compiled |> List.forall (fun claim -> claim.Judge case <> Judgement.Broken))
        }

    /// That two versions whose tables and readings are the same decide every event by the same clause.
    let private equal (a: RoomVersion) (b: RoomVersion) : Query =
        let first, second = Tables.ofVersion a.Id a, Tables.ofVersion b.Id b
        let other = Map [ for leaf, term in second.Leaves -> leaf, term ]

        {
            Name = $"{a.Id}={b.Id}"
            Sentence = $"Versions {a.Id} and {b.Id} decide every event by the same clause."
            Version = a
            Question = {
                Definitions = first.Definitions @ second.Definitions
                Asserted = [
                    Term.any [
                        Term.not' (Term.equal first.Allowed second.Allowed)
                        for leaf, term in first.Leaves do
                            match other.TryFind leaf with
                            | Some same -> Term.not' (Term.equal term same)
                            | None -> term
                    ]
                ]
            }
            Assumptions = []
            Sought = Sought.NoCase
            Replays = fun found -> decided a found <> decided b found
        }

    /// Whether two versions have the same tables and readings of levels and creators.
    let readsAlike (a: RoomVersion) (b: RoomVersion) : bool =
        let first, second = Powers.readingOf "" a.Settings, Powers.readingOf "" b.Settings

        first = second
        && a.Authorization = b.Authorization
        && a.Selections = b.Selections

    /// Neighbouring versions of these that authorization cannot tell apart.
    let equals (versions: RoomVersion list) : Query list = [
        for a, b in List.pairwise versions do
            if readsAlike a b then
                equal a b
    ]

    /// That each mutant of the reviewed list of equivalent ones has the version's verdict on every event.
    let equivalents (version: RoomVersion) : Query list =
        let right = Tables.ofVersion "right" version

        [
            for mutant in Mutants.ofAuthorization version do
                match Equivalents.reasonOf Equivalents.all version mutant with
                | None -> ()
                | Some reason ->
                    let changed = Tables.ofVersion "mutant" mutant.Table

                    {
                        Name = $"{version.Id}/mutants/{mutant.Id}"
                        Sentence = $"In version {version.Id} the change makes no difference: {reason}."
                        Version = version
                        Question = {
                            Definitions = right.Definitions @ changed.Definitions
                            Asserted = [ Term.not' (Term.equal right.Allowed changed.Allowed) ]
                        }
                        Assumptions = Assumptions.ofMutant (numberOf version) mutant
                        Sought = Sought.NoCase
                        Replays =
                            fun found ->
                                let verdict table =
                                    (AuthCase.decide (AuthRules table) found.Case).IsOk

                                verdict version <> verdict mutant.Table
                    }
        ]

    /// Everything that is proved of these versions.
    let all (versions: RoomVersion list) : Query list =
        List.collect decides versions
        @ List.map determines versions
        @ List.collect claims versions
        @ equals versions

    /// For each decision that a version's table can make, that no event gets it: each is refuted by a case.
    let idle (version: RoomVersion) : Query list =
        let table = tableOf version

        [
            for leaf, term in table.Leaves ->
                {
                    Name = $"{version.Id}/idle/{leaf.Name}"
                    Sentence =
                        let verb = if leaf.Allows then "allows" else "rejects"
                        $"In version {version.Id} the clause {leaf.Clause} {verb} no event."
                    Version = version
                    Question = {
                        Definitions = table.Definitions
                        Asserted = [ term ]
                    }
                    Assumptions = []
                    Sought = Sought.NoCase
                    Replays =
                        fun found ->
                            match decided version found with
                            | Some decision -> decision.Clause = leaf.Clause && decision.IsOk = leaf.Allows
                            | None -> false
                }
        ]
