namespace Matrix.Cli.Rules

open System
open System.IO
open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Core.Auth
open Matrix.Proofs.Queries
open Matrix.Properties.Claims
open Matrix.Properties.Generators

type ProveArguments =
    | [<MainCommand; Unique>] Version of ID: string
    | [<Unique>] Query of NAME: string
    | [<Unique>] Clauses
    | [<Unique>] Mutants
    | [<Unique>] Claims of FILE: string
    | [<Unique>] Cases of COUNT: int
    | [<Unique>] By_Z3 of COUNT: int
    | [<Unique>] Again
    | [<Unique>] Draw of TEXT: string
    | [<Unique>] Keep
    | [<Unique>] Kept
    | [<Unique>] Time_Limit of SECONDS: int
    | [<Unique>] Emit of DIR: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Version _ -> TableArguments.Usage + " Default: every stable version."
            | Query _ -> "only the queries whose names contain this, such as decided, or claims/only-members-send."
            | Clauses -> "shows for each clause a smallest case that it decides, instead of proving."
            | Mutants -> "proves that the mutants listed as equivalent change no verdict, instead of claims."
            | Cases _ ->
                "compares what solvers read with the evaluators, on so many drawn cases of each version and on all \
                 vectors."
            | By_Z3 _ -> "with --cases: so many of each version are checked by z3 too. Default: 0."
            | Again -> "asks also what was proved before (tests/proofs), and lets solvers check cases."
            | Draw _ -> "asks twenty of the questions, drawn by this text, also if they were proved before."
            | Keep -> "keeps the digests of what is proved, claims and mutants, if all of it is."
            | Kept -> "tells which questions were proved as they stand, and asks no solver."
            | Claims _ -> ClaimFiles.Usage
            | Time_Limit _ -> "the time that a solver has for one question. Default: 60 seconds."
            | Emit _ -> "writes every question to this folder as a file for solvers, and asks none."
            | Format _ -> OutputFormat.TextByDefault

module internal ProveCommand =

    let private usualLimit = 60

    let private emit (folder: string) (queries: Query list) : Ending =
        Directory.CreateDirectory folder |> ignore

        let write (name: string) (text: string) =
            File.WriteAllText(Path.Combine(folder, name), text)

        for query in queries do
            let name = KeptProofs.FileName query
            write name (Query.file query)

            match query.Sought with
            | Sought.SomeCase(Lazy(Some case)) ->
                write (name.Replace(".smt2", ".case.smt2")) (Query.caseFile query case)
            | _ -> ()

        printfn "%d questions in %s" queries.Length folder
        Done

    let private limitOf (arguments: ParseResults<ProveArguments>) =
        arguments.GetResult(ProveArguments.Time_Limit, usualLimit)

    /// How many questions `--draw` asks.
    let private drawn = 20

    /// Questions in an order that the text decides.
    let private draw (text: string) (queries: Query list) : Query list =
        let rank (query: Query) =
            $"{text} {query.Name}"
            |> Text.Encoding.UTF8.GetBytes
            |> Security.Cryptography.SHA256.HashData
            |> Convert.ToHexStringLower

        queries |> List.sortBy rank |> List.truncate drawn

    /// Keeps proofs, if everything is proved that is proved of these versions.
    let private keep (kept: KeptProofs) (solvers: (string * string) list) (proofs: Proof list) : Ending =
        let isProved (proof: Proof) =
            match proof.Outcome with
            | Outcome.Proved
            | Outcome.Kept -> true
            | _ -> false

        if List.forall isProved proofs then
            for _, ofVersion in proofs |> List.groupBy _.Query.Version.Id do
                kept.Keep(ofVersion.Head.Query.Version, solvers, List.map _.Query ofVersion)

            Done
        else
            Refused "not kept, for not everything is proved"

    /// Tells what was proved before.
    let private tell (arguments: ParseResults<ProveArguments>) (queries: Query list) : Ending =
        let kept = KeptProofs.Usual()

        let outcome (query: Query) =
            if kept.Has query then
                Outcome.Kept
            else
                Outcome.Undecided "not proved as it stands: see `mx rules prove --keep`"

        let proofs =
            queries
            |> Array.ofList
            |> Array.Parallel.map (fun query -> Proving.unasked (outcome query) query)
            |> List.ofArray

        Report.print (arguments.GetResult(ProveArguments.Format, Text)) (ProofReport.make kept.Solvers proofs)

        if proofs |> List.forall (fun proof -> proof.Outcome.IsKept) then
            Done
        else
            Finding

    let private prove (arguments: ParseResults<ProveArguments>) (queries: Query list) : Ending =
        match Solver.installed () with
        | Error ending -> ending
        | Ok solvers ->
            let limit = limitOf arguments
            let isWitnesses = arguments.Contains ProveArguments.Clauses
            let kept = KeptProofs.Usual()

            let queries =
                match arguments.TryGetResult Draw with
                | Some text -> draw text queries
                | None -> queries

            use line = new Progress()
            let mutable made = 0

            let shown (proof: Proof) =
                made <- made + 1
                line.Show $"{made} of {queries.Length}: {proof.Query.Name} {ProofReport.word proof.Outcome}"

            let ask (query: Query) =
                if isWitnesses then
                    Proving.witness limit query
                elif arguments.Contains Again || arguments.Contains Draw then
                    Proving.again limit query
                elif kept.Solvers = solvers && kept.Has query then
                    Threading.Tasks.Task.FromResult(Proving.unasked Outcome.Kept query)
                else
                    Proving.run limit query

            let proofs = (Proving.all ask shown queries).GetAwaiter().GetResult()
            line.Show ""

            Report.print (arguments.GetResult(ProveArguments.Format, Text)) (ProofReport.make solvers proofs)

            let isExpected (proof: Proof) =
                match proof.Outcome with
                | Outcome.Proved
                | Outcome.Kept -> not isWitnesses
                | Outcome.Refuted _ -> isWitnesses
                | _ -> false

            if arguments.Contains Keep then keep kept solvers proofs
            elif List.forall isExpected proofs then Done
            else Finding

    /// Emits or proves the queries that are meant.
    let private ask (arguments: ParseResults<ProveArguments>) (queries: Query list) : Ending =
        let queries =
            match arguments.TryGetResult ProveArguments.Query with
            | None -> queries
            | Some part -> queries |> List.filter (fun query -> query.Name.Contains part)

        if queries.IsEmpty then
            Misused "no query has that in its name"
        else
            match arguments.TryGetResult ProveArguments.Emit with
            | Some folder -> emit folder queries
            | None when arguments.Contains Kept -> tell arguments queries
            | None -> prove arguments queries

    /// A changed table: a case against it, or the proofs.
    let private ofTable (arguments: ParseResults<ProveArguments>) (table: TableFiles.ChangedVersion) : Ending =
        let against () : Result<Report option, Ending> =
            Solver.installed ()
            |> Result.bind (fun _ -> (TableProof.refusal (limitOf arguments) table).GetAwaiter().GetResult())

        let queries =
            ChangedTables.keepsClaims table.Base table.Changed
            :: Comparisons.selection table.Changed
            :: Queries.all [ table.Changed ]

        match (if arguments.Contains Emit then Ok None else against ()) with
        | Error ending -> ending
        | Ok None -> ask arguments queries
        | Ok(Some report) ->
            Report.print (arguments.GetResult(ProveArguments.Format, Text)) report
            Finding

    /// What is asked of versions as they are.
    let private ofVersions
        (arguments: ParseResults<ProveArguments>)
        (versions: Matrix.Rules.RoomVersion list)
        : Query list =
        let claims =
            lazy
                (Queries.all versions
                 @ List.map Comparisons.selection versions
                 @ List.collect Occurrences.of' versions)

        let mutants = lazy (List.collect Queries.equivalents versions)

        if arguments.Contains ProveArguments.Clauses then
            List.collect Queries.idle versions
        elif arguments.Contains Keep || arguments.Contains Kept then
            claims.Value @ mutants.Value
        elif arguments.Contains ProveArguments.Mutants then
            mutants.Value
        else
            claims.Value

    let private onCases (arguments: ParseResults<ProveArguments>) (versions: Matrix.Rules.RoomVersion list) : Ending =
        let solved = arguments.GetResult(By_Z3, 0)

        let compare () =
            OnCases.run
                (arguments.GetResult(ProveArguments.Format, Text))
                versions
                (arguments.GetResult ProveArguments.Cases)
                solved

        if solved = 0 then
            compare ()
        else
            match Solver.installed () with
            | Error ending -> ending
            | Ok _ -> compare ()

    let private keepsNotAll (arguments: ParseResults<ProveArguments>) =
        arguments.Contains ProveArguments.Version
        || arguments.Contains ProveArguments.Claims
        || arguments.Contains ProveArguments.Query
        || arguments.Contains ProveArguments.Clauses
        || arguments.Contains ProveArguments.Mutants
        || arguments.Contains Draw
        || arguments.Contains Emit

    let run (arguments: ParseResults<ProveArguments>) : Ending =
        let kinds = [
            arguments.Contains ProveArguments.Clauses
            arguments.Contains ProveArguments.Mutants
            arguments.Contains ProveArguments.Claims
        ]

        match TableArguments.wanted (arguments.TryGetResult ProveArguments.Version) with
        | _ when arguments.Contains By_Z3 && not (arguments.Contains ProveArguments.Cases) ->
            Misused "--by-z3: expected with --cases"
        | _ when arguments.Contains Keep && keepsNotAll arguments ->
            Misused "--keep: expected without a version, --query, --clauses, --mutants, --claims, --draw, --emit"
        | _ when (List.filter id kinds).Length > 1 -> Misused "--clauses, --mutants, --claims: expected one of them"
        | Error ending -> ending
        | Ok named ->
            let versions = named |> List.map _.Version

            if arguments.Contains ProveArguments.Cases then
                onCases arguments versions
            else

                match arguments.TryGetResult ProveArguments.Claims, named with
                | Some file, _ ->
                    match ClaimFiles.readAbout versions file with
                    | Error ending -> ending
                    | Ok claims ->
                        versions
                        |> List.collect (fun version -> Queries.claimed version (Claims.about version claims))
                        |> ask arguments
                | None, [ one ] when one.IsGiven && not (List.contains true kinds) -> ofTable arguments one.Table
                | None, _ -> ofVersions arguments versions |> ask arguments
