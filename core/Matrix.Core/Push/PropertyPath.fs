namespace Matrix.Core.Push

open System.Collections.Generic
open System.Text
open Matrix.Core.Json

/// Dot-separated property paths: `content.m\.relates_to.rel_type`. v1.19 appendices#dot-separated-property-paths
[<RequireQualifiedAccess>]
module PropertyPath =

    /// The names of the properties, outermost first. A backslash escapes a dot or a backslash; before anything else it
    /// is literal.
    let parse (path: string) : string[] =
        let names = List<string>()
        let name = StringBuilder()
        let mutable i = 0

        while i < path.Length do
            match path[i] with
            | '\\' when i + 1 < path.Length && (path[i + 1] = '.' || path[i + 1] = '\\') ->
                name.Append path[i + 1] |> ignore
                i <- i + 1
            | '.' ->
                names.Add(name.ToString())
                name.Clear() |> ignore
            | c -> name.Append c |> ignore

            i <- i + 1

        names.Add(name.ToString())
        names.ToArray()

    /// The path as text, with the necessary escapes.
    let render (names: string[]) : string =
        names
        |> Array.map (fun name -> name.Replace("\\", "\\\\").Replace(".", "\\."))
        |> String.concat "."

    /// The value in an object at the path that remains after the first `from` names.
    let findFrom (from: int) (names: string[]) (root: JsonObject) : Json voption =
        let rec step i (o: JsonObject) =
            match o.TryFind names[i] with
            | ValueSome value when i = names.Length - 1 -> ValueSome value
            | ValueSome(Json.Object inner) -> step (i + 1) inner
            | _ -> ValueNone

        if from >= names.Length then ValueNone else step from root

    /// The value at a path in an object.
    let find (names: string[]) (root: JsonObject) : Json voption = findFrom 0 names root
