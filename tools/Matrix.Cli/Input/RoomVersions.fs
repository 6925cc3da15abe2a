/// Finds room versions, areas and rules by their names on the command line.
module internal Matrix.Cli.Input.RoomVersions

open Matrix.Cli.Output
open Matrix.Rules
open Matrix.Rules.Printing

/// The version of that name, stable or unstable.
let find (id: string) : Result<RoomVersion, Ending> =
    match Versions.tryFindUnstable id with
    | Some version -> Ok version
    | None ->
        let known = Versions.withUnstable |> List.map _.Id |> String.concat ", "
        Error(Misused("there is no room version '" + id + "': expected one of " + known))

/// The help of `--room-version` where the default is all versions.
[<Literal>]
let OneOfAll = "one room version. Default: every stable one."

/// The version of that name; all stable ones without a name.
let wanted (id: string option) : Result<RoomVersion list, Ending> =
    match id with
    | None -> Ok Versions.all
    | Some id -> find id |> Result.map List.singleton

/// Whether a dotted name is the requested one, or begins with it and a dot; always true without a request.
let isMeant (asked: string option) (name: string) : bool =
    match asked with
    | None -> true
    | Some asked -> name = asked || name.StartsWith(asked + ".", System.StringComparison.Ordinal)

/// The area of that name; all of them without a name.
let areas (name: string option) : Result<Area list, Ending> =
    match name with
    | None -> Ok Areas.all
    | Some name ->
        match Areas.tryFind name with
        | Some area -> Ok [ area ]
        | None ->
            let known = Areas.all |> List.map Areas.name |> String.concat ", "
            Error(Misused("--area: there is no area '" + name + "': expected one of " + known))
