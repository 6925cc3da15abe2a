namespace Matrix.Cli.Rules

open System.Threading
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

    /// The report of a case that breaks a claim about the version; none if none is found. What solvers prove at once is
    /// not searched for cases, and the first case ends the search.
    let refusal (limit: int) (table: ChangedVersion) : Task<Result<Report option, Ending>> =
        task {
            use found = new CancellationTokenSource()

            let ask (query: Query) =
                task {
                    if found.IsCancellationRequested then
                        return Proving.unasked (Outcome.Undecided "not asked") query
                    else
                        let! proof = Proving.proofOrCase limit patience query

                        match proof.Outcome with
                        | Outcome.Refuted _ -> found.Cancel()
                        | _ -> ()

                        return proof
                }

            let! proofs = Proving.all ask ignore (Queries.claims table.Changed)

            let wrong =
                proofs
                |> List.tryPick (fun proof ->
                    match proof.Outcome with
                    | Outcome.Wrong reason -> Some $"{proof.Query.Name}: a case is wrong: {reason}"
                    | _ -> None)

            let refuted =
                proofs
                |> List.tryPick (fun proof ->
                    match proof.Outcome with
                    | Outcome.Refuted(found, isSmallest) -> Some(report table found isSmallest)
                    | _ -> None)

            return
                match wrong with
                | Some reason -> Error(Refused reason)
                | None -> Ok refuted
        }
