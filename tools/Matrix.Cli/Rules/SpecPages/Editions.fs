namespace Matrix.Cli.Rules.SpecPages

open Matrix.Cli.Output

/// Opens the specification's repository for commands.
module internal Editions =

    /// The help of `--base`.
    [<Literal>]
    let BaseHelp =
        "the commit in which rules/sentences.json says where sentences are. Default: that of the release v1.19."

    /// The pages at a revision of the repository.
    let at (path: string) (revision: string) : Result<Specification, Ending> =
        Repository.at path revision
        |> Result.map Sentences.specification
        |> Result.mapError (Repository.words >> Misused)

    /// The pages of the edition that addresses are of.
    let addressed (path: string) (revision: string option) : Result<Specification, Ending> =
        at path (Option.defaultValue Repository.Release revision)
