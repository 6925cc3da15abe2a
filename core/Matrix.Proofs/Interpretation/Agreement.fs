namespace Matrix.Proofs.Interpretation

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Properties.Claims
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds
open Matrix.Proofs.Encoding
open Matrix.Proofs.Smt

/// The text that solvers read of a version's rules and claims, compared with the evaluators on real cases.
[<Sealed>]
type Agreement(version: RoomVersion, change: string -> string) =

    let table = Tables.ofVersion version.Id version
    let stated = ClaimTerms.stated version table.Allowed
    let claims = [| for claim in Claims.of' version -> claim, ClaimTerms.broken stated claim |]

    let written =
        Script.premises
            (table.Definitions
             @ ClaimTerms.definitions stated
             @ [
                 for claim, term in claims -> Term.define $"breaks {claim.Name}" [] "Bool" term
             ])
            []

    let text = Script.print [] written |> change

    let interpreter = Interpreter(Term.parse text |> Option.defaultValue [])

    let literals = Script.literals written
    let allowed = interpreter.Reader table.Allowed
    let rejected = interpreter.Reader table.Rejected
    let leaves = [| for leaf, term in table.Leaves -> leaf, interpreter.Reader term |]

    let judged = [|
        for claim, _ in claims -> CompiledClaim(version, claim), interpreter.Reader(Term.symbol $"breaks {claim.Name}")
    |]

    let rules = AuthRules version

    /// Of the text as it is written.
    new(version) = Agreement(version, id)

    /// The text.
    member _.Text = text

    /// How the text and the evaluators differ on a case: axioms that do not hold, the verdict, the clause that decides,
    /// and the claims that are broken.
    member _.Differences(case: AuthCase) : string list =
        interpreter.Take(CaseModels.ofCase literals None case)
        let decision = AuthCase.decide rules case
        let claimCase = ClaimCase(OnItsOwn(rules, case))
        claimCase.Allowed <- decision.IsOk

        [
            for axiom in interpreter.Broken do
                $"an axiom does not hold: {Term.line axiom}"

            if allowed () <> decision.IsOk || rejected () = decision.IsOk then
                $"the verdict of {decision.Clause}"

            for leaf, decides in leaves do
                let isIt = leaf.Clause = decision.Clause && leaf.Allows = decision.IsOk

                if decides () <> isIt then
                    $"{leaf.Name}, where {decision.Clause} decides"

            for claim, breaks in judged do
                let isBroken = claim.Judge claimCase = Judgement.Broken

                if breaks () <> isBroken then
                    $"the claim {claim.Claim.Name}"
        ]

    /// The file in which a solver checks the same of a case, by the unchanged text: unsat says that all of it holds.
    member _.File(case: AuthCase) : string =
        let decision = AuthCase.decide rules case
        let claimCase = ClaimCase(OnItsOwn(rules, case))
        claimCase.Allowed <- decision.IsOk

        let said (holds: bool) (term: Term) = if holds then term else Term.not' term

        Script.print
            [
                "What the evaluators say of a case. The text says the same if this cannot fail: the answer is unsat."
            ]
            (CaseScript.all written (CaseModels.ofCase literals None case) [
                said decision.IsOk table.Allowed
                said (not decision.IsOk) table.Rejected

                for leaf, term in table.Leaves do
                    said (leaf.Clause = decision.Clause && leaf.Allows = decision.IsOk) term

                for claim, _ in judged do
                    said (claim.Judge claimCase = Judgement.Broken) (Term.symbol $"breaks {claim.Claim.Name}")
            ])
