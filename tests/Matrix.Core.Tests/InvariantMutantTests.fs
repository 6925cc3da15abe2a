/// The invariants alone, without any vector, notice every mutant whose verdicts differ from its version's.
module Matrix.Core.Tests.InvariantMutantTests

open Expecto
open Matrix.Testing
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
    Mutation.byStatements InvariantRun.invariants files.Value portions version
    |> List.choose (fun (mutant, noticed) ->
        match noticed with
        | Noticed.Nowhere case -> Some $"{mutant.Id}: {case}"
        | _ -> None)

let private groups = Worlds.groups Versions.withUnstable |> List.map List.head

/// Each version with a wrong value of a setting that authorization reads.
let private wrongSettings = [
    for group in Worlds.groups Versions.all do
        for mutant in Mutants.ofAuthorization group.Head do
            if mutant.Subject = Subject.Setting then
                group.Head, mutant
]

let tests =
    testList "InvariantMutantTests" [
        testList "No mutant passes the invariants alone where a vector shows another verdict" [
            for version in groups do
                test version.Id { Expect.isEmpty (unnoticed [] version) "unnoticed" }
        ]

        test "Most mutants that are not equivalent are noticed by invariants, the others differ in the reason alone" {
            let version = Versions.v12
            let all = Mutation.byStatements InvariantRun.invariants files.Value [] version

            let noticed =
                all
                |> List.filter (fun (_, noticed) ->
                    match noticed with
                    | Noticed.By _ -> true
                    | _ -> false)

            Expect.isGreaterThan noticed.Length (all.Length * 8 / 10) "number of noticed"

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
                Expect.isTrue (dropped rule) rule
        }

        testList "A handwritten vector tells a wrong setting" [
            for version, mutant in wrongSettings do
                test $"{version.Id}, {mutant.Id}" {
                    let handwritten =
                        files.Value
                        |> List.filter (fun (file, _) -> not (GeneratedVectors.isGenerated file))

                    Expect.isTrue (Mutation.isDistinguished handwritten version mutant) "is distinguished"
                }
        ]

        test "Versions that decide alike by mistake are still judged by the claims about each" {
            let mistaken = {
                Versions.v10 with
                    Id = "11"
                    Parent = Some "10"
            }

            let groups = Worlds.groups [ Versions.v10; mistaken ] |> List.map (List.map _.Id)
            Expect.equal groups [ [ "10" ]; [ "11" ] ] "groups"
        }

        // Invariants select versions by number, so that a missing rule does not switch an invariant off.
        testTheory "A version that lacks a rule has all its invariants" [
            "member.knock"
            "member.join.restricted"
            "power-levels.named"
            "power-levels.creators"
            "create.additional-creators"
        ]
        <| fun rule ->
            let names (version: RoomVersion) =
                Invariants.of' version |> List.map _.Name

            let lacking = {
                Versions.v12 with
                    Authorization = Rule.edit (Edit.Remove rule) Versions.v12.Authorization
            }

            Expect.equal (names lacking) (names Versions.v12) "names"
    ]

let slow =
    testList "InvariantMutantTests" [
        testList "No mutant passes the invariants alone where a small world shows another verdict" [
            for version in groups do
                test version.Id { Expect.isEmpty (unnoticed [ 4999L; 97L ] version) "unnoticed" }
        ]

        // The words of invariants for creators, power and levels are those of the version's page, and not of its
        // settings: a version whose settings are wrong breaks its invariants, whoever asks.
        testList "A version with a wrong setting breaks an invariant" [
            for version, mutant in wrongSettings do
                test $"{version.Id}, {mutant.Id}" {
                    let survey = DecisionLaws.sample mutant.Table DecisionLaws.few 1UL

                    let broken = [
                        for finding in survey.Findings do
                            if finding.Broken.Count > 0L then
                                finding.Invariant.Name
                    ]

                    stdout.WriteLine(String.concat ", " broken)
                    Expect.isNonEmpty broken "broken"
                }
        ]
    ]
