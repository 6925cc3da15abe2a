/// The invariants alone, without any vector, notice every mutant whose verdicts differ from its version's.
module Matrix.Core.Tests.InvariantMutantTests

open NUnit.Framework
open Matrix.Properties.Mutation
open Matrix.Properties.SmallWorlds
open Matrix.Rules

let private files =
    lazy
        (VectorFiles.ofKinds [ "authorization"; "power-level" ]
         |> Array.map (fun file -> file, VectorFiles.parse file)
         |> List.ofArray)

let private unnoticed (portions: int64 list) (version: RoomVersion) : string list =
    Mutation.byInvariants files.Value portions version
    |> List.choose (fun (mutant, noticed) ->
        match noticed with
        | Noticed.Nowhere case -> Some $"{mutant.Id}: {case}"
        | _ -> None)

let private groups =
    Worlds.groups Versions.withUnstable
    |> List.map (fun group -> TestCaseData(group.Head).SetArgDisplayNames group.Head.Id)

[<TestCaseSource(nameof groups)>]
let ``No mutant passes the invariants alone where a vector shows another verdict`` (version: RoomVersion) =
    Assert.That(unnoticed [] version, Is.Empty)

[<TestCaseSource(nameof groups)>]
[<Category "Slow">]
let ``No mutant passes the invariants alone where a small world shows another verdict`` (version: RoomVersion) =
    Assert.That(unnoticed [ 4999L; 97L ] version, Is.Empty)

[<Test>]
let ``Most mutants that are not equivalent are noticed by invariants, and the others differ in the reason alone`` () =
    let version = Versions.v12
    let all = Mutation.byInvariants files.Value [] version

    let noticed =
        all
        |> List.filter (fun (_, noticed) ->
            match noticed with
            | Noticed.By _ -> true
            | _ -> false)

    Assert.That(noticed.Length, Is.GreaterThan(all.Length * 8 / 10))

    let dropped rule =
        noticed |> List.exists (fun (m, _) -> m.Id = $"authorization/{rule}: dropped")

    for rule in
        [
            "member.join.invited"
            "member.knock"
            "member.leave.self"
            "member.join.restricted"
            "third-party-invite"
        ] do
        Assert.That(dropped rule, rule)

/// Invariants select versions by number, so that a missing rule does not switch an invariant off.
[<TestCase "member.knock">]
[<TestCase "member.join.restricted">]
[<TestCase "power-levels.named">]
[<TestCase "power-levels.creators">]
[<TestCase "create.additional-creators">]
let ``A version that lacks a rule has all its invariants`` (rule: string) =
    let names (version: RoomVersion) =
        Invariants.of' version |> List.map _.Name

    let lacking = {
        Versions.v12 with
            Authorization = Rule.edit (Edit.Remove rule) Versions.v12.Authorization
    }

    Assert.That(names lacking, Is.EqualTo(box (names Versions.v12)))
