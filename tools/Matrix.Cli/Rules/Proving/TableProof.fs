namespace Matrix.Cli.Rules

open System.Threading.Tasks
open Matrix.Cli.Input.TableFiles
open Matrix.Cli.Output
open Matrix.Proofs.Queries

/// Looks for a case against a changed table, before anything is proved of it.
module internal TableProof =

    /// A change is refused by any case. Lighter ones are searched for no longer than somebody waits.
    let private patience = 5

    let private report (table: ChangedVersion) (found: Matrix.Proofs.Universe.FoundCase) (isSmallest: bool) : Report =
        let weight = if isSmallest then "smallest_case" else "case"

        {
            Facts = [
                "result", Word "refused"
                "version", Word table.Base.Id
                $"weight_of_{weight}", Count(int64 found.Weight)
            ]
            Tables = [
                {
                    Name = "broken"
                    Columns = [ "claim"; "sentence"; "section" ]
                    Rows = [
                        for claim in ChangedTables.brokenBy table.Changed found ->
                            [ Word claim.Name; Word claim.Sentence; Word claim.Section ]
                    ]
                }
                {
                    Name = weight
                    Columns = [ weight ]
                    Rows =
                        CaseLines.ofCase found
                        @ [
                            CaseLines.decided table.Base.Id table.Base found
                            CaseLines.decided "the changed table" table.Changed found
                        ]
                        |> List.map (fun line -> [ Word line ])
                }
            ]
        }

    /// The report of a case whose verdict the change turns, against a claim about the version; none if cvc5 finds none.
    let refusal (limit: int) (table: ChangedVersion) : Task<Result<Report option, Ending>> =
        task {
            let! proof =
                Proving.search limit patience (ChangedTables.keepsClaims table.Base table.Changed)

            return
                match proof.Outcome with
                | Outcome.Refuted(found, isSmallest) -> Ok(Some(report table found isSmallest))
                | Outcome.Wrong reason -> Error(Refused $"a case is wrong: {reason}")
                | Outcome.Proved
                | Outcome.Undecided _ -> Ok None
        }
