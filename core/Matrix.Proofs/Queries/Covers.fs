namespace Matrix.Proofs.Queries

open System.Collections
open System.Collections.Generic

/// A condition: all atoms of some of several conjunctions hold. Each atom by its number.
type Cover = int list list

/// Conditions with few atoms that hold of every given case.
[<RequireQualifiedAccess>]
module Covers =

    /// The most conjunctions of a condition.
    [<Literal>]
    let MostConjunctions = 4

    /// The most atoms of a conjunction.
    [<Literal>]
    let MostTogether = 3

    /// How many atoms a condition has.
    let size (cover: Cover) : int = cover |> List.sumBy List.length

    let private isEmpty (some: BitArray) = not (some.HasAnySet())
    let private and' (a: BitArray) (b: BitArray) = BitArray(a).And b
    let private without (a: BitArray) (b: BitArray) = BitArray(a).And(BitArray(b).Not())

    /// A conjunction, and the cases in which it holds.
    [<NoEquality; NoComparison>]
    type private Conjunction = { Of: int list; Cases: BitArray }

    /// The atoms that matter: one of those that hold in the same cases, and of these the first.
    let private single (preferred: int list) (cases: bool[] list) : Conjunction list =
        let seen = HashSet<string>()

        [
            for atom in preferred do
                let holds = [| for case in cases -> case[atom] |]
                let key = System.String [| for case in holds -> if case then '1' else '0' |]

                if Array.contains true holds && seen.Add key then
                    {
                        Of = [ atom ]
                        Cases = BitArray holds
                    }
        ]

    let rec private together (count: int) (from: Conjunction list) : Conjunction seq =
        seq {
            match from with
            | [] -> ()
            | first :: rest ->
                if count = 1 then
                    yield! from
                else
                    for others in together (count - 1) rest do
                        let both = and' first.Cases others.Cases

                        if both.HasAnySet() then
                            {
                                Of = first.Of @ others.Of
                                Cases = both
                            }

                    yield! together count rest
        }

    /// The first case that is left.
    let private first (open': BitArray) : int =
        Seq.init open'.Length id |> Seq.find (fun i -> open'[i])

    /// A condition with the fewest atoms, at most this many, that holds of every case; none if there is none. A case
    /// says of each atom whether it holds. Of several, one with the atoms that come first.
    let smallest (most: int) (preferred: int list) (cases: bool[] list) : Cover option =
        let single = single preferred cases

        let bySize = [|
            for count in 1..MostTogether -> lazy (together count single |> Array.ofSeq)
        |]

        let rec cover (budget: int) (conjunctions: int) (open': BitArray) : Cover option =
            if isEmpty open' then
                Some []
            elif budget = 0 || conjunctions = 0 then
                None
            else
                let case = first open'

                seq {
                    for count in 1 .. min budget MostTogether do
                        for one in bySize[count - 1].Value do
                            // The last conjunction has to hold of all that is left.
                            if one.Cases[case] && (conjunctions > 1 || isEmpty (without open' one.Cases)) then
                                count, one
                }
                |> Seq.tryPick (fun (count, one) ->
                    cover (budget - count) (conjunctions - 1) (without open' one.Cases)
                    |> Option.map (fun others -> one.Of :: others))

        Seq.init most (fun i -> i + 1)
        |> Seq.tryPick (fun budget -> cover budget MostConjunctions (BitArray(cases.Length, true)))
