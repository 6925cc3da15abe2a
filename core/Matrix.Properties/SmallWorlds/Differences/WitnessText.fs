/// Witnesses as complete text: `mx rules explain` and `mx state resolve` give the same results from it alone.
[<RequireQualifiedAccess>]
module Matrix.Properties.SmallWorlds.WitnessText

open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators

let private ids (ids: string seq) : Json =
    Json.Array [| for id in ids -> Json.String id |]

/// The content, with `redacts` where the version has it there.
let contentOf (version: RoomVersion) (event: Pdu) : JsonObject =
    match event.Redacts with
    | NonNull redacts when version.Settings.Redacts = RedactsPlace.Content ->
        JsonObject.OfSeq [ yield! event.Content.Members; struct ("redacts", Json.String redacts) ]
    | _ -> event.Content

let private membersOf
    (version: RoomVersion)
    (hasRoomId: bool)
    (event: Pdu)
    (authEvents: string seq)
    : struct (string * Json) list = [
    struct ("auth_events", ids authEvents)
    struct ("content", Json.Object(contentOf version event))
    struct ("event_id", Json.String event.EventId)
    struct ("prev_events", ids event.PrevEvents)

    match event.Redacts with
    | NonNull redacts when version.Settings.Redacts = RedactsPlace.TopLevel -> struct ("redacts", Json.String redacts)
    | _ -> ()

    if hasRoomId then
        struct ("room_id", Json.String event.RoomId)

    struct ("sender", Json.String event.Sender)

    match event.StateKey with
    | null -> ()
    | key -> struct ("state_key", Json.String key)

    struct ("type", Json.String event.Type)
]

/// Whether an event has a `room_id` of its own: create events have none where their hash names the room.
let private namesRoom (version: RoomVersion) (event: Pdu) : bool =
    event.Type <> "m.room.create"
    || version.Settings.RoomIds <> RoomIdForm.HashOfCreate

/// The event in question, with the servers whose signatures are valid.
let question (case: AuthCase) : JsonObject =
    let hasRoomId = namesRoom case.Version case.Event || case.Facts.HasRoomId

    JsonObject.OfSeq [
        yield! membersOf case.Version hasRoomId case.Event [ for c in case.Facts.AuthEvents -> c.Event.EventId ]

        struct ("signatures",
                Json.Object(
                    JsonObject.OfSeq [
                        for server in Array.distinct case.Facts.Signers -> struct (server, Json.Object JsonObject.Empty)
                    ]
                ))
    ]

/// An event of the state or of the auth events.
let event (version: RoomVersion) (event: Pdu) : JsonObject =
    JsonObject.OfSeq(membersOf version (namesRoom version event) event event.AuthEvents)

/// An event of a room whose states are resolved.
let pdu (version: RoomVersion) (event: Pdu) : JsonObject =
    JsonObject.OfSeq [
        yield! membersOf version (namesRoom version event) event event.AuthEvents
        struct ("depth", Json.Int event.Depth)
        struct ("origin_server_ts", Json.Int event.OriginServerTs)
    ]

/// The event ids of a state.
let state (state: StateMap) : Json = ids state.Values

/// A line for what both versions share, or one line for each: the label, and the JSON.
let private both (a: RoomVersion) (b: RoomVersion) (what: string) (first: Json list) (second: Json list) : string list =
    let lines prefix json = [ for value in json -> $"{prefix}{what}: {CanonicalJson.text value}" ]

    if (first |> List.map CanonicalJson.text) = (second |> List.map CanonicalJson.text) then
        lines "" first
    else
        lines (a.Id + " ") first @ lines (b.Id + " ") second

/// The state before the event: the create event first, members last.
let stateOf (case: AuthCase) : Pdu list =
    let order (event: Pdu) =
        match event.Type with
        | "m.room.create" -> 0
        | "m.room.power_levels" -> 1
        | "m.room.join_rules" -> 2
        | "m.room.member" -> 4
        | _ -> 3

    case.State.Values
    |> Seq.sortBy (fun event -> order event, string event.StateKey)
    |> List.ofSeq

/// The files that `mx rules explain` needs, as lines: `event`, `auth event` and `state`.
let ofDecided (a: RoomVersion) (b: RoomVersion) (apart: DecidedApart) : string list =
    let both = both a b
    let first, second = apart.First, apart.Second

    let authEvents (case: AuthCase) = [ for c in case.Facts.AuthEvents -> Json.Object(event case.Version c.Event) ]

    let states (case: AuthCase) =
        stateOf case |> List.map (event case.Version >> Json.Object)

    both "event" [ Json.Object(question first) ] [ Json.Object(question second) ]
    @ both "auth event" (authEvents first) (authEvents second)
    @ both "state" (states first) (states second)

/// The files that `mx state resolve` needs, as lines: `pdu`, and one line for the state of each server.
let ofResolved (a: RoomVersion) (b: RoomVersion) (apart: ResolvedApart) : string list =
    let both = both a b
    let first, second = apart.FirstFork, apart.Fork

    let pdus (fork: Forks.Fork) =
        fork.Order
        |> List.map (fun id -> Json.Object(pdu fork.Version fork.Graph.Events[id]))

    let stateOf n (fork: Forks.Fork) = [ state fork.States[n] ]

    both "pdu" (pdus first) (pdus second)
    @ both "state of the one" (stateOf 0 first) (stateOf 0 second)
    @ both "state of the other" (stateOf 1 first) (stateOf 1 second)
