/// The printed text of every version, and of its difference from its parent, as last reviewed.
module Matrix.Rules.Tests.GoldenTests

open System.IO
open Expecto
open Matrix.Testing
open Matrix.Rules.Printing
open Matrix.Rules.Tests.Check

let private folder =
    let rec root (from: DirectoryInfo | null) =
        match from with
        | null -> failwith "the tests run outside of the repository"
        | here when File.Exists(Path.Combine(here.FullName, "Matrix.Hybrid.sln")) -> here.FullName
        | here -> root here.Parent

    Path.Combine(root (DirectoryInfo System.AppContext.BaseDirectory), "rules", "printed")

let private again =
    "Is the change meant? Then write the files again, and read what differs: ./mx rules print rules/printed"

let tests =
    testList "GoldenTests" [
        test "Exactly the expected pages exist" {
            let there = Directory.GetFiles folder |> Array.map Path.GetFileName |> set
            let expected = Pages.all |> List.map fst |> set

            if set [ for name in there -> string name ] <> expected then
                failtest again
        }

        testList "A page is as it was reviewed" [
            for name, lines in Pages.all do
                test name {
                    let reviewed =
                        File.ReadAllText(Path.Combine(folder, name)).TrimEnd('\n').Split '\n'
                        |> List.ofArray

                    let differing =
                        Seq.zip (Seq.append reviewed [ "(the end)" ]) (Seq.append lines [ "(the end)" ])
                        |> Seq.tryFindIndex (fun (a, b) -> a <> b)

                    match differing with
                    | None -> ()
                    | Some i ->
                        let line (of': string list) =
                            of' |> List.tryItem i |> Option.defaultValue "(the end)"

                        failtest $"{name}, line {i + 1}\nreviewed: {line reviewed}\nprinted:  {line lines}\n{again}"
                }
        ]
    ]
