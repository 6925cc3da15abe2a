module Matrix.Rules.Tests.Check

open NUnit.Framework

/// Structural equality, both sides shown when it fails.
let equal (expected: 'a) (actual: 'a) : unit =
    if actual <> expected then
        Assert.Fail $"expected %A{expected}\nbut got  %A{actual}"
