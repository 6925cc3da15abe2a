/// The properties of state resolution and of its steps, for versions with each of the algorithms.
module Matrix.Core.Tests.StateResProps

open FsCheck
open FsCheck.FSharp
open Expecto
open Matrix.Testing
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

        Expect.isEmpty (Lint.amendment version amendment) "amendment"
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

let tests =
    testList "StateResProps" [
        testProperties 150 properties

        testList "The resolver and the literal definition both follow an amendment of one step" [
            for name, before, after in amended do
                test name {
                    let mutable otherwise = 0

                    for attempts, stale in Gen.sampleWithSeed (Rnd 20260709UL) 40 400 ForkGen.forked do
                        let room = ForkGen.play before attempts
                        let states = ForkGen.statesOf room stale

                        let graph = { room.Graph with Version = after }
                        let literal = (StateResReference.resolve graph states).Resolved
                        let found = ((Resolving.production after).In graph states).Outcome.Resolved

                        if found <> literal then
                            failtest $"%A{states}"

                        if literal <> (StateResReference.resolve room.Graph states).Resolved then
                            otherwise <- otherwise + 1

                    Expect.isGreaterThan otherwise 0 "the step makes no difference"
                }
        ]

        testList "No property accuses a right amendment of the algorithm" [
            for name, version in rightAlgorithms do
                test name {
                    for property in StateResProperties.all version @ StateResStepProperties.all version do
                        let found = Checking.run 100 1UL property
                        Expect.equal found.Fault None property.Name
                        Expect.isGreaterThanOrEqual found.Met Checking.enough property.Name
                }
        ]

        testTheory "Generated rooms have every kind of conflict" [ "10"; "12" ]
        <| fun id ->
            let version = Versions.tryFind id |> Option.get
            let seen = survey version 400
            stdout.WriteLine $"%A{seen}"

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
                Expect.isGreaterThan (seen.TryFind what |> Option.defaultValue 0) 0 what

        test "Generated rooms of version 1 have every kind of conflict" {
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

            stdout.WriteLine $"%A{seen}"

            for what in
                [
                    "climbed to the end"
                    "stopped on the way"
                    "picked the deepest"
                    "picked another"
                    "kept what some lack"
                ] do
                Expect.isGreaterThan (seen.TryFind what |> Option.defaultValue 0) 0 what
        }

        test "Generated histories fork, merge with conflicts, and have refused events" {
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

            stdout.WriteLine $"%A{seen}"
            Expect.isGreaterThan (count (fun (merges, _, _, _) -> merges > 1)) 20 "merges"
            Expect.isGreaterThan (count (fun (_, extremities, _, _) -> extremities > 1)) 20 "forks"
            Expect.isGreaterThan (count (fun (_, _, rejected, _) -> rejected > 0)) 20 "refused events"
            Expect.isGreaterThan (count (fun (_, _, _, visited) -> visited > 0)) 10 "conflicts at the end"
        }
    ]
