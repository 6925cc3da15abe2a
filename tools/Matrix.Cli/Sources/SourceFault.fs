namespace Matrix.Cli.Sources

open Matrix.Cli.Output

/// Why the rules of a checkout or of a git revision cannot be read.
[<RequireQualifiedAccess>]
type internal SourceFault =
    /// There is no checkout around: where one was looked for.
    | NoCheckout of folder: string
    /// Git is not installed.
    | NoGit
    | NoRevision of name: string
    /// The revision has no rules in F#.
    | NoRules of where: string
    /// The SDK that compiles F# is not installed.
    | NoCompiler
    /// The first lines of the compiler.
    | DoesNotCompile of where: string * errors: string list
    /// Its rules have a form that this program does not know.
    | OtherForm of where: string * what: string
    | NoVersion of where: string * id: string * known: string list
    /// The cache folder cannot be written.
    | NoCache of reason: string

module internal SourceFault =

    /// How a command ends with it.
    let ending (fault: SourceFault) : Ending =
        match fault with
        | SourceFault.NoCheckout folder ->
            Misused $"expected to run in a checkout of Matrix.Hybrid: {folder} is in none"
        | SourceFault.NoGit -> Refused "git is not installed: revisions cannot be read"
        | SourceFault.NoRevision name -> Misused $"there is no revision '{name}' in this repository"
        | SourceFault.NoRules where -> Misused $"{where} has no rules/Matrix.Rules"
        | SourceFault.NoCompiler -> Refused "the .NET SDK is not installed: rules in F# cannot be compiled"
        | SourceFault.DoesNotCompile(where, errors) ->
            let lines = errors |> String.concat "; "
            Refused $"the rules of {where} do not compile: {lines}"
        | SourceFault.OtherForm(where, what) ->
            Refused $"the rules of {where} have a form that this mx does not know: {what}"
        | SourceFault.NoCache reason -> Refused $"the cache folder (XDG_CACHE_HOME) cannot be written: {reason}"
        | SourceFault.NoVersion(where, id, known) ->
            let known = known |> String.concat ", "
            Misused $"{where} has no room version '{id}': expected one of {known}"
