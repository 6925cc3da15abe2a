/// The model of how several nodes write to one database: its laws hold in all interleavings up to a bound, and notice
/// each guard that is left out.
module Matrix.Core.Tests.Cluster.ProtocolTests

open Expecto
open Microsoft.FSharp.Reflection
open Matrix.Testing
open Matrix.Properties.ClusterProtocol

/// More states than any world here has.
let private most = 2_000_000

/// A counterexample as a text; none if the laws hold.
let private fault (counterexample: Counterexample option) : string | null =
    match counterexample with
    | Some found ->
        found.Trace
        |> List.map Step.describe
        |> String.concat "\n"
        |> sprintf "%s: %s\n%s" found.Law found.Meaning
    | None -> null

let private oneRequest =
    Defects.all
    |> List.map _.World
    |> List.find (fun world -> world.Name = "one-request")

/// The most steps of a shortest counterexample.
let private longest = 41

let private guardsOf (guards: Guards) : (string * bool) list = [
    for field in FSharpType.GetRecordFields typeof<Guards> -> field.Name, field.GetValue guards = box true
]

let tests =
    testList "Cluster.ProtocolTests" [
        testList "The protocol without a guard is noticed" [
            for defect in Defects.all do
                test defect.Meaning {
                    match (Exploration.run defect.World defect.Guards most).Counterexample with
                    | Some found ->
                        Expect.equal found.Law defect.Law "law"
                        Expect.isBetween found.Trace.Length (1, longest) "steps"
                    | None -> failtest "no law failed"
                }
        ]

        test "Each guard is left out by some defect" {
            let kept =
                Defects.all
                |> List.map (fun defect -> guardsOf defect.Guards |> List.filter snd |> List.map fst |> Set.ofList)
                |> Set.intersectMany

            Expect.isEmpty kept "guards that no defect leaves out"
        }

        testList "Some guards are not needed beside the others" [
            for name, guards in Defects.redundant do
                test $"The protocol is right if {name}" {
                    let explored = Exploration.run oneRequest guards most
                    Expect.isNull (fault explored.Counterexample) "counterexample"
                    Expect.isTrue explored.IsWhole "whole"
                }
        ]

        test "An exploration that ends early says so" {
            let explored = Exploration.run oneRequest Guards.all 100
            Expect.isFalse explored.IsWhole "whole"
            Expect.isNull (fault explored.Counterexample) "counterexample"
        }

        test "A counterexample is told in words" {
            let defect = Defects.all |> List.find (fun defect -> defect.Name = "answers")

            match (Exploration.run defect.World defect.Guards most).Counterexample with
            | Some found ->
                let words = List.map Step.describe found.Trace
                Expect.contains words "A sends the commit." "words"
            | None -> failtest "no law failed"
        }

        test "Random walks through larger worlds break no law" {
            let world = Walk.world 3 8 4 4
            let walks = [ for seed in 1UL .. 20UL -> Walk.run world Guards.all seed 300 ]

            for walked in walks do
                Expect.isNull (fault walked.Counterexample) "counterexample"

            Expect.isGreaterThan (walks |> List.sumBy _.Faults) 20 "faults"
        }

        test "The same seed gives the same walk" {
            let again () =
                Walk.run (Walk.world 2 6 3 3) Guards.all 7UL 200

            let first = again ()
            Expect.equal (again ()) first "again"
        }

        test "Random walks notice a missing fence, and tell it in few steps" {
            let guards = {
                Guards.all with
                    FenceIsChecked = false
            }

            let found =
                Seq.init 50 (fun seed -> Walk.run (Walk.world 2 6 3 2) guards (uint64 seed) 300)
                |> Seq.tryPick _.Counterexample

            match found with
            | Some found -> Expect.isBetween found.Trace.Length (1, 30) "steps"
            | None -> failtest "fifty seeds, and nothing was noticed"
        }
    ]

/// Worlds that take seconds.
let slow =
    testList "Cluster.ProtocolTests.slow" [
        for world in World.all do
            test $"{world.Meaning} All laws hold in every interleaving" {
                let explored = Exploration.run world Guards.all most
                Expect.isNull (fault explored.Counterexample) "counterexample"
                Expect.isTrue explored.IsWhole "whole"
                Expect.isGreaterThan explored.States 1000 "states"
            }
    ]
