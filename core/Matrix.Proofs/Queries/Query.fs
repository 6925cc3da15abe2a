namespace Matrix.Proofs.Queries

open Matrix.Rules
open Matrix.Properties.Generators
open Matrix.Proofs.Encoding
open Matrix.Proofs.Interpretation
open Matrix.Proofs.Smt
open Matrix.Proofs.Universe

/// Something that holds of the events of real rooms and not of every event and state. What is proved with it is proved
/// only as far as it holds; it is not proved itself.
type Assumption = {
    /// Such as `the-cited-create-event-is-in-the-state`.
    Name: string
    Sentence: string
    Term: Term
}

/// What is proved of a question.
[<RequireQualifiedAccess; NoEquality; NoComparison>]
type Sought =
    /// That no event and state answers it.
    | NoCase
    /// That some case does: this one, if a survey found one.
    | SomeCase of Lazy<AuthCase option>

/// Something to prove.
[<NoEquality; NoComparison>]
type Query = {
    /// Such as `11/decided`, or `11/claims/only-members-send`.
    Name: string
    /// What is proved, in a sentence.
    Sentence: string
    /// The version in whose form a case is written.
    Version: RoomVersion
    Question: Question
    Assumptions: Assumption list
    Sought: Sought
    /// Whether a case that a solver found shows the same with the evaluators alone.
    Replays: FoundCase -> bool
}

/// Writes queries for solvers.
[<RequireQualifiedAccess>]
module Query =

    let private whole (query: Query) : Question = {
        query.Question with
            Asserted =
                [ for assumption in query.Assumptions -> assumption.Term ]
                @ query.Question.Asserted
    }

    /// The file of the question, for texts and levels without bounds.
    let file (query: Query) : string =
        Script.print
            [
                query.Name
                query.Sentence
                for assumption in query.Assumptions do
                    $"Assumed, not proved: {assumption.Sentence}"
                match query.Sought with
                | Sought.NoCase -> "It is proved if there is no case: the answer is unsat."
                | Sought.SomeCase _ -> "It is shown by a case, which has a file of its own."
            ]
            (Script.whole (whole query))

    /// Whether a case answers the question, as the interpreter reads its file: every axiom holds, and all that is
    /// asked.
    let isAnsweredBy (case: AuthCase) (query: Query) : bool =
        let asked = whole query
        let written = Script.premises asked.Definitions asked.Asserted

        match Script.print [] written |> Term.parse with
        | None -> false
        | Some terms ->
            let interpreter = Interpreter terms
            interpreter.Take(CaseModels.ofCase (Script.literals written) None case)

            interpreter.Broken.IsEmpty
            && asked.Asserted |> List.forall (fun term -> interpreter.Reader term ())

    /// The file in which a solver checks a case: the answer is unsat if the case answers the question.
    let caseFile (query: Query) (case: AuthCase) : string =
        let asked = whole query
        let written = Script.premises asked.Definitions asked.Asserted
        let model = CaseModels.ofCase (Script.literals written) None case

        Script.print
            [
                query.Name
                query.Sentence
                "The functions are those of one case. It is one if it cannot fail: the answer is unsat."
            ]
            (CaseScript.all written model asked.Asserted)

    /// A search for a case in the small universe, lighter than `below` if that is given.
    let search (below: bigint option) (query: Query) : string =
        let small = SmallQuestion.make query.Version below (whole query)

        Script.print
            [ $"A case against {query.Name}." ]
            (small.Terms @ [ Term.call "get-value" [ Term.List small.Asked ] ])
