/// The auth events of an event, as a state.
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.StateResolution.AuthEvents

open Matrix.Core.Event
open Matrix.Properties.Generators

/// The auth events of an event that were not rejected. v1.19 rooms/v2#rejected-events
let accepted (graph: RoomGraph) (id: string) : Map<string * string, Pdu> =
    graph.Events[id].AuthEvents
    |> Seq.filter (fun a -> not (graph.Rejected.Contains a))
    |> Seq.map (fun a -> graph.Events[a])
    |> Seq.map (fun e -> (e.Type, string e.StateKey), e)
    |> Map.ofSeq

let private createOf (graph: RoomGraph) : Pdu =
    graph.Events.Values |> Seq.find (fun e -> e.Type = "m.room.create")

/// A state with the create event, which some versions do not name in `auth_events`.
let withCreate (graph: RoomGraph) (state: Map<string * string, Pdu>) : Map<string * string, Pdu> =
    if state.ContainsKey("m.room.create", "") then
        state
    else
        state.Add(("m.room.create", ""), createOf graph)
