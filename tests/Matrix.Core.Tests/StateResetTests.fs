/// Rooms with a state reset, and the smallest rooms in which the versions of state resolution differ.
module Matrix.Core.Tests.StateResetTests

open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Scenarios
open Matrix.Properties.SmallWorlds

let private scenarios = StateResets.all @ StepsShown.all

let private nothing = "nothing"

let private left version scenario =
    match StateResets.play version scenario with
    | Ok id -> Option.defaultValue nothing id
    | Error error -> failwith $"%A{error}"

let private pairs = [
    Versions.v2, StateResolutionAlgorithm.V1, StateResolutionAlgorithm.V2
    Versions.v12, StateResolutionAlgorithm.V2, StateResolutionAlgorithm.V2_1
    Versions.v12, StateResolutionAlgorithm.V1, StateResolutionAlgorithm.V2_1
]

let tests =
    testList "StateResetTests" [
        testList "A scenario has the stated result" [
            for scenario in scenarios do
                test scenario.Name {
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
                        Expect.equal (left version scenario) (expected own) $"version {version.Id}"

                    for algorithm in
                        [
                            StateResolutionAlgorithm.V1
                            StateResolutionAlgorithm.V2
                            StateResolutionAlgorithm.V2_1
                        ] do
                        for version in [ Versions.v11; Versions.v12 ] do
                            let version = StateResets.resolvingBy algorithm version

                            Expect.equal
                                (left version scenario)
                                (expected algorithm)
                                $"{algorithm} with rules of {version.Id}"
                }
        ]

        test "Seven shapes are reset by version 2 and not by version 2.1" {
            let mended =
                StateResets.all
                |> List.filter (fun s ->
                    s.Leaves[StateResolutionAlgorithm.V2] <> s.Leaves[StateResolutionAlgorithm.V2_1])

            Expect.equal mended.Length 7 "number of mended"
        }

        test "Small rooms are ordered by size" {
            // A second state without an entry at the key counts as an act.
            let sizes =
                Forks.upTo 2 Forks.Clock.Rising Versions.v11
                |> Seq.map (fun fork ->
                    fork.Actions.Length
                    + (if fork.Behind |> List.forall (snd >> Option.isSome) then
                           0
                       else
                           1))
                |> Seq.toList

            stdout.WriteLine $"{sizes.Length} rooms"
            Expect.isAscending sizes "sizes"
            Expect.isGreaterThan sizes.Length 50 "number of sizes"
        }

        testList "The versions of state resolution differ in a small room, and never where states are equal" [
            for version, a, b in pairs do
                test $"{version.Id}, {a}, {b}" {
                    match Forks.difference 3 version a b with
                    | None -> failtest "no room tells them apart"
                    | Some(fork, x, y) ->
                        let actions = fork.Actions |> List.map string |> String.concat ", "
                        stdout.WriteLine $"{actions}; behind at %A{fork.Behind}: %A{x} and %A{y}"
                        Expect.isLessThanOrEqual fork.Actions.Length 2 "number of acts"
                        Expect.notEqual x y "the value"

                        for state in fork.States do
                            let agreed = { fork with States = [ state; state ] }
                            Expect.equal (Forks.resolve a agreed) (Forks.resolve b agreed) "resolve"
                }
        ]

        testList "Every event of a scenario's room is allowed by its auth events" [
            for scenario in scenarios do
                for version in [ Versions.v1; Versions.v2; Versions.v11; Versions.v12 ] do
                    test $"{version.Id}, {scenario.Name}" {
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

                        Expect.isEmpty refused "refused"
                    }
        ]
    ]
