/// Reads somebody's own claims from files.
module internal Matrix.Cli.Input.ClaimFiles

open System
open Matrix.Cli.Output
open Matrix.Properties.Claims
open Matrix.Rules

/// The help of `--claims`.
[<Literal>]
let Usage =
    "a file with claims of your own, in the form of `mx rules claims VERSION --format json`. Only these are asked."

/// The claims of a file.
let read (file: string) : Result<Claim list, Ending> =
    Reading.file file
    |> Result.bind (fun bytes ->
        match ClaimJson.read (ReadOnlySpan<byte> bytes) with
        | Ok claims -> Ok claims
        | Error fault -> Error(Misused $"{file}: {fault}"))

/// The claims of a file, some of which have to be about these versions.
let readAbout (versions: RoomVersion list) (file: string) : Result<Claim list, Ending> =
    read file
    |> Result.bind (fun claims ->
        if versions |> List.forall (fun version -> (Claims.about version claims).IsEmpty) then
            let ids = versions |> List.map _.Id |> String.concat ", "
            Error(Misused $"{file}: no claim in it is about version {ids}: see since and until")
        else
            Ok claims)
