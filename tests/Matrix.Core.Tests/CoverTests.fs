/// Conditions with the fewest atoms that hold of every given case.
module Matrix.Core.Tests.CoverTests

open Expecto
open FsCheck
open FsCheck.FSharp
open Matrix.Proofs.Queries

let private holds (cover: Cover) (case: bool[]) : bool =
    cover
    |> List.exists (fun conjunction -> conjunction |> List.forall (fun atom -> case[atom]))

/// All conditions with so many atoms, of few atoms to choose from.
let rec private conditions (atoms: int) (most: int) : Cover list =
    let conjunctions =
        [ 1 .. (1 <<< atoms) - 1 ]
        |> List.map (fun set -> [
            for atom in 0 .. atoms - 1 do
                if set &&& (1 <<< atom) <> 0 then
                    atom
        ])
        |> List.filter (fun one -> one.Length <= Covers.MostTogether)

    let rec extend (count: int) (budget: int) : Cover list =
        if count = 0 then
            [ [] ]
        else
            [ [] ]
            @ [
                for one in conjunctions do
                    if one.Length <= budget then
                        for others in extend (count - 1) (budget - one.Length) -> one :: others
            ]

    extend Covers.MostConjunctions most

let private atoms = 4

let private cases: Gen<bool[] list> =
    Gen.listOf (Gen.arrayOfLength atoms (Gen.elements [ true; false ]))
    |> Gen.map (List.truncate 6)

let tests =
    testList "CoverTests" [
        test "No condition with fewer atoms holds of all cases" {
            let all = conditions atoms 4 |> List.filter (List.isEmpty >> not)

            for some in Gen.sampleWithSeed (Rnd(3UL, 5UL)) 8 60 cases do
                let right =
                    all
                    |> List.filter (fun cover -> some |> List.forall (holds cover))
                    |> List.map Covers.size
                    |> List.sort
                    |> List.tryHead

                match Covers.smallest 4 [ 0 .. atoms - 1 ] some with
                | Some cover when some <> [] ->
                    Expect.isTrue (some |> List.forall (holds cover)) $"{cover} holds of {some}"
                    Expect.equal (Some(Covers.size cover)) right $"the size of {cover} for {some}"
                | Some _ -> ()
                | None -> Expect.isNone right $"a condition for {some}"
        }

        test "Of atoms that hold in the same cases the preferred one is taken" {
            let cases = [ [| true; true |]; [| true; true |] ]

            Expect.equal (Covers.smallest 2 [ 1; 0 ] cases) (Some [ [ 1 ] ]) "the first of the order"
        }
    ]
