/// Every property of state resolution fails for some defect, and every listed defect is noticed.
module Matrix.Core.Tests.BrokenResolutionTests

open System.Collections.Generic
open FsCheck
open FsCheck.FSharp
open NUnit.Framework
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

let private cases =
    resolutions
    |> List.map (fun broken -> TestCaseData(broken).SetArgDisplayNames broken.Wrong)

let private sorted (names: seq<string>) = names |> Seq.sort |> String.concat ", "

[<TestCaseSource(nameof cases)>]
let ``A broken resolution is noticed`` (broken: BrokenResolutions.Broken) =
    let breaks = brokenBy (Resolving.defined broken.Version broken.Resolve)
    let scenarios = endsOtherwise broken.Resolve broken.Version

    Assert.That(sorted breaks, Is.EqualTo(sorted broken.Breaks))
    Assert.That(sorted scenarios, Is.EqualTo(sorted broken.Scenarios))

let private versions =
    [ Versions.v1; Versions.v10; Versions.v12 ]
    |> List.map (fun v -> TestCaseData(v).SetArgDisplayNames v.Id)

[<TestCaseSource(nameof versions)>]
let ``Neither the definition nor the resolver breaks a law`` (version: RoomVersion) =
    Assert.That(sorted (brokenBy (Resolving.defined version StateResReference.resolve)), Is.Empty)
    Assert.That(sorted (brokenBy (Resolving.production version)), Is.Empty)
    Assert.That(endsOtherwise StateResReference.resolve version, Is.Empty)

let private replayCases =
    BrokenReplays.all
    |> List.map (fun broken -> TestCaseData(broken).SetArgDisplayNames broken.Wrong)

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

[<TestCaseSource(nameof replayCases)>]
let ``A broken replay is noticed`` (broken: BrokenReplays.BrokenReplay) =
    let breaks = brokenByReplay (ReplayReference.replay broken.Habits)
    Assert.That(sorted breaks, Is.EqualTo(sorted broken.Breaks))

[<Test>]
let ``The definition of a replay breaks no law`` () =
    Assert.That(sorted (brokenByReplay (ReplayReference.replay ReplayReference.literal)), Is.Empty)

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
    |> List.map (fun (wrong, compared) -> TestCaseData(compared).SetArgDisplayNames wrong)

[<TestCaseSource(nameof comparisons)>]
let ``A broken comparison of trees is noticed`` (compared: Matrix.Core.State.StateTree[] -> StatesToResolve) =
    let property = StateResProperties.treesAreStates compared Versions.v10
    Assert.That((Checking.run 150 1UL property).Fault.IsSome, Is.True)

// Every event of an auth chain within the conflict is then in the conflicted subgraph or the auth difference, and so
// are the events between.
[<Test>]
let ``In version 2.1 auth chains do not leave the conflict`` () =
    let within = {
        Version2.revised with
            Below = AuthChains.chainWithin
    }

    let resolving = Resolving.defined Versions.v12 (Version2.resolveBy within)
    Assert.That(sorted (brokenBy resolving), Is.Empty)

[<Test>]
let ``Every law is broken by something`` () =
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

    Assert.That(sorted (laws - broken), Is.Empty)
    Assert.That(sorted (broken - laws), Is.Empty, "no such law")

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

[<Test>]
let ``The page lists the laws and scenarios that notice each defect`` () =
    let page =
        System.IO.Path.Combine(System.AppContext.BaseDirectory, "docs", "verification.md")
        |> System.IO.File.ReadAllLines

    // Below the heading and the line under it.
    let listed =
        page
        |> Array.skipWhile (fun line -> not (line.StartsWith("| what is wrong |", System.StringComparison.Ordinal)))
        |> Array.skip 2
        |> Array.takeWhile _.StartsWith('|')

    let lines = [
        for b in resolutions do
            let algorithm = b.Version.Settings.StateResolution.Name

            yield line b.Wrong algorithm b.Breaks b.Scenarios
        for b in BrokenReplays.all do
            yield line b.Wrong "any" b.Breaks []
    ]

    Assert.That(listed, Is.EqualTo(box (Array.ofList lines)), String.concat "\n" lines)
