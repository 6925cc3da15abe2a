namespace Matrix.Proofs.Encoding

open System.Runtime.CompilerServices
open Matrix.Proofs.Smt

/// A question to a solver: definitions, and what is asserted beside the axioms.
type Question = {
    Definitions: Term list
    Asserted: Term list
}

/// Files for solvers.
[<RequireQualifiedAccess>]
module Script =

    // All questions about a version have the same definitions, so what is read of these is kept.
    let private literalsOf = ConditionalWeakTable<Term, string list>()
    let private printed = ConditionalWeakTable<Term, string>()

    /// A value of a term, from the table if the term is a definition.
    let private kept (table: ConditionalWeakTable<Term, 'a>) (make: Term -> 'a) (term: Term) : 'a =
        match term with
        | Term.List(Term.Atom "define-fun" :: _) -> table.GetValue(term, make)
        | _ -> make term

    let private readLiterals (term: Term) : string list =
        Term.atoms term |> Seq.choose Words.literalOf |> Seq.distinct |> List.ofSeq

    /// The literal texts of terms.
    let literals (terms: Term list) : string list =
        terms
        |> Seq.collect (kept literalsOf readLiterals)
        |> Seq.distinct
        |> Seq.sort
        |> List.ofSeq

    /// Everything before the question itself: declarations, definitions and axioms.
    let premises (definitions: Term list) (more: Term list) : Term list =
        let shared = Words.shared @ Powers.shared
        let literals = literals (shared @ definitions @ more)

        Words.declarations literals @ shared @ definitions @ Words.axioms literals

    /// The whole question. It holds of a case if and only if a solver finds it satisfiable.
    let whole (question: Question) : Term list =
        premises question.Definitions question.Asserted
        @ List.map Term.assert' question.Asserted
        @ [ Term.call "check-sat" [] ]

    /// As text, with comments before it.
    let print (comments: string list) (terms: Term list) : string =
        [
            for line in comments -> if line = "" then ";" else "; " + line
            for term in terms -> kept printed Term.print term
        ]
        |> String.concat "\n"
        |> fun text -> text + "\n"
