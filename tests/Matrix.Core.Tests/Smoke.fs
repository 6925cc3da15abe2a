module Matrix.Core.Tests.Smoke

open NUnit.Framework

[<Test>]
let ``The suite runs`` () = Assert.That(1 + 1, Is.EqualTo 2)
