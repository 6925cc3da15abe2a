namespace Matrix.Proofs.Queries

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Properties.Claims
open Matrix.Properties.Generators
open Matrix.Properties.Reference.Authorization
open Matrix.Properties.SmallWorlds
open Matrix.Proofs.Encoding
open Matrix.Proofs.Smt
open Matrix.Proofs.Universe

/// What is asked of a version whose tables somebody changed.
[<RequireQualifiedAccess>]
module ChangedTables =

    /// The claims about the version that the changed tables' decision breaks; none if the evaluators disagree.
    let brokenBy (table: RoomVersion) (found: FoundCase) : Claim list =
        let case = { found.Case with Version = table }
        let rules = AuthRules table
        let decision = AuthCase.decide rules case

        if AuthReference.decide case <> decision then
            []
        else
            let judged = ClaimCase(OnItsOwn(rules, found.Case))
            judged.Allowed <- decision.IsOk

            Claims.of' table
            |> List.filter (fun claim -> CompiledClaim(table, claim).Judge judged = Judgement.Broken)

    let private decide (table: RoomVersion) (found: FoundCase) : Decision =
        AuthCase.decide (AuthRules table) { found.Case with Version = table }

    /// That no verdict which the change turns breaks a claim about the version.
    let keepsClaims (version: RoomVersion) (table: RoomVersion) : Query =
        let right, changed =
            Tables.ofVersion "as it is" version, Tables.ofVersion "changed" table

        let stated = ClaimTerms.stated version changed.Allowed

        {
            Name = $"{version.Id}/changed"
            Sentence = $"No verdict that the change turns breaks a claim about version {version.Id}."
            Version = version
            Question = {
                Definitions = right.Definitions @ changed.Definitions @ ClaimTerms.definitions stated
                Asserted = [
                    Term.not' (Term.equal right.Allowed changed.Allowed)
                    Term.any [ for claim in Claims.of' version -> ClaimTerms.broken stated claim ]
                ]
            }
            Assumptions = []
            Sought = Sought.NoCase
            Replays =
                fun found ->
                    (decide version found).IsOk <> (decide table found).IsOk
                    && not (brokenBy table found).IsEmpty
        }
