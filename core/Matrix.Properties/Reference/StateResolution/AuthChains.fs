/// Full auth chains. v1.19 rooms/v2#definitions
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.StateResolution.AuthChains

open Matrix.Properties.Generators

/// The auth chain of an event, without itself.
let chain (graph: RoomGraph) (id: string) : Set<string> =
    let rec walk (seen: Set<string>) (pending: string list) =
        match pending with
        | [] -> seen
        | id :: rest when seen.Contains id -> walk seen rest
        | id :: rest -> walk (seen.Add id) (List.ofArray graph.Events[id].AuthEvents @ rest)

    walk Set.empty (List.ofArray graph.Events[id].AuthEvents)

/// The auth chains of several events together.
let chains (graph: RoomGraph) (ids: seq<string>) : Set<string> =
    ids |> Seq.map (chain graph) |> Set.unionMany

/// A wrong reading of "the events of a set in an event's auth chain", for tests: it follows only events of the set.
let chainWithin (graph: RoomGraph) (full: Set<string>) (id: string) : Set<string> =
    let rec walk (seen: Set<string>) (pending: string list) =
        match pending with
        | [] -> seen
        | id :: rest ->
            let next =
                graph.Events[id].AuthEvents
                |> Array.filter (fun a -> full.Contains a && not (seen.Contains a))
                |> List.ofArray

            walk (Set.union seen (set next)) (next @ rest)

    walk Set.empty [ id ]
