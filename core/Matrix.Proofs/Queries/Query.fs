namespace Matrix.Proofs.Queries

open Matrix.Rules
open Matrix.Proofs.Encoding
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

/// Something to prove: that no case answers the question.
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

    /// The file of a proof, for texts and levels without bounds.
    let file (query: Query) : string =
        Script.print
            [
                query.Name
                query.Sentence
                for assumption in query.Assumptions do
                    $"Assumed, not proved: {assumption.Sentence}"
                "It is proved if there is no case: the answer is unsat."
            ]
            (Script.whole (whole query))

    /// A search for a case in the small universe, lighter than `below` if that is given.
    let search (below: bigint option) (query: Query) : string =
        let small = SmallQuestion.make query.Version below (whole query)

        Script.print
            [ $"A case against {query.Name}." ]
            (small.Terms @ [ Term.call "get-value" [ Term.List small.Asked ] ])
