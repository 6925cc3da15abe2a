namespace Matrix.Cli.Rules.SpecPages

open System
open System.Diagnostics
open System.Text

/// Why the specification cannot be read.
[<RequireQualifiedAccess>]
type internal RepositoryFault =
    | GitMissing
    | NotARepository of path: string
    | CommitMissing of path: string * revision: string

/// A commit of a repository, bare or not. Its files are read as git objects, so a work tree does not matter.
type internal Repository = {
    Path: string
    /// The commit's full name.
    Commit: string
}

/// Reads repositories with the program `git`.
module internal Repository =

    /// The commit of the release that the tables follow (v1.19).
    [<Literal>]
    let Release = "b9c3d5ed3b0b46b2b025b4a427119036bc9ed71a"

    /// The first characters of a commit's name.
    let short (commit: string) : string = commit[.. min 9 (commit.Length - 1)]

    /// The message for a user.
    let words (fault: RepositoryFault) : string =
        match fault with
        | RepositoryFault.GitMissing -> "git is not installed"
        | RepositoryFault.NotARepository path -> $"{path}: not a git repository"
        | RepositoryFault.CommitMissing(path, revision) ->
            $"{path}: has no commit '{revision}' (a shallow clone may lack it: git fetch origin {revision})"

    let private run (path: string) (arguments: string list) : Result<(int * string), RepositoryFault> =
        let info =
            ProcessStartInfo(
                "git",
                [ "-C"; path ] @ arguments,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                StandardOutputEncoding = Encoding.UTF8
            )

        // The named repository is read, whatever a hook that calls `mx` says.
        for name in [ "GIT_DIR"; "GIT_WORK_TREE"; "GIT_COMMON_DIR"; "GIT_OBJECT_DIRECTORY" ] do
            info.Environment.Remove name |> ignore

        // Replaced objects, prompts and locks are no business of a reader.
        for name, value in
            [
                "GIT_NO_REPLACE_OBJECTS", "1"
                "GIT_TERMINAL_PROMPT", "0"
                "GIT_OPTIONAL_LOCKS", "0"
            ] do
            info.Environment[name] <- value

        try
            match Option.ofObj (Process.Start info) with
            | None -> Error RepositoryFault.GitMissing
            | Some started ->
                use running = started
                running.ErrorDataReceived.Add ignore
                running.BeginErrorReadLine()
                let text = running.StandardOutput.ReadToEnd()
                running.WaitForExit()
                Ok(running.ExitCode, text)
        with :? ComponentModel.Win32Exception ->
            Error RepositoryFault.GitMissing

    /// The repository at a path, at a revision such as `HEAD` or a tag.
    let at (path: string) (revision: string) : Result<Repository, RepositoryFault> =
        match run path [ "rev-parse"; "--git-dir" ] with
        | Error fault -> Error fault
        | Ok _ when path = "" -> Error(RepositoryFault.NotARepository "''")
        | Ok(code, _) when code <> 0 -> Error(RepositoryFault.NotARepository path)
        | Ok _ ->
            match
                run path [
                    "rev-parse"
                    "--verify"
                    "--quiet"
                    "--end-of-options"
                    revision + "^{commit}"
                ]
            with
            | Ok(0, commit) -> Ok { Path = path; Commit = commit.Trim() }
            | Ok _ -> Error(RepositoryFault.CommitMissing(path, revision))
            | Error fault -> Error fault

    /// The text of a file; none if the commit does not have it.
    let file (repository: Repository) (name: string) : string option =
        match run repository.Path [ "show"; repository.Commit + ":" + name ] with
        | Ok(0, text) -> Some text
        | _ -> None
