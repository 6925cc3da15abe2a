/// Tables of rules with one thing changed: the vectors tell each from its version, or it is listed as one that nothing could tell.
module Matrix.Core.Tests.MutationTests

open System
open System.IO
open NUnit.Framework
open Matrix.Core.Json
open Matrix.Properties.Mutation
open Matrix.Properties.SmallWorlds
open Matrix.Properties.Vectors
open Matrix.Properties.Vectors.Generation
open Matrix.Rules

let private folder = Path.Combine(AppContext.BaseDirectory, "vectors")

let private parse (file: string) : VectorFile =
    match Vectors.read (ReadOnlySpan<byte>(File.ReadAllBytes(Path.Combine(folder, file)))) with
    | Ok read -> read
    | Error fault -> failwith $"{file}: {fault}"

let private files =
    lazy
        ([
            "authorization/clauses.json"
            "authorization/decisions.json"
            "authorization/mutants.json"
            "authorization/published.json"
            "event/power-level.json"
            "event/redaction.json"
         ]
         |> List.map (fun file -> file, parse file))

let private without (names: string list) =
    files.Value |> List.filter (fun (name, _) -> not (List.contains name names))

let private fates files versions =
    Mutation.run files [] Search.Vectors ignore versions

let private all = lazy (fates files.Value Versions.all)

[<Test>]
let ``The vectors tell every mutant of every version that is not listed as making no difference`` () =
    let findings =
        all.Value
        |> List.filter _.IsFinding
        |> List.map (fun f -> $"{f.Status} {f.Versions} {f.Id}: {f.By}")

    Assert.That(findings, Is.Empty)
    Assert.That(all.Value.Length, Is.GreaterThan 5000)

[<Test>]
let ``Every rule, selection and row of every version has mutants, and no two have the same name`` () =
    for version in Versions.all do
        let named = Mutants.ofAuthorization version @ Mutants.ofRedaction version
        let twice = named |> List.countBy _.Id |> List.filter (fun (_, count) -> count > 1)
        Assert.That(twice, Is.Empty, version.Id)

        let changed subject =
            named |> List.filter (fun m -> m.Subject = subject) |> List.map _.Rule |> set

        let rules = Rule.all version.Authorization |> List.map Rule.name |> set
        Assert.That(rules - changed Subject.Authorization, Is.Empty, version.Id)
        Assert.That((version.Selections |> List.map _.Name |> set) - changed Subject.Selection, Is.Empty, version.Id)
        Assert.That((version.Redaction.Content.Keys |> set) - changed Subject.Redaction, Is.Empty, version.Id)
        Assert.That(changed Subject.Setting, Does.Contain "power-level-values", version.Id)

[<Test>]
let ``A weakened suite lets mutants survive, and says which`` () =
    let weak =
        fates (without [ "authorization/clauses.json"; "authorization/mutants.json" ]) [ Versions.v9 ]

    let survivors = weak |> List.filter (fun f -> f.Status = Status.Survived)
    Assert.That(survivors.Length, Is.GreaterThan 500)
    Assert.That(survivors |> List.map _.Id, Does.Contain "authorization/member.join.banned: dropped")

    // Nothing about redaction is left to tell its mutants.
    let blind = fates (without [ "event/redaction.json" ]) [ Versions.v12 ]

    Assert.That(
        blind
        |> List.filter (fun f -> f.Subject = Subject.Redaction)
        |> List.forall (fun f -> f.Status <> Status.Killed)
    )

[<Test>]
let ``Without the vectors that are kept for them, some mutants are told by a small world alone, which is named`` () =
    let version = Versions.v7

    let inWorlds =
        Mutation.run
            (without [ "authorization/mutants.json"; "authorization/clauses.json" ])
            [ JoinWorld.world; MemberWorld.world ]
            (Search.Worlds 97L)
            ignore
            [ version ]

    let told =
        inWorlds
        |> List.filter (fun f ->
            f.Status = Status.Killed
            && f.By.StartsWith("world \"joins\"", StringComparison.Ordinal))

    Assert.That(told |> List.map _.Id, Does.Contain "authorization/member.join.banned: dropped")

/// What decides, each way it can, by version.
let private deciding: (string * string * bool) list = [
    for version in Versions.all do
        for rule in Rule.all version.Authorization do
            let name = Rule.name rule

            match rule with
            | Rule.Clause(_, _, outcome, _) -> version.Id, name, outcome = Outcome.Allow
            | Rule.Iff _ ->
                version.Id, name, true
                version.Id, name, false
            | Rule.Scope _
            | Rule.ForEach _ -> ()
]

[<Test>]
let ``Every rule that decides has a vector that it decides, each way, in every version`` () =
    let clauses = parse GeneratedVectors.ClausesFile

    let shown =
        set [
            for v in clauses.Vectors do
                match v.Expected.TryFind "clause", v.Expected.TryFind "allowed" with
                | ValueSome(Json.String clause), ValueSome(Json.Bool allowed) -> v.Version, clause, allowed
                | _ -> ()
        ]

    Assert.That(set deciding - shown, Is.Empty)

[<Test; Category "Slow">]
let ``The vectors of the rules are those that are generated`` () =
    let file = File.ReadAllText(Path.Combine(folder, GeneratedVectors.ClausesFile))
    Assert.That((GeneratedVectors.clauses () = file), "write them anew: mx vectors generate tests/vectors")
