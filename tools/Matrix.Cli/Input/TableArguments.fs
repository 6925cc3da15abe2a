/// Finds versions by what the command line calls them: `12`, `FILE.json` or `REVISION:12`.
module internal Matrix.Cli.Input.TableArguments

open System
open System.IO
open Matrix.Cli.Input.TableFiles
open Matrix.Cli.Output
open Matrix.Cli.Sources
open Matrix.Rules

/// A version, and what to call it.
type NamedVersion = {
    /// Such as `12`, `changed.json` or `HEAD~1:12`.
    Name: string
    /// The version under that id that this program knows, as it is, and with the tables that are meant.
    Table: ChangedVersion
    /// Whether the tables are those of a file or of a revision.
    IsGiven: bool
} with

    /// Its tables.
    member this.Version = this.Table.Changed

    /// The same under its name, to be printed. Events are made and read under the id that this program knows.
    member this.Printed: RoomVersion = { this.Version with Id = this.Name }

/// The help of an argument.
[<Literal>]
let Usage =
    "a room version, such as 12; a file in the form of `mx rules show 12 --format json`; or a version of a git \
     revision, such as HEAD~1:12."

/// A version that this program knows.
let known (version: RoomVersion) : NamedVersion = {
    Name = version.Id
    Table = { Base = version; Changed = version }
    IsGiven = false
}

/// Whether an argument calls a file.
let isFile (argument: string) : bool =
    argument.EndsWith(".json", StringComparison.Ordinal)

/// The tables of a file.
let ofFile (file: string) (table: ChangedVersion) : NamedVersion = {
    Name = string (Path.GetFileName file)
    Table = table
    IsGiven = true
}

/// A version of sources. Its base is the one that this program knows under that id.
let ofSource (name: string) (version: RuleSources.SourceVersion) : NamedVersion =
    let tables = version.Tables

    {
        Name = name
        Table = {
            Base = Versions.tryFindUnstable tables.Id |> Option.defaultValue tables
            Changed = tables
        }
        IsGiven = true
    }

let private ofRevision (name: string) (revision: string) (id: string) : Result<NamedVersion, Ending> =
    use line = new Progress()

    RuleSources.ofRevision line.Show revision
    |> Result.bind (fun source -> RuleSources.version source id)
    |> Result.map (ofSource name)
    |> Result.mapError SourceFault.ending

/// The version that an argument calls.
let find (argument: string) : Result<NamedVersion, Ending> =
    match Versions.tryFindUnstable argument, argument.LastIndexOf ':' with
    | Some version, _ -> Ok(known version)
    | None, _ when isFile argument -> read argument |> Result.map (ofFile argument)
    | None, at when at > 0 -> ofRevision argument (argument.Substring(0, at)) (argument.Substring(at + 1))
    | None, _ ->
        let known = Versions.withUnstable |> List.map _.Id |> String.concat ", "

        Error(
            Misused(
                $"there is no room version '{argument}': expected one of {known}, a file that ends with .json, or a \
                  version of a git revision, such as HEAD~1:12"
            )
        )

/// The version that an argument calls; all stable ones without an argument.
let wanted (argument: string option) : Result<NamedVersion list, Ending> =
    match argument with
    | None -> Ok(List.map known Versions.all)
    | Some argument -> find argument |> Result.map List.singleton
