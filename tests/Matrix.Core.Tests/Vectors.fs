/// Reads the files in `tests/vectors`; `FORMAT.md` there describes them.
module Matrix.Core.Tests.Vectors

open System
open System.IO
open NUnit.Framework
open Matrix.Core.Json

let private folder = Path.Combine(AppContext.BaseDirectory, "vectors")

/// A member of an object, or a failed test.
let get (key: string) (o: JsonObject) : Json =
    match o.TryFind key with
    | ValueSome value -> value
    | ValueNone -> failwith $"a vector lacks {key}"

/// A member that is a string; null if it is not there.
let text (key: string) (o: JsonObject) : string | null =
    match o.TryFind key with
    | ValueSome(Json.String s) -> s
    | _ -> null

/// A member that must be a string.
let textOf (key: string) (o: JsonObject) : string =
    match get key o with
    | Json.String s -> s
    | other -> failwith $"{key} is no string: {other}"

/// The cases of a file, each named.
let cases (file: string) : seq<TestCaseData> =
    let bytes = File.ReadAllBytes(Path.Combine(folder, file))

    match JsonReader.ParseObject(ReadOnlySpan<byte> bytes, Reading.Client, JsonLimits.federationBody) with
    | Error e -> failwith $"{file}: {e}"
    | Ok o ->
        match get "cases" o with
        | Json.Array items ->
            items
            |> Seq.map (fun case ->
                match case with
                | Json.Object case -> TestCaseData(case).SetName("{m}: " + (textOf "name" case).Replace('"', '\''))
                | _ -> failwith $"{file}: a case is no object")
        | _ -> failwith $"{file}: no cases"
