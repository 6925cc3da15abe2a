/// The properties of state resolution and of its steps, for versions with each of the algorithms.
module Matrix.Core.Tests.StateResProps

open FsCheck
open FsCheck.FSharp
open NUnit.Framework
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.StateRes
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Properties
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Scenarios

let private properties =
    [
        Versions.v1
        Versions.v2
        Versions.v7
        Versions.v10
        Versions.v11
        Versions.v12
    ]
    |> List.collect (fun version ->
        StateResProperties.all version
        @ StateResStepProperties.all version
        @ ReplayProperties.all version)
    |> List.map (fun p -> TestCaseData(p).SetName p.Name)

[<TestCaseSource(nameof properties)>]
let Property (property: Property) =
    property.Run(Config.QuickThrowOnFailure.WithMaxTest 150)

/// Versions whose resolution differs from that of a version of the specification in one step.
let private amended: (string * RoomVersion * RoomVersion) list =
    let edited (version: RoomVersion) edits =
        let amendment: Amendment = {
            Msc = "MSC0"
            Title = ""
            Why = ""
            Touches = [ "setting/state-resolution" ]
            Changes = edits |> List.map Change.Resolution
        }

        Assert.That(Lint.amendment version amendment, Is.Empty)
        version, Flatten.apply version amendment

    let gather part = ResolutionStep.Gather part

    [
        "starting from nothing",
        edited Versions.v11 [
            ResolutionEdit.Replace(ResolutionStep.StartFrom Start.Unconflicted, ResolutionStep.StartFrom Start.Empty)
        ]
        "with the subgraph",
        edited Versions.v11 [
            ResolutionEdit.InsertAfter(gather ConflictedPart.AuthDifference, gather ConflictedPart.Subgraph)
        ]
        "without the auth difference",
        edited Versions.v11 [ ResolutionEdit.Remove(gather ConflictedPart.AuthDifference) ]
        "the unconflicted state not kept", edited Versions.v12 [ ResolutionEdit.Remove ResolutionStep.KeepUnconflicted ]
    ]
    |> List.map (fun (name, (before, after)) -> name, before, after)

let private amendedNames = amended |> List.map (fun (name, _, _) -> name)

[<TestCaseSource(nameof amendedNames)>]
let ``The resolver and the literal definition both follow an amendment of one step`` (name: string) =
    let _, before, after = amended |> List.find (fun (other, _, _) -> other = name)
    let mutable otherwise = 0

    for attempts, stale in Gen.sampleWithSeed (Rnd 20260709UL) 40 400 ForkGen.forked do
        let room = ForkGen.play before attempts
        let states = ForkGen.statesOf room stale

        let graph = { room.Graph with Version = after }
        let literal = (StateResReference.resolve graph states).Resolved
        let found = ((Resolving.production after).In graph states).Outcome.Resolved

        if found <> literal then
            Assert.Fail $"%A{states}"

        if literal <> (StateResReference.resolve room.Graph states).Resolved then
            otherwise <- otherwise + 1

    Assert.That(otherwise, Is.Positive, "the step makes no difference")

/// Algorithms that an amendment may give a version, and that no property of state resolution may accuse.
let private rightAlgorithms =
    let named name (algorithm: StateResolutionAlgorithm) = { algorithm with Name = name }

    [
        for name, _, after in amended do
            if name = "starting from nothing" || name = "with the subgraph" then
                name, after
        "another name", StateResets.resolvingBy (named "2.2" StateResolutionAlgorithm.V2_1) Versions.v12
        "another name of version 2", StateResets.resolvingBy (named "2.0" StateResolutionAlgorithm.V2) Versions.v11
    ]
    |> List.map (fun (name, version) -> TestCaseData(version).SetArgDisplayNames name)

[<TestCaseSource(nameof rightAlgorithms)>]
let ``No property accuses a right amendment of the algorithm`` (version: RoomVersion) =
    for property in StateResProperties.all version @ StateResStepProperties.all version do
        let found = Checking.run 100 1UL property
        Assert.That(found.Fault, Is.EqualTo None, property.Name)
        Assert.That(found.Met, Is.GreaterThanOrEqualTo Checking.enough, property.Name)

/// The numbers of generated conflicts of a version that show each feature.
let private survey (version: RoomVersion) (count: int) : Map<string, int> =
    let conflicts = Gen.sampleWithSeed (Rnd 20260708UL) 40 count ForkGen.forked

    (Map.empty, conflicts)
    ||> Array.fold (fun seen (attempts, stale) ->
        let room = ForkGen.play version attempts
        let states = ForkGen.statesOf room stale
        let right = StateResReference.resolve room.Graph states

        let wrong = Version2.resolveWith AuthDifference.ofDifferences room.Graph states

        let shown = [
            if not right.AuthDifference.IsEmpty then
                "an auth difference"
            if not right.Subgraph.IsEmpty then
                "a subgraph"
            if right.PowerOrder.Length > 1 then
                "several power events"
            if right.MainlineOrder.Length > 1 then
                "several other events"
            if wrong.AuthDifference <> right.AuthDifference then
                "a shared past taken for a difference"
            if wrong.Resolved <> right.Resolved then
                "a state that goes wrong by it"
        ]

        (seen, shown)
        ||> List.fold (fun seen what -> seen.Add(what, 1 + (seen.TryFind what |> Option.defaultValue 0))))

[<TestCase("10")>]
[<TestCase("12")>]
let ``Generated rooms have every kind of conflict`` (id: string) =
    let version = Versions.tryFind id |> Option.get
    let seen = survey version 400
    TestContext.Out.WriteLine $"%A{seen}"

    for what in
        [
            "an auth difference"
            "several power events"
            "several other events"
            "a shared past taken for a difference"
            "a state that goes wrong by it"
            if id = "12" then
                "a subgraph"
        ] do
        Assert.That(seen.TryFind what |> Option.defaultValue 0, Is.GreaterThan 0, what)

[<Test>]
let ``Generated rooms of version 1 have every kind of conflict`` () =
    let seen =
        (Map.empty, Gen.sampleWithSeed (Rnd 20260708UL) 40 400 ForkGen.forked)
        ||> Array.fold (fun seen (attempts, stale) ->
            let room = ForkGen.rejecting (ForkGen.play Versions.v1 attempts) stale
            let states = ForkGen.statesOf room stale
            let outcome = StateResReference.resolve room.Graph states

            let authorises (eventType, _) =
                List.contains eventType [ "m.room.power_levels"; "m.room.join_rules"; "m.room.member" ]

            let shown = [
                for key, order, chosen in outcome.Settled do
                    if authorises key && chosen = List.last order then
                        "climbed to the end"

                    if authorises key && chosen <> List.last order then
                        "stopped on the way"

                    if not (authorises key) && chosen = order.Head then
                        "picked the deepest"

                    if not (authorises key) && chosen <> order.Head then
                        "picked another"
                if
                    outcome.Resolved
                    |> Map.exists (fun key _ -> states |> List.exists (fun s -> not (s.ContainsKey key)))
                then
                    "kept what some lack"
            ]

            (seen, List.distinct shown)
            ||> List.fold (fun seen what -> seen.Add(what, 1 + (seen.TryFind what |> Option.defaultValue 0))))

    TestContext.Out.WriteLine $"%A{seen}"

    for what in
        [
            "climbed to the end"
            "stopped on the way"
            "picked the deepest"
            "picked another"
            "kept what some lack"
        ] do
        Assert.That(seen.TryFind what |> Option.defaultValue 0, Is.GreaterThan 0, what)

[<Test>]
let ``Generated histories fork, merge with conflicts, and have refused events`` () =
    let rules = AuthRules Versions.v10

    let seen =
        Gen.sampleWithSeed (Rnd 20260708UL) 40 60 DagGen.steps
        |> Array.map (fun steps ->
            match Replay.Run(rules, DagGen.play Versions.v10 steps, ResolutionLimits.Usual) with
            | Ok replay ->
                let merges =
                    replay.Events
                    |> Array.filter (fun e -> e.Pdu.PrevEvents.Length > 1)
                    |> Array.length

                merges,
                replay.Extremities.Length,
                replay.Events |> Array.filter _.Rejection.IsSome |> Array.length,
                replay.Resolution.Steps.Visited
            | Error error -> failwith $"%A{error}")

    let count holds =
        seen |> Array.filter holds |> Array.length

    TestContext.Out.WriteLine $"%A{seen}"
    Assert.That(count (fun (merges, _, _, _) -> merges > 1), Is.GreaterThan 20, "merges")
    Assert.That(count (fun (_, extremities, _, _) -> extremities > 1), Is.GreaterThan 20, "forks")
    Assert.That(count (fun (_, _, rejected, _) -> rejected > 0), Is.GreaterThan 20, "refused events")
    Assert.That(count (fun (_, _, _, visited) -> visited > 0), Is.GreaterThan 10, "conflicts at the end")
