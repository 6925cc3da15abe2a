/// The properties of `Matrix.Properties` on the core's modules, each a test of its own.
module Matrix.Core.Tests.CoreProps

open Expecto
open Matrix.Testing
open Matrix.Properties
open Matrix.Properties.Properties

let tests = testList "CoreProps" [ testProperties 300 AllProperties.ofNoVersion ]
