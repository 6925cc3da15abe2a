/// State resolution with one thing changed: a room distinguishes each change, or it is listed as equivalent. Each step
/// has a law that fails without it.
module Matrix.Core.Tests.ResolutionMutationTests

open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Properties.Mutation
open Matrix.Properties.Properties
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Scenarios
open Matrix.Properties.Vectors.Generation

/// A version with each of the algorithms.
let private versions = [ Versions.v1; Versions.v11; Versions.v12 ]

let private tried =
    Map [
        for version in versions ->
            version.Id,
            lazy
                (ResolutionRun.run
                    (ResolutionRooms.ofVersion ResolutionRun.drawn version)
                    (ResolutionMutants.all version))
    ]

let private listed (version: RoomVersion) (mutant: ResolutionMutant) : bool =
    Equivalents.reasonFor Equivalents.all version Subject.StateResolution mutant.Rule mutant.Mutation
    |> Option.isSome

let private rooms =
    Map [
        for version in Versions.all -> version.Id, lazy (ResolutionRooms.ofVersion 120 version)
    ]

/// Whether a law fails for some room, and the number of rooms that meet its premise.
let private judge (version: RoomVersion) (law: Matrix.Properties.Law<Conflict>) resolve : bool * int =
    let rules = AuthRules version
    let resolving = Resolving.defined version resolve

    let conflicts =
        rooms[version.Id].Value
        |> Seq.map (fun room -> Conflict.ofStates resolving rules room.Graph room.States)
        |> Seq.cache

    conflicts |> Seq.exists (law.Holds >> not), conflicts |> Seq.filter law.About |> Seq.length

let private plan (rule: string) (equivalents: Equivalent list) : MutationPlan = {
    Files = [
        for file in VectorFiles.ofKinds [ "state-resolution" ] -> file, VectorFiles.parse file
    ]
    IsGenerated = GeneratedVectors.isGenerated
    Worlds = []
    Search = Search.Vectors
    Subjects = [ Subject.StateResolution ]
    Rooms = 400
    IsWanted = (=) rule
    Equivalents = equivalents
}

let private fates rule equivalents =
    Mutation.run (plan rule equivalents) ignore [ Versions.v11 ]
    |> List.map (fun fate -> fate.Mutation, fate)
    |> Map.ofList

let private isSecond (version: RoomVersion) =
    not version.Settings.StateResolution.IsByType

let tests =
    testList "ResolutionMutationTests" [
        testList "A room distinguishes every change of state resolution that is not listed as equivalent" [
            for version in versions do
                test version.Id {
                    let survived, wronglyListed =
                        tried[version.Id].Value
                        |> List.filter (fun (mutant, kill) -> kill.IsSome = listed version mutant)
                        |> List.partition (fun (_, kill) -> kill.IsNone)

                    let ids = List.map (fun (mutant: ResolutionMutant, _) -> mutant.Id)
                    Expect.isEmpty (ids survived) "survived"
                    Expect.isEmpty (ids wronglyListed) "wrongly listed"
                }
        ]

        testList "In the smallest room of a change, the resolver finds what the definition does, and the change not" [
            for version in versions do
                test version.Id {
                    let resolve = (Resolving.production version).In
                    let sizes = ResizeArray<int>()

                    for mutant, kill in tried[version.Id].Value do
                        match kill with
                        | None -> ()
                        | Some kill ->
                            let found = (resolve kill.Room.Graph kill.Room.States).Outcome
                            let literal = StateResReference.resolve kill.Room.Graph kill.Room.States
                            Expect.equal found.Resolved literal.Resolved mutant.Id
                            let changed = mutant.Resolve kill.Room.Graph kill.Room.States
                            Expect.notEqual changed.Resolved literal.Resolved mutant.Id
                            sizes.Add kill.Room.Size

                            let text = ResolutionRun.describe kill
                            Expect.stringStarts text $"a room of {kill.Room.Size} events: " "text"
                            Expect.stringContains text " resolves to " "text"

                    Expect.isLessThan (Seq.max sizes) 20 "the number of events of the largest"
                }
        ]

        testList "The resolver follows changed steps as the definition does" [
            for version in versions |> List.filter isSecond do
                test version.Id {
                    let changed =
                        ResolutionMutants.all version
                        |> List.choose (fun mutant ->
                            match mutant.Algorithm with
                            | Some algorithm when (StateResolutionAlgorithm.faults algorithm).IsEmpty ->
                                Some(mutant, algorithm)
                            | _ -> None)

                    Expect.isGreaterThan changed.Length 5 "number of changed"

                    for mutant, algorithm in changed do
                        let rules = AuthRules(StateResets.resolvingBy algorithm version)

                        for room in rooms[version.Id].Value do
                            match StatesAsSource.resolve rules room.Graph room.States with
                            | Ok found ->
                                Expect.equal
                                    (StatesAsSource.whole room.States found)
                                    (mutant.Resolve room.Graph room.States).Resolved
                                    mutant.Id
                            | Error error -> failtest $"%A{error}"
                }
        ]

        testList "Without a step its law fails" [
            for version in [ Versions.v2; Versions.v11; Versions.v12 ] do
                let mutants = ResolutionMutants.all version

                for step in StepLaws.all do
                    test $"{version.Id}, {step.Step}" {
                        let without =
                            mutants
                            |> List.filter (fun m -> List.contains (m.Rule, m.Mutation) step.Without)

                        Expect.isNonEmpty without step.Law.Name

                        for mutant in without do
                            let fails, _ = judge version step.Law mutant.Resolve
                            Expect.isTrue fails mutant.Id
                    }
        ]

        testList "With all steps each law holds" [
            for version in Versions.all |> List.filter isSecond do
                test version.Id {
                    for step in StepLaws.all do
                        let fails, met = judge version step.Law StateResReference.resolve
                        Expect.isFalse fails step.Law.Name
                        Expect.isGreaterThan met 30 step.Law.Name
                }
        ]

        test "The laws of the steps are among the properties of every version that has the steps" {
            for version in Versions.all |> List.filter isSecond do
                let names =
                    StateResProperties.all version @ StateResStepProperties.all version
                    |> List.map _.Name

                for step in StepLaws.all do
                    Expect.contains names $"{step.Law.Name}.{version.Id}" step.Step
        }

        test "Every row of state resolution has changes, and no two have the same name" {
            for version in Versions.all do
                let mutants = ResolutionMutants.all version

                let twice =
                    mutants |> List.countBy _.Id |> List.filter (fun (_, count) -> count > 1)

                Expect.isEmpty twice version.Id

                let rows =
                    Resolving.statements version
                    |> Statement.all
                    |> List.map _.Name
                    // What follows is said by the rows below it, or is not about resolving.
                    |> List.except [
                        "state.algorithm"
                        "state.after.message"
                        "state.after.state"
                        "state.before"
                        "state.resolve"
                    ]

                Expect.sameElements (mutants |> List.map _.Rule |> List.distinct) rows version.Id
        }

        test "A change that survives, or is wrongly listed, is a finding" {
            let rule, mutation = "state.mainline-position", "from the event itself"
            let known = fates rule Equivalents.all
            Expect.equal known[mutation].Status Status.Equivalent "status"

            let listing = {
                Subject = Subject.StateResolution
                Rule = rule
                Mutations = [ "the last one in the mainline" ]
                Versions = []
                Reason = "it was said so"
            }

            let found = fates rule [ listing ]
            let unlisted = found[mutation]
            Expect.equal unlisted.Status Status.Survived "status"
            Expect.isTrue unlisted.IsFinding "is finding"
            Expect.stringStarts unlisted.By "within " "by"

            let wrong = found["the last one in the mainline"]
            Expect.equal wrong.Status Status.WronglyListed "status"
            Expect.isTrue wrong.IsFinding "is finding"
            Expect.stringStarts wrong.By "a room of " "by"
        }

        test "Vectors, rooms and laws that distinguish a change are reported" {
            let found = fates "state.resolve.check-power-events" Equivalents.all

            let empty =
                found["start from an empty state map for start from the unconflicted state map"]

            Expect.equal empty.Origins [ Origin.GeneratedVector; Origin.Room; Origin.Law ] "origins"
            Expect.equal empty.Versions [ "11" ] "versions"
        }
    ]
