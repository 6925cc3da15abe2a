module Matrix.Rules.Tests.Main

open Matrix.Testing

[<EntryPoint>]
let main arguments =
    let tests = [
        VersionTests.tests
        OutlineTests.tests
        LintTests.tests
        PrintingTests.tests
        GoldenTests.tests
    ]

    Running.run "Matrix.Rules.Tests" arguments tests []
