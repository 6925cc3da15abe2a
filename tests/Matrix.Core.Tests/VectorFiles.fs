/// The files in `tests/vectors`, each read once.
module Matrix.Core.Tests.VectorFiles

open System
open System.Collections.Concurrent
open System.IO
open Matrix.Core.Json
open Matrix.Properties.Vectors

/// Their folder.
let folder = Path.Combine(AppContext.BaseDirectory, "vectors")

/// A file as text.
let bytesOf (file: string) : byte[] =
    File.ReadAllBytes(Path.Combine(folder, file))

/// Every file but the outline, which belongs to the rules' tests.
let names =
    Directory.GetFiles(folder, "*.json", SearchOption.AllDirectories)
    |> Array.map (fun path -> Path.GetRelativePath(folder, path))
    |> Array.filter (fun file -> file <> "authorization-outline.json")
    |> Array.sort

let private parsed = ConcurrentDictionary<string, Lazy<VectorFile>>()

/// The vectors of a file.
let parse (file: string) : VectorFile =
    parsed
        .GetOrAdd(
            file,
            fun file ->
                lazy
                    (match Vectors.read (ReadOnlySpan<byte>(bytesOf file)) with
                     | Ok read -> read
                     | Error fault -> failwith $"{file}: {fault}")
        )
        .Value

/// The cases of a file as JSON.
let casesOf (file: string) : JsonObject list =
    match JsonReader.ParseObject(ReadOnlySpan<byte>(bytesOf file), Reading.Client, JsonLimits.federationBody) with
    | Ok o ->
        match o.TryFind "cases" with
        | ValueSome(Json.Array cases) -> [
            for case in cases do
                match case with
                | Json.Object case -> case
                | _ -> ()
          ]
        | _ -> []
    | Error e -> failwith $"{file}: {e}"

/// The files of these kinds.
let ofKinds (kinds: string list) : string[] =
    names |> Array.filter (fun file -> List.contains (parse file).Kind kinds)
