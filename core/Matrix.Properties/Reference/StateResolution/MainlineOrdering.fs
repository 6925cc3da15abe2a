/// The mainline ordering. v1.19 rooms/v2#definitions
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.StateResolution.MainlineOrdering

open Matrix.Properties.Generators

let private levelsOf (graph: RoomGraph) (id: string) : string option =
    graph.Events[id].AuthEvents
    |> Array.tryFind (fun a -> graph.Events[a].Type = "m.room.power_levels")

/// The power levels events reached from an event, nearest first.
let rec levelsBelow (graph: RoomGraph) (id: string) : string list =
    match levelsOf graph id with
    | Some next -> next :: levelsBelow graph next
    | None -> []

/// The mainline of a power levels event.
let mainline (graph: RoomGraph) (levels: string option) : string list =
    match levels with
    | Some p -> p :: levelsBelow graph p
    | None -> []

/// The mainline position of an event; the greatest number for the sentinel.
let mainlinePosition (graph: RoomGraph) (mainline: string list) (id: string) : int =
    levelsBelow graph id
    |> List.tryPick (fun e -> List.tryFindIndex ((=) e) mainline)
    |> Option.defaultValue System.Int32.MaxValue

/// The keys of the second order: greater mainline position, earlier time, lesser event id.
let positionKeys (graph: RoomGraph) (position: string -> int) : (string -> string -> int) list = [
    fun a b -> compare (position b) (position a)
    EventOrder.earlier graph
    EventOrder.lesser
]

/// The mainline ordering based on a power levels event.
let mainlineOrder (graph: RoomGraph) (levels: string option) (set: Set<string>) : string list =
    let position = mainlinePosition graph (mainline graph levels)

    set
    |> List.ofSeq
    |> List.sortWith (EventOrder.byKeys (positionKeys graph position))
