/// The iterative auth checks. v1.19 rooms/v2#definitions
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.StateResolution.IterativeAuthChecks

open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.Reference.Authorization

let private text (key: string) (event: Pdu) =
    match event.Content.TryFind key with
    | ValueSome(Json.String s) -> s
    | _ -> ""

/// Whether the rules allow an event in a state. Signatures count as valid.
let passes (graph: RoomGraph) (state: Map<string * string, Pdu>) (id: string) : bool =
    let event = graph.Events[id]

    let authorising =
        match (text "join_authorised_via_users_server" event).Split(':', 2) with
        | [| _; server |] -> [| server |]
        | _ -> [||]

    let decision =
        AuthReference.decide {
            Version = graph.Version
            Event = event
            State = state
            Facts = {
                AuthEvents =
                    event.AuthEvents
                    |> Array.map (fun a -> {
                        Event = graph.Events[a]
                        Rejected = graph.Rejected.Contains a
                    })
                Signers = authorising
                ThirdPartyKeys =
                    event.AuthEvents
                    |> Array.map (fun a -> graph.Events[a])
                    |> Array.filter (fun e -> e.Type = "m.room.third_party_invite")
                    |> Array.collect AuthReference.publicKeysOf
                HasRoomId = false
            }
        }

    decision.IsOk

/// The state that an event is checked against: entries missing from the state come from the event's auth events.
let seenBy (graph: RoomGraph) (state: StateMap) (id: string) : Map<string * string, Pdu> =
    (AuthEvents.withCreate graph (AuthEvents.accepted graph id), state)
    ||> Map.fold (fun all key id -> all.Add(key, graph.Events[id]))

/// The iterative auth checks: the resulting state, and the events that passed.
let iterate (graph: RoomGraph) (start: StateMap) (order: string list) : StateMap * string list =
    ((start, []), order)
    ||> List.fold (fun (state, applied) id ->
        let event = graph.Events[id]

        if passes graph (seenBy graph state id) id then
            state.Add((event.Type, string event.StateKey), id), applied @ [ id ]
        else
            state, applied)
