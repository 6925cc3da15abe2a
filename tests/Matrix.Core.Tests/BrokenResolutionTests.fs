/// Every property of state resolution fails for some defect, and every listed defect is noticed.
module Matrix.Core.Tests.BrokenResolutionTests

open System.Collections.Generic
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
open Matrix.Properties.Reference
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Scenarios

let private lawsOf (version: RoomVersion) =
    StateResProperties.laws
    @ StateResStepProperties.laws version.Settings.StateResolution

let private drawn = lazy (Gen.sampleWithSeed (Rnd 20261120UL) 40 250 ForkGen.forked)

let private scenarios = StateResets.all @ StepsShown.all

/// Rooms of a version, and states in conflict: those of the scenarios, and drawn ones.
let private conflicts =
    Map [
        for version in [ Versions.v1; Versions.v10; Versions.v12 ] ->
            version.Id,
            lazy
                ((scenarios |> List.map (StateResets.drawn version))
                 @ [
                     for attempts, stale in drawn.Value ->
                         let room = ForkGen.rejecting (ForkGen.play version attempts) stale
                         room.Graph, ForkGen.statesOf room stale
                 ])
    ]

/// The laws that a resolver breaks, in scenarios and in drawn conflicts.
let private brokenBy (resolving: Resolving) : Set<string> =
    let rules = AuthRules resolving.Version

    (Set.empty, conflicts[resolving.Version.Id].Value)
    ||> List.fold (fun broken (graph, states) ->
        let conflict = Conflict.ofStates resolving rules graph states

        lawsOf resolving.Version
        |> List.filter (fun law -> not (broken.Contains law.Name) && not (law.Holds conflict))
        |> List.fold (fun broken law -> broken.Add law.Name) broken)

/// The scenarios whose result differs from that of the right algorithm.
let private endsOtherwise (resolve: RoomGraph -> StateMap list -> ResolutionOutcome) version =
    scenarios
    |> List.filter (fun scenario ->
        let graph, states = StateResets.drawn version scenario
        let found = (resolve graph states).Resolved.TryFind scenario.At
        found <> scenario.Leaves[version.Settings.StateResolution])
    |> List.map _.Name

let private resolutions = BrokenResolutions.ofSteps @ BrokenPasses.all

let private sorted (names: seq<string>) = names |> Seq.sort |> String.concat ", "

let private versions = [ Versions.v1; Versions.v10; Versions.v12 ]

let private rooms =
    lazy
        (Gen.sampleWithSeed (Rnd 20261120UL) 40 60 DagGen.steps
         |> Array.map (DagGen.play Versions.v10))

let private brokenByReplay (replaying: Replaying) : Set<string> =
    (Set.empty, rooms.Value)
    ||> Array.fold (fun broken events ->
        let room = {
            Version = Versions.v10
            Events = events
            Replaying = replaying
        }

        ReplayProperties.laws
        |> List.filter (fun law -> not (broken.Contains law.Name) && not (law.Holds room))
        |> List.fold (fun broken law -> broken.Add law.Name) broken)

/// Comparisons of trees with one defect.
let private comparisons =
    let conflicted (change: ConflictedEntry[] -> ConflictedEntry[]) trees =
        let states = TreesToResolve.ofTrees trees

        {
            states with
                Conflicted = change states.Conflicted
        }

    [
        "entries that only some states have are not conflicted",
        conflicted (Array.filter (fun e -> e.Events |> Array.forall (isNull >> not)))
        "only the first two states are compared",
        fun trees ->
            let states = TreesToResolve.ofTrees trees
            let few = TreesToResolve.ofTrees (Array.truncate 2 trees)

            let keys =
                few.Conflicted |> Array.map (fun e -> struct (e.Type, e.StateKey)) |> HashSet

            {
                states with
                    Conflicted =
                        states.Conflicted
                        |> Array.filter (fun e -> keys.Contains(struct (e.Type, e.StateKey)))
            }
    ]

/// A line of the page's table. Every defect breaks the law that the resolver is the definition, so that law is not
/// repeated.
let private line (wrong: string) (algorithm: string) (breaks: string list) (scenarios: string list) =
    let laws =
        breaks
        |> List.map (fun name -> name.Substring "state-res.".Length)
        |> List.filter (fun name -> name <> "is-the-definition" && name <> "state-before-and-after")
        |> List.map (fun name -> $"`{name}`")
        |> String.concat ", "

    let scenarios =
        scenarios |> List.map (fun name -> $"`{name}`") |> String.concat ", "

    $"| {wrong} | {algorithm} | {laws} | {scenarios} |"

let tests =
    testList "BrokenResolutionTests" [
        testList "A broken resolution is noticed" [
            for broken in resolutions do
                test broken.Wrong {
                    let breaks = brokenBy (Resolving.defined broken.Version broken.Resolve)
                    let scenarios = endsOtherwise broken.Resolve broken.Version

                    Expect.equal (sorted breaks) (sorted broken.Breaks) "breaks"
                    Expect.equal (sorted scenarios) (sorted broken.Scenarios) "scenarios"
                }
        ]

        testList "Neither the definition nor the resolver breaks a law" [
            for version in versions do
                test version.Id {
                    Expect.equal
                        (sorted (brokenBy (Resolving.defined version StateResReference.resolve)))
                        ""
                        "broken by"

                    Expect.equal (sorted (brokenBy (Resolving.production version))) "" "broken by"
                    Expect.isEmpty (endsOtherwise StateResReference.resolve version) "ends otherwise"
                }
        ]

        testList "A broken replay is noticed" [
            for broken in BrokenReplays.all do
                test broken.Wrong {
                    let breaks = brokenByReplay (ReplayReference.replay broken.Habits)
                    Expect.equal (sorted breaks) (sorted broken.Breaks) "breaks"
                }
        ]

        test "The definition of a replay breaks no law" {
            Expect.equal
                (sorted (brokenByReplay (ReplayReference.replay ReplayReference.literal)))
                ""
                "broken by replay"
        }

        testList "A broken comparison of trees is noticed" [
            for wrong, compared in comparisons do
                test wrong {
                    let property = StateResProperties.treesAreStates compared Versions.v10
                    Expect.isTrue (Checking.run 150 1UL property).Fault.IsSome "fault"
                }
        ]

        // Every event of an auth chain within the conflict is then in the conflicted subgraph or the auth difference,
        // and so are the events between.
        test "In version 2.1 auth chains do not leave the conflict" {
            let within = {
                Version2.revised with
                    Below = AuthChains.chainWithin
            }

            let resolving = Resolving.defined Versions.v12 (Version2.resolveBy within)
            Expect.equal (sorted (brokenBy resolving)) "" "broken by"
        }

        test "Every law is broken by something" {
            let broken =
                set [
                    for b in resolutions do
                        yield! b.Breaks
                    for b in BrokenReplays.all do
                        yield! b.Breaks
                ]

            let laws =
                set [
                    for version in [ Versions.v1; Versions.v10; Versions.v12 ] do
                        for law in lawsOf version -> law.Name
                    for law in ReplayProperties.laws -> law.Name
                ]

            Expect.equal (sorted (laws - broken)) "" "laws"
            Expect.equal (sorted (broken - laws)) "" "no such law"
        }

        test "The page lists the laws and scenarios that notice each defect" {
            let page =
                System.IO.Path.Combine(System.AppContext.BaseDirectory, "docs", "verification.md")
                |> System.IO.File.ReadAllLines

            // Below the heading and the line under it.
            let listed =
                page
                |> Array.skipWhile (fun line ->
                    not (line.StartsWith("| what is wrong |", System.StringComparison.Ordinal)))
                |> Array.skip 2
                |> Array.takeWhile _.StartsWith('|')

            let lines = [
                for b in resolutions do
                    let algorithm = b.Version.Settings.StateResolution.Name

                    yield line b.Wrong algorithm b.Breaks b.Scenarios
                for b in BrokenReplays.all do
                    yield line b.Wrong "any" b.Breaks []
            ]

            Expect.equal listed (Array.ofList lines) (String.concat "\n" lines)
        }
    ]
