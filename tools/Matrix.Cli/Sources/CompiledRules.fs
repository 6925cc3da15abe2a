/// Reads the tables of a compiled assembly of rules, which may be older or newer than this program's.
module internal Matrix.Cli.Sources.CompiledRules

open System
open System.Collections
open System.Reflection
open System.Runtime.Loader
open Matrix.Core.Json
open Matrix.Properties.Vectors
open Matrix.Rules

/// A version in a form that this program reads.
type WrittenVersion = {
    Id: string
    /// The version itself, or the nearest one before it, that this program knows.
    Known: string
    Parent: string option
    Tables: Json
}

/// What an assembly has.
type Read = {
    Versions: WrittenVersion list
    /// What its own lint finds.
    Findings: Finding list
}

let private module' (assembly: Assembly) (name: string) : Type =
    match assembly.GetType("Matrix.Rules." + name) with
    | null -> invalidOp $"there is no module {name}"
    | found -> found

let private property (from: Type) (name: string) (of': objnull) : objnull =
    match from.GetProperty name with
    | null -> invalidOp $"{from.Name} has no {name}"
    | property -> property.GetValue of'

let private text (it: objnull) (name: string) : string =
    match it with
    | null -> ""
    | it -> string (property (it.GetType()) name it)

let private some (it: obj) (name: string) : string option =
    match property (it.GetType()) name it with
    | null -> None
    | found -> Some(text found "Value")

let private items (list: objnull) : obj list =
    match list with
    | :? IEnumerable as items -> [
        for item in items do
            match item with
            | null -> ()
            | item -> item
      ]
    | _ -> []

/// The version of this name or the nearest one before it, by the parents that the assembly names.
let rec private known (parents: Map<string, string option>) (id: string) : string =
    if (Versions.tryFindUnstable id).IsSome then
        id
    else
        match Map.tryFind id parents |> Option.flatten with
        | Some parent -> known parents parent
        | None -> invalidOp $"no version that it is based on is known: {id}"

let private ofAssembly (assembly: Assembly) : Read =
    let list = property (module' assembly "Versions") "withUnstable" null
    let versions = items list

    let parents =
        Map [ for version in versions -> text version "Id", some version "Parent" ]

    let lint =
        match (module' assembly "Lint").GetMethod "all" with
        | null -> invalidOp "there is no lint of all versions"
        | lint -> lint.Invoke(null, [| list |])

    {
        Versions = [
            for version in versions do
                let id = text version "Id"
                let known = known parents id

                {
                    Id = id
                    Known = known
                    Parent = parents[id]
                    Tables =
                        match ForeignTables.write known version with
                        | Ok tables -> tables
                        | Error what -> invalidOp what
                }
        ]
        Findings = [
            for finding in items lint ->
                {
                    Where = text finding "Where"
                    Name = text finding "Name"
                    What = text finding "What"
                }
        ]
    }

/// An assembly beside this program's own of the same name. FSharp.Core is shared.
[<Sealed>]
type private Beside() =
    inherit AssemblyLoadContext("rules", true)

/// Reads an assembly. `where` names it in faults.
let read (where: string) (file: string) : Result<Read, SourceFault> =
    let context = Beside()

    try
        try
            Ok(ofAssembly (context.LoadFromAssemblyPath file))
        with
        // What reflection throws depends on what is missing; an initialiser that throws is wrapped.
        | :? TargetInvocationException as fault ->
            let inner =
                fault.InnerException |> Option.ofObj |> Option.defaultValue (fault :> exn)

            Error(SourceFault.OtherForm(where, inner.Message))
        | :? InvalidOperationException
        | :? TypeLoadException
        | :? TypeInitializationException
        | :? MissingMemberException
        | :? BadImageFormatException
        | :? IO.FileLoadException
        | :? IO.FileNotFoundException as fault -> Error(SourceFault.OtherForm(where, fault.Message))
    finally
        context.Unload()
