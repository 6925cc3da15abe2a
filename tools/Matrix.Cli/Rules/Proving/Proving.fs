namespace Matrix.Cli.Rules

open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open Matrix.Proofs.Queries
open Matrix.Proofs.Universe
open Matrix.Properties.Generators

/// What came of a query.
[<RequireQualifiedAccess; NoEquality; NoComparison>]
type internal Outcome =
    /// Both solvers say that there is no case; or the case that shows the query is one.
    | Proved
    /// The same of this very question, before.
    | Kept
    /// A case, which the evaluators decide as the solver said; whether no lighter one is in the small universe.
    | Refuted of FoundCase * isSmallest: bool
    /// Neither: what was tried.
    | Undecided of reason: string
    /// A solver's case that the evaluators decide otherwise, or solvers that contradict each other.
    | Wrong of reason: string

/// A query with its outcome.
[<NoEquality; NoComparison>]
type internal Proof = {
    Query: Query
    Outcome: Outcome
    /// What the solvers said of the whole question.
    Z3: Answer
    Cvc5: Answer
    Time: System.TimeSpan
}

/// Runs queries.
module internal Proving =

    /// The case of a solver's values, without what it does not need. Every case has to be decided by the evaluators as
    /// the solver said: otherwise the text that it read means something else, and nothing that it says counts.
    let private replayed (query: Query) (values: string) : Result<FoundCase, string> =
        match ModelCase.read values |> Option.map (ModelCase.write query.Version) with
        | None -> Error "cvc5's case cannot be read"
        | Some case when not (query.Replays case) ->
            Error $"the evaluators decide cvc5's case otherwise:\n{case.Case.Display}"
        | Some case -> Ok(Shrinking.smallest query.Replays case)

    /// Lighter cases are searched for so often.
    let private mostSearches = 40

    /// The lightest case that is found, beginning with this one.
    let rec private lightest (limit: int) (query: Query) (searches: int) (case: FoundCase) : Task<Outcome> =
        task {
            if searches = 0 then
                return Outcome.Refuted(case, false)
            else
                match! Solver.ask Solver.cvc5 limit (Query.search (Some case.Weight) query) with
                | Answer.Unsat -> return Outcome.Refuted(case, true)
                | Answer.Unknown _ -> return Outcome.Refuted(case, false)
                | Answer.Sat values ->
                    match replayed query values with
                    | Error reason -> return Outcome.Wrong reason
                    | Ok lighter when lighter.Weight < case.Weight ->
                        return! lightest limit query (searches - 1) lighter
                    | Ok _ -> return Outcome.Refuted(case, false)
        }

    let private refute (limit: int) (lighter: int) (query: Query) : Task<Outcome> =
        task {
            match! Solver.ask Solver.cvc5 limit (Query.search None query) with
            | Answer.Unsat -> return Outcome.Undecided "no case in the small universe"
            | Answer.Unknown reason -> return Outcome.Undecided $"cvc5, in the small universe: {reason}"
            | Answer.Sat values ->
                match replayed query values with
                | Error reason -> return Outcome.Wrong reason
                | Ok case -> return! lightest lighter query mostSearches case
        }

    /// Both solvers on the whole question, and if they prove nothing, a search for a case.
    let private noCaseOrCase (limit: int) (lighter: int) (query: Query) : Task<Proof> =
        task {
            let clock = Stopwatch.StartNew()
            let file = Query.file query
            let! z3 = Solver.ask Solver.z3 limit file
            let! cvc5 = Solver.ask Solver.cvc5 limit file

            let! outcome =
                match z3, cvc5 with
                | Answer.Unsat, Answer.Unsat -> Task.FromResult Outcome.Proved
                | Answer.Unsat, Answer.Sat _
                | Answer.Sat _, Answer.Unsat -> Task.FromResult(Outcome.Wrong "the solvers contradict each other")
                | Answer.Unsat, Answer.Unknown reason -> Task.FromResult(Outcome.Undecided $"cvc5: {reason}")
                | Answer.Unknown reason, Answer.Unsat -> Task.FromResult(Outcome.Undecided $"z3: {reason}")
                | _ -> refute limit lighter query

            return {
                Query = query
                Outcome = outcome
                Z3 = z3
                Cvc5 = cvc5
                Time = clock.Elapsed
            }
        }

    /// A query that is shown by a case: the interpreter reads its question, and with `asks` both solvers check it too.
    let private someCase (asks: bool) (limit: int) (query: Query) (case: AuthCase option) : Task<Proof> =
        task {
            let clock = Stopwatch.StartNew()

            let ask (solver: Solver) =
                match case with
                | Some case when asks -> Solver.ask solver limit (Query.caseFile query case)
                | _ -> Task.FromResult(Answer.Unknown "not asked")

            let! z3 = ask Solver.z3
            let! cvc5 = ask Solver.cvc5

            return {
                Query = query
                Outcome =
                    match case, z3, cvc5 with
                    | None, _, _ -> Outcome.Undecided "no case in the small worlds"
                    | Some case, _, _ when not (Query.isAnsweredBy case query) ->
                        Outcome.Wrong "its case is none by the question's file"
                    | _, Answer.Sat _, _
                    | _, _, Answer.Sat _ -> Outcome.Wrong "its case is none for a solver"
                    | _, Answer.Unsat, Answer.Unsat -> Outcome.Proved
                    | _ when asks -> Outcome.Undecided "the solvers do not decide its case"
                    | _ -> Outcome.Proved
                Z3 = z3
                Cvc5 = cvc5
                Time = clock.Elapsed
            }
        }

    /// Runs a query. `lighter` is the limit of each search for a case lighter than one that was found.
    let proofOrCase (limit: int) (lighter: int) (query: Query) : Task<Proof> =
        match query.Sought with
        | Sought.NoCase -> noCaseOrCase limit lighter query
        | Sought.SomeCase case -> someCase false limit query case.Value

    /// The same; solvers check also the cases that show queries.
    let again (limit: int) (query: Query) : Task<Proof> =
        match query.Sought with
        | Sought.NoCase -> noCaseOrCase limit limit query
        | Sought.SomeCase case -> someCase true limit query case.Value

    /// Runs a query, and finds a smallest case if it can.
    let run (limit: int) (query: Query) : Task<Proof> = proofOrCase limit limit query

    /// A query that was not asked, because its outcome is known or of no use.
    let unasked (outcome: Outcome) (query: Query) : Proof = {
        Query = query
        Outcome = outcome
        Z3 = Answer.Unknown "not asked"
        Cvc5 = Answer.Unknown "not asked"
        Time = System.TimeSpan.Zero
    }

    /// A search for a case only, for a query that may have one. `lighter` is the limit of each search for a lighter
    /// one.
    let search (limit: int) (lighter: int) (query: Query) : Task<Proof> =
        task {
            let clock = Stopwatch.StartNew()
            let! outcome = refute limit lighter query

            return {
                Query = query
                Outcome = outcome
                Z3 = Answer.Unknown "not asked"
                Cvc5 = Answer.Unknown "not asked"
                Time = clock.Elapsed
            }
        }

    /// A search for a smallest case, for a query that is expected to have one.
    let witness (limit: int) (query: Query) : Task<Proof> = search limit limit query

    /// A search for a case first, and only where there is none in the small universe both solvers: for a query that may
    /// well have one. `lighter` is the limit of each search for a lighter one.
    let caseOrProof (limit: int) (lighter: int) (query: Query) : Task<Proof> =
        task {
            let! searched = search limit lighter query

            match searched.Outcome with
            | Outcome.Undecided _ -> return! run limit query
            | _ -> return searched
        }

    /// Runs queries, as many at once as there are processors, and reports each.
    let all (ask: Query -> Task<Proof>) (report: Proof -> unit) (queries: Query list) : Task<Proof list> =
        task {
            use slots = new SemaphoreSlim(max 1 System.Environment.ProcessorCount)

            let one query =
                task {
                    do! slots.WaitAsync()

                    try
                        let! proof = ask query
                        lock slots (fun () -> report proof)
                        return proof
                    finally
                        slots.Release() |> ignore
                }

            let! proofs =
                Task.WhenAll [ for query in queries -> Task.Run<Proof>(fun () -> one query) ]

            return List.ofArray proofs
        }
