/// The checkout in which `mx` runs.
module internal Matrix.Cli.Sources.Checkout

open System
open System.IO

/// The project of the rules, in a checkout.
[<Literal>]
let Rules = "rules/Matrix.Rules"

/// The file of the project.
[<Literal>]
let Project = "Matrix.Rules.fsproj"

/// The root of the checkout, if `mx` runs in one.
let find () : Result<string, SourceFault> =
    let start =
        match Environment.GetEnvironmentVariable "MATRIX_HOME" with
        | NonNull home when home <> "" -> home
        | _ -> Directory.GetCurrentDirectory()

    let rec above (folder: DirectoryInfo | null) =
        match folder with
        | null -> Error(SourceFault.NoCheckout start)
        | folder when File.Exists(Path.Combine(folder.FullName, Rules, Project)) -> Ok folder.FullName
        | folder -> above folder.Parent

    above (DirectoryInfo start)
