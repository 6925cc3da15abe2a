/// Reads versions whose tables somebody changed, from files.
module internal Matrix.Cli.Input.TableFiles

open System
open Matrix.Cli.Output
open Matrix.Properties.Vectors
open Matrix.Rules

/// A file of tables.
type ChangedVersion = {
    /// The version that the file names, as it is.
    Base: RoomVersion
    /// The same with the file's tables.
    Changed: RoomVersion
}

/// The help of `--table`.
[<Literal>]
let Usage =
    "a file with changed tables of a version, in the form of `mx rules show VERSION --format json`. What it leaves out \
     is as in that version."

/// The tables of a file, if the lint has nothing against them.
let read (file: string) : Result<ChangedVersion, Ending> =
    match Reading.file file with
    | Error ending -> Error ending
    | Ok bytes ->
        match RuleTables.read (ReadOnlySpan<byte> bytes) with
        | Error fault -> Error(Misused $"{file}: {fault}")
        | Ok changed ->
            match Lint.version changed, Versions.tryFindUnstable changed.Id with
            | first :: _, _ ->
                let name = if first.Name = "" then "the table" else first.Name
                Error(Misused $"{file}: {name} {first.What}")
            | [], None -> Error(Misused $"{file}: there is no room version '{changed.Id}'")
            | [], Some version -> Ok { Base = version; Changed = changed }
