namespace Matrix.Cli.Rules

open System
open System.IO
open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Core.Auth
open Matrix.Proofs.Queries
open Matrix.Proofs.Universe
open Matrix.Properties.Generators

type ProveArguments =
    | [<MainCommand; Unique>] Version of ID: string
    | [<Unique>] Query of NAME: string
    | [<Unique>] Clauses
    | [<Unique>] Mutants
    | [<Unique>] Table of FILE: string
    | [<Unique>] Time_Limit of SECONDS: int
    | [<Unique>] Emit of DIR: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Version _ -> "a room version. Default: every stable one."
            | Query _ -> "only the queries whose names contain this, such as decided, or claims/only-members-send."
            | Clauses -> "shows for each clause a smallest case that it decides, instead of proving."
            | Mutants -> "proves that the mutants listed as equivalent change no verdict, instead of claims."
            | Table _ -> TableFiles.Usage
            | Time_Limit _ -> "the time that a solver has for one question. Default: 60 seconds."
            | Emit _ -> "writes every question to this folder as a file for solvers, and asks none."
            | Format _ -> OutputFormat.TextByDefault

module internal ProveCommand =

    let private usualLimit = 60

    let private fileName (query: Query) =
        let isPlain c =
            Char.IsAsciiLetterOrDigit c || c = '-' || c = '.' || c = '='

        String.map (fun c -> if isPlain c then c else '-') query.Name + ".smt2"

    let private emit (folder: string) (queries: Query list) : Ending =
        Directory.CreateDirectory folder |> ignore

        for query in queries do
            File.WriteAllText(Path.Combine(folder, fileName query), Query.file query)

        printfn "%d files in %s" queries.Length folder
        Done

    /// The case in lines, and what the rules decide.
    let private linesOf (found: FoundCase) : string list =
        let version = found.Case.Version
        CaseLines.ofCase found @ [ CaseLines.decided version.Id version found ]

    let word (outcome: Outcome) : string =
        match outcome with
        | Outcome.Proved -> "proved"
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
        | Outcome.Proved ->
            match proof.Query.Assumptions with
            | [] -> ""
            | some -> "assuming " + String.concat ", " [ for assumption in some -> assumption.Name ]
        | Outcome.Refuted(found, true) -> $"a smallest case, weight {found.Weight}"
        | Outcome.Refuted(found, false) -> $"a case, weight {found.Weight}"
        | Outcome.Undecided reason
        | Outcome.Wrong reason -> reason

    let report (versions: (string * string) list) (proofs: Proof list) : Report =
        let count name =
            proofs
            |> List.filter (fun proof -> word proof.Outcome = name)
            |> List.length
            |> int64

        {
            Facts =
                [ for name, version in versions -> name, Word version ]
                @ [
                    for name in [ "proved"; "refuted"; "undecided"; "wrong" ] -> name, Count(count name)
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

    let private limitOf (arguments: ParseResults<ProveArguments>) =
        arguments.GetResult(ProveArguments.Time_Limit, usualLimit)

    /// The solvers with their versions, if both are installed.
    let installed () : Result<(string * string) list, Ending> =
        let solvers = [
            for solver in [ Solver.z3; Solver.cvc5 ] -> solver.Name, Solver.version solver
        ]

        match solvers |> List.filter (fun (_, version) -> version.IsNone) with
        | [] -> Ok [ for name, version in solvers -> name, Option.defaultValue "" version ]
        | missing ->
            let names = missing |> List.map fst |> String.concat " and "
            Error(Refused $"not proved here: {names} is not installed. On Debian: apt install z3 cvc5")

    let private prove (arguments: ParseResults<ProveArguments>) (queries: Query list) : Ending =
        match installed () with
        | Error ending -> ending
        | Ok solvers ->
            let limit = limitOf arguments
            let isWitnesses = arguments.Contains ProveArguments.Clauses
            use line = new Progress()
            let mutable made = 0

            let shown (proof: Proof) =
                made <- made + 1
                line.Show $"{made} of {queries.Length}: {proof.Query.Name} {word proof.Outcome}"

            let ask =
                if isWitnesses then
                    Proving.witness limit
                else
                    Proving.run limit

            let proofs = (Proving.all ask shown queries).GetAwaiter().GetResult()
            line.Show ""

            Report.print (arguments.GetResult(ProveArguments.Format, Text)) (report solvers proofs)

            let isExpected (proof: Proof) =
                match proof.Outcome with
                | Outcome.Proved -> not isWitnesses
                | Outcome.Refuted _ -> isWitnesses
                | _ -> false

            if List.forall isExpected proofs then Done else Finding

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
            | None -> prove arguments queries

    /// A changed table: a case against it, or the proofs.
    let private ofTable (arguments: ParseResults<ProveArguments>) (file: string) : Ending =
        let against (table: TableFiles.ChangedVersion) : Result<Report option, Ending> =
            installed ()
            |> Result.bind (fun _ -> (TableProof.refusal (limitOf arguments) table).GetAwaiter().GetResult())

        match TableFiles.read file with
        | Error ending -> ending
        | Ok table ->
            let queries =
                ChangedTables.keepsClaims table.Base table.Changed
                :: Comparisons.selection table.Changed
                :: Queries.all [ table.Changed ]

            match (if arguments.Contains Emit then Ok None else against table) with
            | Error ending -> ending
            | Ok None -> ask arguments queries
            | Ok(Some report) ->
                Report.print (arguments.GetResult(ProveArguments.Format, Text)) report
                Finding

    let run (arguments: ParseResults<ProveArguments>) : Ending =
        match
            arguments.TryGetResult ProveArguments.Table,
            RoomVersions.wanted (arguments.TryGetResult ProveArguments.Version)
        with
        | Some _, _ when arguments.Contains ProveArguments.Version ->
            Misused "--table: the file names the version: expected no other"
        | Some file, _ -> ofTable arguments file
        | None, Error ending -> ending
        | None, Ok versions ->
            let queries =
                if arguments.Contains ProveArguments.Clauses then
                    List.collect Queries.idle versions
                elif arguments.Contains ProveArguments.Mutants then
                    List.collect Queries.equivalents versions
                else
                    Queries.all versions @ List.map Comparisons.selection versions

            ask arguments queries
