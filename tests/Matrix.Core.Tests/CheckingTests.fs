/// What counts as a checked property, and as a fault of one.
module Matrix.Core.Tests.CheckingTests

open FsCheck.FSharp
open NUnit.Framework
open Matrix.Properties

let private numbers = Gen.choose (0, 99)

[<Test>]
let ``An exception of a property is its fault`` () =
    let property =
        Property.forAll "p" "" numbers (fun n -> if n > 50 then invalidOp "too much" else true)

    Assert.That((Checking.run 100 1UL property).Fault |> Option.get, Does.Contain "too much")

[<Test>]
let ``An exception of what draws the values is the property's fault`` () =
    let property =
        Property.forAll "p" "" (numbers |> Gen.map (fun _ -> invalidOp "nothing to draw")) (fun () -> true)

    Assert.That((Checking.run 100 1UL property).Fault |> Option.get, Does.Contain "nothing to draw")

[<Test>]
let ``Values that meet the premise are counted`` () =
    let property =
        Property.forAllIf "p" "" numbers (fun _ -> Seq.empty) (fun n -> if n % 2 = 0 then Some true else None)

    let found = Checking.run 100 1UL property
    Assert.That((found.Tests, found.Fault), Is.EqualTo(box (100, (None: string option))))
    Assert.That(found.Met, Is.InRange(30, 70))

[<Test>]
let ``More values are drawn where few meet the premise`` () =
    let property =
        Property.forAllIf "p" "" numbers (fun _ -> Seq.empty) (fun n -> if n < 10 then Some true else None)

    let found = Checking.run 100 1UL property
    Assert.That(found.Tests, Is.EqualTo 1000)
    Assert.That(found.Met, Is.GreaterThanOrEqualTo Checking.enough)

[<Test>]
let ``A property whose premise is never met is not enough checked`` () =
    let property =
        Property.forAllIf "p" "" numbers (fun _ -> Seq.empty) (fun _ -> (None: bool option))

    let found = Checking.run 100 1UL property
    Assert.That((found.Met, found.Fault), Is.EqualTo(box (0, (None: string option))))
    Assert.That(found.Met, Is.LessThan Checking.enough)
