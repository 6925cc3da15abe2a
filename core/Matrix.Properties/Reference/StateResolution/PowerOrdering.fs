/// The reverse topological power ordering. v1.19 rooms/v2#definitions
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.StateResolution.PowerOrdering

open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.Reference.Authorization

let private text (key: string) (event: Pdu) =
    match event.Content.TryFind key with
    | ValueSome(Json.String s) -> s
    | _ -> ""

/// Whether an event can remove a user's ability to do something.
let isPowerEvent (event: Pdu) : bool =
    match event.Type with
    | "m.room.power_levels"
    | "m.room.join_rules" -> true
    | "m.room.member" ->
        List.contains (text "membership" event) [ "leave"; "ban" ]
        && event.Sender <> string event.StateKey
    | _ -> false

/// The power of an event's sender, by the event's auth events.
let powerOf (graph: RoomGraph) (id: string) : PowerOf =
    AuthEvents.accepted graph id
    |> AuthEvents.withCreate graph
    |> AuthReference.powerOfSender graph.Version graph.Events[id]

/// The powers of the senders of these events.
let powersOf (graph: RoomGraph) (set: Set<string>) : Map<string, PowerOf> =
    Map [ for id in set -> id, powerOf graph id ]

/// The keys of the first order: greater power, earlier time, lesser event id.
let powerKeys (graph: RoomGraph) (powers: Map<string, PowerOf>) : (string -> string -> int) list = [
    fun a b -> compare powers[b] powers[a]
    EventOrder.earlier graph
    EventOrder.lesser
]

/// Kahn's algorithm: repeatedly takes the smallest event whose `below` have all been taken.
let topological (order: string -> string -> int) (below: string -> Set<string>) (set: Set<string>) : string list =
    let below = Map [ for id in set -> id, Set.intersect set (below id) ]

    let rec take (taken: string list) (left: Set<string>) =
        if left.IsEmpty then
            List.rev taken
        else
            let next =
                left
                |> Seq.filter (fun id -> (Set.intersect left below[id]).IsEmpty)
                |> Seq.sortWith order
                |> Seq.head

            take (next :: taken) (left.Remove next)

    take [] set

/// The reverse topological power ordering. `below` returns the events of the set in an event's auth chain.
let powerOrder (graph: RoomGraph) (below: string -> Set<string>) (set: Set<string>) : string list =
    topological (EventOrder.byKeys (powerKeys graph (powersOf graph set))) below set
