/// Reads a git repository.
module internal Matrix.Cli.Sources.Git

open System.Formats.Tar
open System.IO
open System.Text

let private git (root: string) (arguments: string list) : Result<Processes.Ran, SourceFault> =
    match Processes.run "git" ("-C" :: root :: arguments) with
    | Some ran -> Ok ran
    | None -> Error SourceFault.NoGit

/// The id of an object that a name leads to.
let private id (root: string) (name: string) : Result<string option, SourceFault> =
    git root [ "rev-parse"; "--verify"; "--quiet"; "--end-of-options"; name ]
    |> Result.map (fun ran ->
        if ran.Code = 0 then
            Some((Encoding.UTF8.GetString ran.Output).Trim())
        else
            None)

/// The commit and the tree of its rules.
let commit (root: string) (revision: string) : Result<string * string, SourceFault> =
    match id root (revision + "^{commit}") with
    | Error fault -> Error fault
    | Ok None -> Error(SourceFault.NoRevision revision)
    | Ok(Some commit) ->
        match id root $"{commit}:{Checkout.Rules}" with
        | Error fault -> Error fault
        | Ok None -> Error(SourceFault.NoRules revision)
        | Ok(Some tree) -> Ok(commit, tree)

/// Writes the rules of a commit to a folder.
let extract (root: string) (commit: string) (folder: string) : Result<unit, SourceFault> =
    git root [ "archive"; "--format=tar"; commit; Checkout.Rules ]
    |> Result.bind (fun ran ->
        if ran.Code <> 0 then
            Error(SourceFault.NoRules commit)
        else
            use bytes = new MemoryStream(ran.Output)
            TarFile.ExtractToDirectory(bytes, folder, true)
            Ok())
