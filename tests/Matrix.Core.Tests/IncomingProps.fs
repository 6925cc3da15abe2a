/// The properties of the room machine, for versions of each kind.
module Matrix.Core.Tests.IncomingProps

open FsCheck
open NUnit.Framework
open Matrix.Rules
open Matrix.Properties
open Matrix.Properties.Properties

let private properties =
    [ Versions.v1; Versions.v6; Versions.v11; Versions.v12 ]
    |> List.collect (fun version -> IncomingProperties.all version @ RoomMachineProperties.all version)
    |> List.map (fun p -> TestCaseData(p).SetName p.Name)

[<TestCaseSource(nameof properties)>]
let Property (property: Property) =
    property.Run(Config.QuickThrowOnFailure.WithMaxTest 40)
