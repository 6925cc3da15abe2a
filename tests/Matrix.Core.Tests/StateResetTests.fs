/// Rooms with a state reset, and the smallest rooms in which the versions of state resolution differ.
module Matrix.Core.Tests.StateResetTests

open NUnit.Framework
open Matrix.Rules
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Scenarios
open Matrix.Properties.SmallWorlds

let private scenarios =
    StateResets.all @ StepsShown.all
    |> List.map (fun s -> TestCaseData(s).SetArgDisplayNames s.Name)

let private nothing = "nothing"

let private left version scenario =
    match StateResets.play version scenario with
    | Ok id -> Option.defaultValue nothing id
    | Error error -> failwith $"%A{error}"

[<TestCaseSource(nameof scenarios)>]
let ``A scenario has the stated result`` (scenario: StateResets.Scenario) =
    let expected algorithm =
        scenario.Leaves[algorithm] |> Option.defaultValue nothing

    // Real versions, each with its own algorithm; then one version's rules with the others' algorithms.
    for version in
        [
            Versions.v1
            Versions.v2
            Versions.v6
            Versions.v10
            Versions.v11
            Versions.v12
        ] do
        let own = version.Settings.StateResolution
        Assert.That(left version scenario, Is.EqualTo(expected own), $"version {version.Id}")

    for algorithm in
        [
            StateResolutionAlgorithm.V1
            StateResolutionAlgorithm.V2
            StateResolutionAlgorithm.V2_1
        ] do
        for version in [ Versions.v11; Versions.v12 ] do
            let version = StateResets.resolvingBy algorithm version

            Assert.That(
                left version scenario,
                Is.EqualTo(expected algorithm),
                $"{algorithm} with rules of {version.Id}"
            )

[<Test>]
let ``Seven shapes are reset by version 2 and not by version 2.1`` () =
    let mended =
        StateResets.all
        |> List.filter (fun s -> s.Leaves[StateResolutionAlgorithm.V2] <> s.Leaves[StateResolutionAlgorithm.V2_1])

    Assert.That(mended.Length, Is.EqualTo 7)

[<Test>]
let ``Small rooms are ordered by size`` () =
    // A second state without an entry at the key counts as an act.
    let sizes =
        Forks.upTo 2 Forks.Clock.Rising Versions.v11
        |> Seq.map (fun fork ->
            fork.Acts.Length
            + (if fork.Behind |> List.forall (snd >> Option.isSome) then
                   0
               else
                   1))
        |> Seq.toList

    TestContext.Out.WriteLine $"{sizes.Length} rooms"
    Assert.That(sizes, Is.Ordered)
    Assert.That(sizes.Length, Is.GreaterThan 50)

let private pairs = [
    for version, a, b in
        [
            Versions.v2, StateResolutionAlgorithm.V1, StateResolutionAlgorithm.V2
            Versions.v12, StateResolutionAlgorithm.V2, StateResolutionAlgorithm.V2_1
            Versions.v12, StateResolutionAlgorithm.V1, StateResolutionAlgorithm.V2_1
        ] -> TestCaseData(version, a, b).SetArgDisplayNames(version.Id, string a, string b)
]

[<TestCaseSource(nameof pairs)>]
let ``The versions of state resolution differ in a small room, and never where states are equal``
    (version: RoomVersion, a: StateResolutionAlgorithm, b: StateResolutionAlgorithm)
    =
    match Forks.difference 3 version a b with
    | None -> Assert.Fail "no room tells them apart"
    | Some(fork, x, y) ->
        let acts = fork.Acts |> List.map string |> String.concat ", "
        TestContext.Out.WriteLine $"{acts}; behind at %A{fork.Behind}: %A{x} and %A{y}"
        Assert.That(fork.Acts.Length, Is.LessThanOrEqualTo 2)
        Assert.That((x <> y), Is.True)

        for state in fork.States do
            let agreed = { fork with States = [ state; state ] }
            Assert.That((Forks.resolve a agreed = Forks.resolve b agreed), Is.True)

let private drawn = [
    for scenario in StateResets.all @ StepsShown.all do
        for version in [ Versions.v1; Versions.v2; Versions.v11; Versions.v12 ] do
            TestCaseData(version, scenario).SetArgDisplayNames(version.Id, scenario.Name)
]

[<TestCaseSource(nameof drawn)>]
let ``Every event of a scenario's room is allowed by its auth events``
    (version: RoomVersion, scenario: StateResets.Scenario)
    =
    let graph, _ = StateResets.drawn version scenario

    let refused =
        graph.Events.Keys
        |> Seq.filter (fun id ->
            let state = AuthEvents.accepted graph id

            let state =
                if graph.Events[id].Type = "m.room.create" then
                    state
                else
                    AuthEvents.withCreate graph state

            not (IterativeAuthChecks.passes graph state id))

    Assert.That(refused, Is.Empty)
