namespace Matrix.Cli.Rules

open Matrix.Cli.Input.TableArguments
open Matrix.Cli.Output
open Matrix.Rules
open Matrix.Proofs.Queries

/// `mx rules diff --accepts`: whether a version accepts everything that another accepts.
module internal AcceptsCommand =

    /// The seconds for a case or a proof, and for each lighter case.
    let private limit, private lighter = 60, 5

    let private cell (proof: Proof) : string =
        match proof.Outcome with
        | Outcome.Proved
        | Outcome.Kept -> "all"
        | Outcome.Refuted _ -> "not all"
        | Outcome.Undecided _ -> "undecided"
        | Outcome.Wrong _ -> "wrong"

    let private nameOf (group: RoomVersion list) : string =
        match group with
        | [ one ] -> one.Id
        | several -> several[0].Id + "-" + (List.last several).Id

    /// A row for each group of versions that authorization cannot tell apart: which others accept what it accepts.
    let private matrix (groups: RoomVersion list list) (proofs: Proof list) : Table = {
        Name = "accepted"
        Columns = "by" :: List.map nameOf groups
        Rows = [
            for a in groups ->
                Word(nameOf a)
                :: [
                    for b in groups ->
                        proofs
                        |> List.tryFind (fun proof -> proof.Query.Name = $"{a[0].Id}/accepted-by/{b[0].Id}")
                        |> Option.map cell
                        |> Option.defaultValue ""
                        |> Word
                ]
        ]
    }

    let private show (format: OutputFormat) (queries: Query list) (tables: Proof list -> Table list) : Ending =
        match Solver.installed () with
        | Error ending -> ending
        | Ok solvers ->
            use line = new Progress()
            let mutable made = 0

            let shown (proof: Proof) =
                made <- made + 1
                line.Show $"{made} of {queries.Length}: {proof.Query.Name} {ProofReport.word proof.Outcome}"

            let proofs =
                (Proving.all (Proving.caseOrProof limit lighter) shown queries).GetAwaiter().GetResult()

            line.Show ""
            let report = ProofReport.make solvers proofs

            Report.print format {
                report with
                    Tables = tables proofs @ report.Tables
            }

            let isDecided (proof: Proof) =
                match proof.Outcome with
                | Outcome.Proved
                | Outcome.Kept
                | Outcome.Refuted _ -> true
                | _ -> false

            if List.forall isDecided proofs then Done else Finding

    /// Whether the second version accepts everything that the first accepts.
    let pair (format: OutputFormat) (a: NamedVersion) (b: NamedVersion) : Ending =
        show format [ Comparisons.acceptsAs (a.Name, a.Version) (b.Name, b.Version) ] (fun _ -> [])

    /// The same of all pairs of stable versions.
    let all (format: OutputFormat) : Ending =
        let groups = Comparisons.groups Versions.all

        let queries = [
            for a in groups do
                for b in groups do
                    if a[0].Id <> b[0].Id then
                        Comparisons.accepts a[0] b[0]
        ]

        show format queries (fun proofs -> [ matrix groups proofs ])
