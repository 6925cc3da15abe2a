namespace Matrix.Proofs.Queries

open Matrix.Rules
open Matrix.Proofs.Encoding
open Matrix.Proofs.Smt
open Matrix.Proofs.Universe

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
    /// Whether a case that a solver found shows the same with the evaluators alone.
    Replays: FoundCase -> bool
}

/// Writes queries for solvers.
[<RequireQualifiedAccess>]
module Query =

    /// The file of a proof, for texts and levels without bounds.
    let file (query: Query) : string =
        Script.print
            [
                query.Name
                query.Sentence
                "It is proved if there is no case: the answer is unsat."
            ]
            (Script.whole query.Question)

    /// The same question about nothing: the answer is sat, so that the premises contradict nothing.
    let premises (query: Query) : string =
        let nothing = { query.Question with Asserted = [] }
        let small = SmallQuestion.make query.Version None nothing
        Script.print [ $"The premises of {query.Name} hold in some case: the answer is sat." ] small.Terms

    /// A search for a case in the small universe, lighter than `below` if that is given.
    let search (below: bigint option) (query: Query) : string =
        let small = SmallQuestion.make query.Version below query.Question

        Script.print
            [ $"A case against {query.Name}." ]
            (small.Terms @ [ Term.call "get-value" [ Term.List small.Asked ] ])
