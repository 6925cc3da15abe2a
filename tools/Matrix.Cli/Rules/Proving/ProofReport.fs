namespace Matrix.Cli.Rules

open System
open Matrix.Cli.Output
open Matrix.Proofs.Queries
open Matrix.Proofs.Universe

/// Proofs as a report.
module internal ProofReport =

    /// The case in lines, and what the rules decide.
    let private linesOf (found: FoundCase) : string list =
        let version = found.Case.Version
        CaseLines.ofCase found @ [ CaseLines.decided version.Id version found ]

    /// An outcome in a word.
    let word (outcome: Outcome) : string =
        match outcome with
        | Outcome.Proved -> "proved"
        | Outcome.Kept -> "kept"
        | Outcome.Refuted _ -> "refuted"
        | Outcome.Undecided _ -> "undecided"
        | Outcome.Wrong _ -> "wrong"

    let private saidOf (answer: Answer) : string =
        match answer with
        | Answer.Unsat -> "unsat"
        | Answer.Sat _ -> "sat"
        | Answer.Unknown reason -> reason

    let private detail (proof: Proof) : string =
        match proof.Outcome with
        | Outcome.Proved
        | Outcome.Kept ->
            match proof.Query.Assumptions with
            | [] -> ""
            | some -> "assuming " + String.concat ", " [ for assumption in some -> assumption.Name ]
        | Outcome.Refuted(found, true) -> $"a smallest case, weight {found.Weight}"
        | Outcome.Refuted(found, false) -> $"a case, weight {found.Weight}"
        | Outcome.Undecided reason
        | Outcome.Wrong reason -> reason

    /// The report of proofs, by solvers of these versions.
    let make (versions: (string * string) list) (proofs: Proof list) : Report =
        let count name =
            proofs
            |> List.filter (fun proof -> word proof.Outcome = name)
            |> List.length
            |> int64

        {
            Facts =
                [ for name, version in versions -> name, Word version ]
                @ [
                    for name in [ "proved"; "kept"; "refuted"; "undecided"; "wrong" ] -> name, Count(count name)
                ]
            Tables = [
                {
                    Name = "queries"
                    Columns = [ "query"; "result"; "z3"; "cvc5"; "seconds"; "what" ]
                    Rows = [
                        for proof in proofs ->
                            [
                                Word proof.Query.Name
                                Word(word proof.Outcome)
                                Word(saidOf proof.Z3)
                                Word(saidOf proof.Cvc5)
                                Word(proof.Time.TotalSeconds.ToString("F1", Globalization.CultureInfo.InvariantCulture))
                                Word(detail proof)
                            ]
                    ]
                }
                {
                    Name = "cases"
                    Columns = [ "query"; "case" ]
                    Rows = [
                        for proof in proofs do
                            match proof.Outcome with
                            | Outcome.Refuted(found, _) ->
                                for i, line in List.indexed (linesOf found) do
                                    [ Word(if i = 0 then proof.Query.Name else ""); Word line ]
                            | _ -> ()
                    ]
                }
            ]
        }
