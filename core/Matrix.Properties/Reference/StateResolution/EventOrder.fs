/// Comparing events by several keys.
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.StateResolution.EventOrder

open Matrix.Core.Json
open Matrix.Properties.Generators

/// Which of two events comes first, by the first of these keys in which they differ.
let byKeys (keys: (string -> string -> int) list) (a: string) (b: string) : int =
    keys
    |> List.tryPick (fun key ->
        match key a b with
        | 0 -> None
        | order -> Some order)
    |> Option.defaultValue 0

/// By `origin_server_ts`.
let earlier (graph: RoomGraph) (a: string) (b: string) : int =
    compare graph.Events[a].OriginServerTs graph.Events[b].OriginServerTs

/// By event id.
let lesser (a: string) (b: string) : int = JsonObject.CompareKeys(a, b)
