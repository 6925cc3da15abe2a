module Matrix.Rules.Tests.Check

open Expecto
open Matrix.Testing

/// Structural equality, both sides shown when it fails.
let equal (expected: 'a) (actual: 'a) : unit =
    Expect.equal actual expected "the value"
