/// Tables that were compiled before, in the user's cache folder: a folder for each digest of their sources and of this
/// program, with a file for each version.
module internal Matrix.Cli.Sources.TablesCache

open System
open System.IO
open System.Security.Cryptography
open System.Text
open Matrix.Core.Json
open Matrix.Properties.Vectors
open Matrix.Rules

/// So many folders are kept, the last used ones.
let private most = 20

let private root () : string =
    let cache =
        match Environment.GetEnvironmentVariable "XDG_CACHE_HOME" with
        | NonNull folder when Path.IsPathRooted folder -> folder
        | _ -> Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".cache")

    Path.Combine(cache, "matrix-hybrid", "rules")

/// This program: what writes and reads the files.
let private tool =
    let idOf (kind: Type) = string kind.Module.ModuleVersionId

    $"{idOf typeof<SourceFault>} {idOf typeof<VectorFault>} {idOf typeof<RoomVersion>}"

let private digest (sources: string) : string =
    Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(tool + "\n" + sources)))

/// The folder of sources with this digest, or another text that is theirs alone.
let folderOf (sources: string) : string =
    Path.Combine(root (), (digest sources).Substring(0, 32))

/// The digest of files and their names.
let ofFiles (files: string list) : string =
    use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256

    for file in files do
        hash.AppendData(Encoding.UTF8.GetBytes(file + "\n"))
        hash.AppendData(SHA256.HashData(File.ReadAllBytes file))

    Convert.ToHexStringLower(hash.GetHashAndReset())

let private index = "index.json"

let private fileOf (folder: string) (id: string) =
    Path.Combine(folder, "version-" + id + ".json")

let private object (pairs: (string * Json) list) : Json =
    Json.Object(JsonObject.OfSeq [ for name, value in pairs -> struct (name, value) ])

let private indexOf (read: CompiledRules.Read) : Json =
    object [
        "versions",
        Json.Array [|
            for version in read.Versions ->
                object [
                    "id", Json.String version.Id
                    "known", Json.String version.Known
                    match version.Parent with
                    | Some parent -> "parent", Json.String parent
                    | None -> ()
                ]
        |]
        "findings",
        Json.Array [|
            for finding in read.Findings ->
                object [
                    "where", Json.String finding.Where
                    "name", Json.String finding.Name
                    "what", Json.String finding.What
                ]
        |]
    ]

let private deleteOld (folder: string) =
    for old in
        DirectoryInfo(folder).GetDirectories()
        |> Array.sortByDescending _.LastWriteTimeUtc
        |> Array.skip (min most (DirectoryInfo(folder).GetDirectories().Length)) do
        old.Delete true

let private writeAll (folder: string) (read: CompiledRules.Read) : unit =
    let parent = Path.GetDirectoryName folder |> string
    Directory.CreateDirectory parent |> ignore

    let written =
        Directory.CreateDirectory(folder + "." + Path.GetRandomFileName()).FullName

    for version in read.Versions do
        File.WriteAllText(fileOf written version.Id, CanonicalJson.text version.Tables)

    File.WriteAllText(Path.Combine(written, index), CanonicalJson.text (indexOf read))

    try
        Directory.Move(written, folder)
    with :? IOException ->
        // Another process was as quick.
        Directory.Delete(written, true)

    deleteOld parent

/// Writes tables to their folder, at once or not at all.
let write (folder: string) (read: CompiledRules.Read) : Result<unit, SourceFault> =
    try
        Ok(writeAll folder read)
    with
    | :? UnauthorizedAccessException
    | :? IOException as fault -> Error(SourceFault.NoCache fault.Message)

/// A version in a folder.
type Kept = {
    Id: string
    Known: string
    Parent: string option
}

/// The versions of a folder, and what the lint found; none if it is not there.
let read (folder: string) : (Kept list * Finding list) option =
    let file = Path.Combine(folder, index)

    if not (File.Exists file) then
        None
    else
        Directory.SetLastWriteTimeUtc(folder, DateTime.UtcNow)

        match
            JsonReader.ParseObject(
                ReadOnlySpan<byte>(File.ReadAllBytes file),
                Matrix.Core.Json.Reading.Client,
                JsonLimits.federationBody
            )
        with
        | Error _ -> None
        | Ok index ->
            let items (name: string) (read: JsonObject -> 'a) : 'a list =
                match index.TryFind name with
                | ValueSome(Json.Array items) -> [
                    for item in items do
                        match item with
                        | Json.Object o -> read o
                        | _ -> ()
                  ]
                | _ -> []

            let text (o: JsonObject) (name: string) = o.Text name |> string

            Some(
                items "versions" (fun o -> {
                    Id = text o "id"
                    Known = text o "known"
                    Parent = o.Text "parent" |> Option.ofObj
                }),
                items "findings" (fun o -> {
                    Where = text o "where"
                    Name = text o "name"
                    What = text o "what"
                })
            )

/// The tables of a version in a folder.
let tables (where: string) (folder: string) (id: string) : Result<RoomVersion, SourceFault> =
    let file = fileOf folder id

    if not (File.Exists file) then
        Error(SourceFault.OtherForm(where, $"{file} is missing"))
    else
        match RuleTables.readWhole (ReadOnlySpan<byte>(File.ReadAllBytes file)) with
        | Ok version -> Ok version
        | Error fault -> Error(SourceFault.OtherForm(where, $"version {id}: {fault}"))
