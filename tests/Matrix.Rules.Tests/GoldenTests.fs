/// The printed text of every version, and of its difference from its parent, as last reviewed.
module Matrix.Rules.Tests.GoldenTests

open System.IO
open NUnit.Framework
open Matrix.Rules.Printing
open Matrix.Rules.Tests.Check

let private folder =
    let rec root (from: DirectoryInfo | null) =
        match from with
        | null -> failwith "the tests run outside of the repository"
        | here when File.Exists(Path.Combine(here.FullName, "Matrix.Hybrid.sln")) -> here.FullName
        | here -> root here.Parent

    Path.Combine(root (DirectoryInfo TestContext.CurrentContext.TestDirectory), "rules", "printed")

let private again =
    "Is the change meant? Then write the files again, and read what differs: ./mx rules print rules/printed"

[<Test>]
let ``Exactly the expected pages exist`` () =
    let there = Directory.GetFiles folder |> Array.map Path.GetFileName |> set
    let expected = Pages.all |> List.map fst |> set

    if set [ for name in there -> string name ] <> expected then
        Assert.Fail again

let private pages =
    Pages.all
    |> List.map (fun (name, lines) -> TestCaseData(name, lines).SetArgDisplayNames(name))

[<TestCaseSource(nameof pages)>]
let ``A page is as it was reviewed`` (name: string, lines: string list) =
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

        Assert.Fail $"{name}, line {i + 1}\nreviewed: {line reviewed}\nprinted:  {line lines}\n{again}"
