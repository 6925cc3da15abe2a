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

/// The tables of a file, and what the lint has against them.
let readWithFindings (file: string) : Result<ChangedVersion * Finding list, Ending> =
    match Reading.file file with
    | Error ending -> Error ending
    | Ok bytes ->
        match RuleTables.read (ReadOnlySpan<byte> bytes) with
        | Error fault -> Error(Misused $"{file}: {fault}")
        | Ok changed ->
            match Versions.tryFindUnstable changed.Id with
            | None -> Error(Misused $"{file}: there is no room version '{changed.Id}'")
            | Some version -> Ok({ Base = version; Changed = changed }, Lint.version changed)

/// The tables of a file, if the lint has nothing against them.
let read (file: string) : Result<ChangedVersion, Ending> =
    match readWithFindings file with
    | Error ending -> Error ending
    | Ok(_, first :: _) ->
        let name = if first.Name = "" then "the table" else first.Name
        Error(Misused $"{file}: {name} {first.What}")
    | Ok(table, []) -> Ok table
