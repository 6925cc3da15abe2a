/// The iterative auth checks. Room version 2, "State resolution", definitions.
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

/// What the rules say of an event in a state, of which nothing but the state is in doubt.
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

/// What an event is checked against where this is the state: what the state lacks is taken from what the event cites.
let seenBy (graph: RoomGraph) (state: StateMap) (id: string) : Map<string * string, Pdu> =
    (AuthEvents.withCreate graph (AuthEvents.accepted graph id), state)
    ||> Map.fold (fun all key id -> all.Add(key, graph.Events[id]))

/// The iterative auth checks: the state that events lead to, and which of them passed.
let iterate (graph: RoomGraph) (start: StateMap) (order: string list) : StateMap * string list =
    ((start, []), order)
    ||> List.fold (fun (state, applied) id ->
        let event = graph.Events[id]

        if passes graph (seenBy graph state id) id then
            state.Add((event.Type, string event.StateKey), id), applied @ [ id ]
        else
            state, applied)
