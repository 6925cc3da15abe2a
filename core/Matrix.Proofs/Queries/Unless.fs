namespace Matrix.Proofs.Queries

open Matrix.Rules
open Matrix.Properties.Generators
open Matrix.Proofs.Encoding
open Matrix.Proofs.Interpretation
open Matrix.Proofs.Smt
open Matrix.Proofs.Universe

/// That two versions give every event the same verdict, unless a condition holds: a disjunction of a few conjunctions
/// of atoms. Each version has the name that it gets in the file.
[<Sealed>]
type Unless(aName: string, a: RoomVersion, bName: string, b: RoomVersion) =

    let first, second = Tables.ofVersion aName a, Tables.ofVersion bName b
    let atoms = Array.ofList (Atoms.between (aName, a) (bName, b))
    let definitions = first.Definitions @ second.Definitions
    let differ = Term.not' (Term.equal first.Allowed second.Allowed)

    let written =
        Script.premises
            (definitions
             @ [
                 for i, atom in Seq.indexed atoms -> Term.define $"atom {i}" [] "Bool" atom.Term
             ])
            []

    let interpreter =
        Interpreter(Script.print [] written |> Term.parse |> Option.defaultValue [])

    let literals = Script.literals written

    let readers = [|
        for i in 0 .. atoms.Length - 1 -> interpreter.Reader(Term.symbol $"atom {i}")
    |]

    let differs = interpreter.Reader differ

    /// The atoms.
    member _.Atoms: Atom[] = atoms

    /// Which atoms hold of a case, and whether the versions give it different verdicts.
    member _.Read(case: AuthCase) : bool[] * bool =
        interpreter.Take(CaseModels.ofCase literals None case)
        readers |> Array.map (fun holds -> holds ()), differs ()

    /// A condition in words, one line for each conjunction.
    member _.Words(cover: Cover) : string list = [
        for conjunction in cover ->
            conjunction
            |> List.map (fun atom -> atoms[atom].Words)
            |> String.concat ", and "
    ]

    /// That outside of the condition both versions give the same verdict.
    member this.Query(cover: Cover) : Query = {
        Name = $"{aName}/unless/{bName}"
        Sentence =
            let words = this.Words cover |> String.concat "; or "
            $"Versions {aName} and {bName} give every event the same verdict, unless {words}."
        Version = a
        Question = {
            Definitions = definitions
            Asserted =
                differ
                :: [
                    for conjunction in cover -> Term.not' (Term.all [ for atom in conjunction -> atoms[atom].Term ])
                ]
        }
        Assumptions = []
        Sought = Sought.NoCase
        Replays =
            fun found ->
                match Comparisons.decided a found.Case, Comparisons.decided b found.Case with
                | Some one, Some other -> one.IsOk <> other.IsOk && snd (this.Read found.Case)
                | _ -> false
    }
