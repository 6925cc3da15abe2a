/// A case of the PDU vectors: an event, the room and the state before it, and the expected verdict.
module internal Matrix.Properties.Vectors.Generation.PduCase

open Matrix.Core.Json

type PduCase = {
    Name: string
    Room: string * PduRoom
    State: string list
    Event: JsonObject
    Rejected: string list
    Verdict: string
}

let with' (key: string) (value: Json) (o: JsonObject) =
    JsonObject.OfSeq(Seq.append o.Members [ struct (key, value) ])

let withContent key value (event: JsonObject) =
    match event.TryFind "content" with
    | ValueSome(Json.Object content) -> event |> with' "content" (Json.Object(with' key value content))
    | _ -> event

/// Each event of a room, decided with the state before it.
let chain (title: string) (room: PduRoom) : PduCase list = [
    for i, (name, event) in List.indexed room.Events ->
        {
            Name = $"{title}: {name}, with the state before it"
            Room = title, room
            State = [
                for earlier, other in List.truncate i room.Events do
                    if other.Has "state_key" then
                        earlier
            ]
            Event = event
            Rejected = []
            Verdict = "accepted"
        }
]

let case title (room: PduRoom) verdict name event = {
    Name = name
    Room = title, room
    State = room.State
    Event = event
    Rejected = []
    Verdict = verdict
}

let sealed' (room: PduRoom) (servers: string list) (draft: Unsealed) =
    room.Draft("event", List.head servers, draft)
    |> room.Hashed
    |> room.Signed servers
