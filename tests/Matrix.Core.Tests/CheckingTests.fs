/// What counts as a checked property, and as a fault of one.
module Matrix.Core.Tests.CheckingTests

open FsCheck.FSharp
open Expecto
open Matrix.Testing
open Matrix.Properties

let private numbers = Gen.choose (0, 99)

let tests =
    testList "CheckingTests" [
        test "An exception of a property is its fault" {
            let property =
                Property.forAll "p" "" numbers (fun n -> if n > 50 then invalidOp "too much" else true)

            Expect.stringContains ((Checking.run 100 1UL property).Fault |> Option.get) "too much" "fault"
        }

        test "An exception of what draws the values is the property's fault" {
            let property =
                Property.forAll "p" "" (numbers |> Gen.map (fun _ -> invalidOp "nothing to draw")) (fun () -> true)

            Expect.stringContains ((Checking.run 100 1UL property).Fault |> Option.get) "nothing to draw" "fault"
        }

        test "Values that meet the premise are counted" {
            let property =
                Property.forAllIf "p" "" numbers (fun _ -> Seq.empty) (fun n -> if n % 2 = 0 then Some true else None)

            let found = Checking.run 100 1UL property
            Expect.equal (found.Tests, found.Fault) (100, (None: string option)) "found"
            Expect.isBetween found.Met (30, 70) "met"
        }

        test "More values are drawn where few meet the premise" {
            let property =
                Property.forAllIf "p" "" numbers (fun _ -> Seq.empty) (fun n -> if n < 10 then Some true else None)

            let found = Checking.run 100 1UL property
            Expect.equal found.Tests 1000 "tests"
            Expect.isGreaterThanOrEqual found.Met Checking.enough "met"
        }

        test "A property whose premise is never met is not enough checked" {
            let property =
                Property.forAllIf "p" "" numbers (fun _ -> Seq.empty) (fun _ -> (None: bool option))

            let found = Checking.run 100 1UL property
            Expect.equal (found.Met, found.Fault) (0, (None: string option)) "found"
            Expect.isLessThan found.Met Checking.enough "met"
        }
    ]
