/// The invariants alone, without any vector, notice every mutant whose verdicts differ from its version's.
module Matrix.Core.Tests.InvariantMutantTests

open NUnit.Framework
open Matrix.Properties.Mutation
open Matrix.Properties.Properties
open Matrix.Properties.SmallWorlds
open Matrix.Properties.Vectors.Generation
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

/// Each version with a wrong value of a setting that authorization reads.
let private wrongSettings = [
    for group in Worlds.groups Versions.all do
        for mutant in Mutants.ofAuthorization group.Head do
            if mutant.Subject = Subject.Setting then
                TestCaseData(group.Head, mutant).SetArgDisplayNames(group.Head.Id, mutant.Id)
]

/// The words of invariants for creators, power and levels are those of the version's page, and not of its settings: a
/// version whose settings are wrong breaks its invariants, whoever asks.
[<TestCaseSource(nameof wrongSettings)>]
[<Category "Slow">]
let ``A version with a wrong setting breaks an invariant`` (_: RoomVersion, mutant: Mutant) =
    let survey = DecisionLaws.sample mutant.Table DecisionLaws.few 1UL

    let broken = [
        for finding in survey.Findings do
            if finding.Broken.Count > 0L then
                finding.Invariant.Name
    ]

    TestContext.Out.WriteLine(String.concat ", " broken)
    Assert.That(broken, Is.Not.Empty)

[<TestCaseSource(nameof wrongSettings)>]
let ``A handwritten vector tells a wrong setting`` (version: RoomVersion, mutant: Mutant) =
    let handwritten =
        files.Value
        |> List.filter (fun (file, _) -> not (GeneratedVectors.isGenerated file))

    Assert.That(Mutation.isDistinguished handwritten version mutant, Is.True)

[<Test>]
let ``Versions that decide alike by mistake are still judged by the claims about each`` () =
    let mistaken = {
        Versions.v10 with
            Id = "11"
            Parent = Some "10"
    }

    let groups = Worlds.groups [ Versions.v10; mistaken ] |> List.map (List.map _.Id)
    Assert.That(groups, Is.EqualTo(box [ [ "10" ]; [ "11" ] ]))

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
