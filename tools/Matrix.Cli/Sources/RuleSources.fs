/// The rules of the checkout and of git revisions, compiled.
module internal Matrix.Cli.Sources.RuleSources

open System
open System.IO
open Matrix.Rules

/// The versions of some sources.
type RuleSource = {
    /// What they are of, in words: `this checkout`, or a revision.
    Where: string
    Folder: string
    Versions: TablesCache.Kept list
    /// What their own lint finds.
    Findings: Finding list
}

/// A version of some sources.
type SourceVersion = {
    /// Its name there.
    Id: string
    Parent: string option
    /// Its tables, under the name of the nearest version that this program knows.
    Tables: RoomVersion
}

let private kept (where: string) (folder: string) : RuleSource option =
    TablesCache.read folder
    |> Option.map (fun (versions, findings) -> {
        Where = where
        Folder = folder
        Versions = versions
        Findings = findings
    })

/// From the cache, or compiled. `sources` writes the sources to an empty folder, or names the folder where they are.
let private compiled
    (where: string)
    (digest: string)
    (strict: bool)
    (progress: string -> unit)
    (sources: string -> Result<string, SourceFault>)
    : Result<RuleSource, SourceFault> =
    let folder = TablesCache.folderOf $"{strict} {digest}"

    match kept where folder with
    | Some source -> Ok source
    | None ->
        progress $"compiling the rules of {where}: half a minute at most, on idle processors"
        let temporary = Directory.CreateTempSubdirectory "mx-rules-"

        try
            let assembly = Path.Combine(temporary.FullName, "Matrix.Rules.dll")

            sources temporary.FullName
            |> Result.bind (fun project -> Compiler.compile where project strict assembly)
            |> Result.bind (fun () -> CompiledRules.read where assembly)
            |> Result.bind (fun read ->
                match TablesCache.write folder read, kept where folder with
                | Error fault, _ -> Error fault
                | Ok(), Some source -> Ok source
                | Ok(), None -> Error(SourceFault.OtherForm(where, $"{folder} cannot be read")))
        finally
            temporary.Delete true

/// The rules of a revision.
let ofRevision (progress: string -> unit) (revision: string) : Result<RuleSource, SourceFault> =
    Checkout.find ()
    |> Result.bind (fun root ->
        Git.commit root revision
        |> Result.bind (fun (commit, tree) ->
            compiled revision tree false progress (fun folder ->
                Git.extract root commit folder
                |> Result.map (fun () -> Path.Combine(folder, Checkout.Rules)))))

/// The rules of the checkout as they are now.
let ofCheckout (progress: string -> unit) : Result<RuleSource, SourceFault> =
    Checkout.find ()
    |> Result.bind (fun root ->
        let where, project = "this checkout", Path.Combine(root, Checkout.Rules)

        Compiler.sources where project
        |> Result.bind (fun sources ->
            let files =
                Path.Combine(project, Checkout.Project) :: List.filter File.Exists sources

            compiled where (TablesCache.ofFiles files) true progress (fun _ -> Ok project)))

/// A version of some sources.
let version (source: RuleSource) (id: string) : Result<SourceVersion, SourceFault> =
    match source.Versions |> List.tryFind (fun kept -> kept.Id = id) with
    | None -> Error(SourceFault.NoVersion(source.Where, id, source.Versions |> List.map _.Id))
    | Some kept ->
        TablesCache.tables source.Where source.Folder id
        |> Result.map (fun tables -> {
            Id = kept.Id
            Parent = kept.Parent
            Tables = tables
        })
