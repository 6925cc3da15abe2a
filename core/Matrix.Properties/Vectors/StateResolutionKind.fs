namespace Matrix.Properties.Vectors

open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Scenarios
open Matrix.Rules
open Matrix.Properties.Vectors.Places

/// The resolution of states. v1.19 rooms/v12#state-resolution
module internal StateResolutionKind =

    let private ids (ids: string seq) =
        Json.Array [| for id in ids -> Json.String id |]

    /// An event in the form of questions.
    let eventObject (event: Pdu) : JsonObject =
        members [
            "event_id", Json.String event.EventId
            "room_id", Json.String event.RoomId
            "sender", Json.String event.Sender
            "type", Json.String event.Type
            match event.StateKey with
            | null -> ()
            | key -> "state_key", Json.String key
            "content", Json.Object event.Content
            "origin_server_ts", Json.Int event.OriginServerTs
            "depth", Json.Int event.Depth
            "prev_events", ids event.PrevEvents
            "auth_events", ids event.AuthEvents
        ]

    let private eventOf (version: RoomVersion) (event: Placed<JsonObject>) : Result<Pdu, VectorFault> =
        checked' {
            let! id = text "event_id" event
            let! room = text "room_id" event
            let! sender = text "sender" event
            let! eventType = text "type" event
            let! stateKey = maybeText "state_key" event
            let! content = object "content" event
            let! time = need "origin_server_ts" event |> Result.bind asInt
            let! depth = need "depth" event |> Result.bind asInt
            let! prev = need "prev_events" event |> Result.bind asTexts
            let! cited = need "auth_events" event |> Result.bind asTexts

            return
                Pdu(
                    version.Id,
                    id.Value,
                    room.Value,
                    sender.Value,
                    eventType.Value,
                    Option.toObj stateKey,
                    time,
                    depth,
                    content.Value,
                    [| for p in prev -> p.Value |],
                    [| for a in cited -> a.Value |],
                    null,
                    [||]
                )
        }

    /// The events of a question and its states.
    let read' (question: Placed<JsonObject>) : Result<RoomGraph * StateMap list, VectorFault> =
        checked' {
            let! version = text "version" question |> Result.bind EventKinds.knownVersion

            let! events =
                need "events" question
                |> Result.bind asList
                |> Result.bind (every (asObject >> Result.bind (eventOf version)))

            let! rejected = optional "rejected" asTexts [] question
            let known = Map [ for event in events -> event.EventId, event ]

            let knownEvent (id: Placed<string>) =
                match known.TryFind id.Value with
                | Some event -> Ok event
                | None -> wrong id $"expected the id of one of the events, found \"{id.Value}\""

            let! _ =
                [
                    for event in events do
                        for id in event.AuthEvents ->
                            {
                                At = $"auth_events of {event.EventId}"
                                Value = id
                            }
                ]
                |> every knownEvent

            let! states =
                need "states" question
                |> Result.bind asList
                |> Result.bind (every (asTexts >> Result.bind (every knownEvent)))

            return
                {
                    Version = version
                    Events = known
                    Rejected = set [ for id in rejected -> id.Value ]
                },
                [
                    for state in states ->
                        Map [ for event in state -> (event.Type, string event.StateKey), event.EventId ]
                ]
        }

    /// A resolved state as an answer: the ids of its events, in the order of their code points.
    let answerOf (resolved: StateMap) : JsonObject =
        members [
            "state", resolved.Values |> Seq.sortWith (fun a b -> JsonObject.CompareKeys(a, b)) |> ids
        ]

    let kind: Kind = {
        Name = "state-resolution"
        Ours = []
        Read =
            fun _ case ->
                checked' {
                    let! version = text "version" case
                    let! state = need "state" case

                    return [
                        version.Value,
                        members (keep [ "version"; "events"; "rejected"; "states" ] case.Value),
                        members [ "state", state.Value ]
                    ]
                }
        Answer =
            fun _ question ->
                checked' {
                    let! graph, states = read' question

                    match StatesAsSource.resolve (RoomCases.rulesOf graph.Version) graph states with
                    | Ok resolution -> return answerOf (StatesAsSource.whole states resolution)
                    | Error error -> return! wrong question $"expected states that can be resolved: %A{error}"
                }
    }
