namespace Matrix.Properties.Vectors

open System
open System.Text
open FSharp.Reflection
open Matrix.Core.Json
open Matrix.Properties.Vectors.Places

/// Terms of rules and claims as JSON. The form follows from the types, so a new condition needs nothing here. A case
/// without values is its name; with one value, an object with one member; with several, an object with their list.
/// Names are written with hyphens. `docs/rules-json.md`.
[<RequireQualifiedAccess>]
module internal Terms =

    /// `StateKeyStartsWith` as `state-key-starts-with`.
    let hyphened (name: string) : string =
        let out = StringBuilder()

        name
        |> Seq.iteri (fun i c ->
            if Char.IsUpper c && i > 0 then
                out.Append '-' |> ignore

            out.Append(Char.ToLowerInvariant c) |> ignore)

        out.ToString()

    let private isList (t: Type) =
        t.IsGenericType && t.GetGenericTypeDefinition() = typedefof<_ list>

    let rec write (t: Type) (value: objnull) : Json =
        if t = typeof<string> then
            Json.String(string value)
        elif t = typeof<int64> then
            Json.Int(unbox<int64>(nonNull value))
        elif isList t then
            let inner = t.GetGenericArguments()[0]

            match value with
            | :? Collections.IEnumerable as items -> Json.Array [| for item in items -> write inner item |]
            | _ -> Json.Array [||]
        elif FSharpType.IsRecord t then
            Json.Object(
                members [
                    for field in FSharpType.GetRecordFields t ->
                        hyphened field.Name, write field.PropertyType (field.GetValue value)
                ]
            )
        else
            let case, values = FSharpValue.GetUnionFields(value, t)
            let types = case.GetFields() |> Array.map _.PropertyType

            match Array.map2 write types values with
            | [||] -> Json.String(hyphened case.Name)
            | [| one |] -> Json.Object(members [ hyphened case.Name, one ])
            | several -> Json.Object(members [ hyphened case.Name, Json.Array several ])

    let rec read (t: Type) (json: Placed<Json>) : Result<objnull, VectorFault> =
        if t = typeof<string> then
            asText json |> Result.map (fun text -> box text.Value)
        elif t = typeof<int64> then
            asInt json |> Result.map box
        elif isList t then
            let inner = t.GetGenericArguments()[0]

            asList json
            |> Result.bind (every (read inner))
            |> Result.map (fun items ->
                let cases = FSharpType.GetUnionCases t
                let empty = FSharpValue.MakeUnion(cases[0], [||])
                List.foldBack (fun item rest -> FSharpValue.MakeUnion(cases[1], [| item; rest |])) items empty)
        elif FSharpType.IsRecord t then
            readRecord t None json
        else
            let named (name: string) (count: int -> bool) =
                FSharpType.GetUnionCases t
                |> Array.tryFind (fun case -> hyphened case.Name = name && count (case.GetFields().Length))

            match json.Value with
            | Json.String name ->
                match named name ((=) 0) with
                | Some case -> Ok(FSharpValue.MakeUnion(case, [||]))
                | None -> wrong json $"expected a {t.Name}, found \"{name}\""
            | Json.Object o when o.Count = 1 ->
                let name = o.Key 0

                let inner = {
                    At = $"{json.At}.{name}"
                    Value = o.Value 0
                }

                match named name (fun count -> count > 0) with
                | None -> wrong json $"expected a {t.Name}, found \"{name}\""
                | Some case ->
                    let types = case.GetFields() |> Array.map _.PropertyType |> List.ofArray

                    match types with
                    | [ one ] -> read one inner |> Result.map List.singleton
                    | several ->
                        asList inner
                        |> Result.bind (fun values ->
                            if values.Length <> several.Length then
                                wrong inner $"expected {several.Length} values"
                            else
                                List.zip several values |> every (fun (t, value) -> read t value))
                    |> Result.map (fun values -> FSharpValue.MakeUnion(case, Array.ofList values))
            | _ -> wrong json $"expected a {t.Name}: a name, or an object of one member"

    /// A record. Members that are missing are those of another record, if there is one.
    and private readRecord (t: Type) (otherwise: objnull option) (json: Placed<Json>) : Result<objnull, VectorFault> =
        let fields = FSharpType.GetRecordFields t |> List.ofArray

        asObject json
        |> Result.bind (only [ for field in fields -> hyphened field.Name ])
        |> Result.bind (fun o ->
            fields
            |> every (fun field ->
                match otherwise with
                | Some other -> optional (hyphened field.Name) (read field.PropertyType) (field.GetValue other) o
                | None -> need (hyphened field.Name) o |> Result.bind (read field.PropertyType)))
        |> Result.map (fun values -> FSharpValue.MakeRecord(t, Array.ofList values))

    let of' (value: 'a) : Json = write typeof<'a> (box value)

    let as' (json: Placed<Json>) : Result<'a, VectorFault> =
        read typeof<'a> json |> Result.map unbox<'a>

    /// A record with what is missing from another.
    let changed (otherwise: 'a) (json: Placed<Json>) : Result<'a, VectorFault> =
        readRecord typeof<'a> (Some(box otherwise)) json |> Result.map unbox<'a>
