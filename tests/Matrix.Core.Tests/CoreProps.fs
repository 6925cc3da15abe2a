/// The properties of `Matrix.Properties` on the core's modules, each a test of its own.
module Matrix.Core.Tests.CoreProps

open FsCheck
open NUnit.Framework
open Matrix.Properties
open Matrix.Properties.Properties

let private properties =
    AllProperties.ofNoVersion |> Seq.map (fun p -> TestCaseData(p).SetName p.Name)

[<TestCaseSource(nameof properties)>]
let Property (property: Property) =
    property.Run(Config.QuickThrowOnFailure.WithMaxTest 300)
