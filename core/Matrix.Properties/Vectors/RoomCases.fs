namespace Matrix.Properties.Vectors

open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Json
open Matrix.Rules
open Matrix.Properties.Vectors.Places

/// A room of a vector file: its id and its named events.
type internal FileRoom = {
    Version: RoomVersion
    Name: string
    RoomId: string
    Events: Placed<JsonObject>
}

/// Shared parts of the kinds whose cases are decisions in a room.
module internal RoomCases =

    // The form in files: rooms and their named events.

    let private lastEvent = Json.Array [| Json.String "$last" |]

    /// An event in the form of questions. Missing members follow from its name and room.
    let expand (version: RoomVersion) (room: string) (name: string) (event: Placed<JsonObject>) : JsonObject =
        let has (key: string) = event.Value.Has key

        let namesRoom =
            version.Settings.RoomIds = RoomIdForm.WithDomain
            || event.Value.Text "type" <> "m.room.create"

        JsonObject.OfSeq [
            yield! event.Value.Members

            if not (has "event_id") then
                struct ("event_id", Json.String("$" + name))

            if namesRoom && not (has "room_id") then
                struct ("room_id", Json.String room)

            if not (has "prev_events") then
                struct ("prev_events", lastEvent)
        ]

    /// The expected decision of a case, with our own names for clause, reason and entry.
    let expected (case: Placed<JsonObject>) : Result<JsonObject, VectorFault> =
        checked' {
            let! allowed = need "allowed" case |> Result.bind asBool
            let! clause = text "clause" case
            let! reason = maybeText "reason" case

            if reason.IsSome = allowed then
                return! wrong case "expected 'reason' where the event is rejected, and only there"
            else
                return
                    members [
                        "allowed", Json.Bool allowed
                        "clause", Json.String clause.Value
                        yield! keep [ "reason"; "entry" ] case.Value
                    ]
        }

    /// An event of a room by its name.
    let named (room: FileRoom) (name: Placed<string>) : Result<Json, VectorFault> =
        match maybe name.Value room.Events with
        | Some event ->
            asObject event
            |> Result.map (expand room.Version room.RoomId name.Value >> Json.Object)
        | None -> wrong name $"expected an event of room \"{room.Name}\", found \"{name.Value}\""

    /// The rooms of a file.
    let roomsOf (file: Placed<JsonObject>) : Result<Placed<JsonObject>, VectorFault> = object "rooms" file

    /// One question for each version of a case, with the room in that version.
    let perVersion
        (rooms: Placed<JsonObject>)
        (case: Placed<JsonObject>)
        (question: FileRoom -> Result<(string * Json) list, VectorFault>)
        : Result<(string * JsonObject * JsonObject) list, VectorFault> =
        checked' {
            let! shared = maybeText "room" case
            let! expected = expected case
            let! versions = EventKinds.versionsOf case

            return!
                versions
                |> every (fun id ->
                    checked' {
                        let! version = EventKinds.knownVersion { At = case.At; Value = id }
                        let name = Option.defaultValue id shared
                        let! room = rooms |> object name
                        let! roomId = text "room_id" room
                        let! events = object "events" room

                        let! asked =
                            question {
                                Version = version
                                Name = name
                                RoomId = roomId.Value
                                Events = events
                            }

                        return id, members (("version", Json.String id) :: asked), expected
                    })
        }

    // The form in questions.

    /// An event of a question.
    let eventOf (version: RoomVersion) (event: Placed<JsonObject>) : Result<Pdu, VectorFault> =
        checked' {
            let! id = text "event_id" event
            let! eventType = text "type" event
            let! sender = text "sender" event
            let! stateKey = maybeText "state_key" event
            let! content = object "content" event
            let! prev = need "prev_events" event |> Result.bind asTexts

            let! room =
                if
                    version.Settings.RoomIds = RoomIdForm.HashOfCreate
                    && eventType.Value = "m.room.create"
                then
                    Ok(RoomId.ofCreateEvent id.Value)
                else
                    text "room_id" event |> Result.map _.Value

            let redacts =
                if eventType.Value <> "m.room.redaction" then
                    null
                elif version.Settings.Redacts = RedactsPlace.TopLevel then
                    event.Value.Text "redacts"
                else
                    content.Value.Text "redacts"

            return
                Pdu(
                    version.Id,
                    id.Value,
                    room,
                    sender.Value,
                    eventType.Value,
                    Option.toObj stateKey,
                    1L,
                    1L,
                    content.Value,
                    [| for p in prev -> p.Value |],
                    [||],
                    redacts,
                    [||]
                )
        }

    /// The state of a question, by type and state key.
    let stateOf (version: RoomVersion) (question: Placed<JsonObject>) : Result<Map<string * string, Pdu>, VectorFault> =
        need "state" question
        |> Result.bind asList
        |> Result.bind (every (asObject >> Result.bind (eventOf version)))
        |> Result.map (fun state -> Map [ for e in state -> (e.Type, string e.StateKey), e ])

    /// A decision as an answer.
    let answerOf (decision: Decision) : JsonObject =
        match decision with
        | Decision.Allowed clause -> members [ "allowed", Json.Bool true; "clause", Json.String clause ]
        | Decision.Rejected failure ->
            members [
                "allowed", Json.Bool false
                "clause", Json.String failure.Clause
                "reason", Json.String($"%A{failure.Reason}")
                "entry", Json.String failure.Entry
            ]

    /// A kind whose answers are decisions.
    let kind
        (name: string)
        (read: Placed<JsonObject> -> Placed<JsonObject> -> Result<(string * JsonObject * JsonObject) list, VectorFault>)
        (decisionOf: Placed<JsonObject> -> Result<Decision, VectorFault>)
        : Kind = {
        Name = name
        // These members have values that only this implementation knows.
        Ours = [ "clause"; "reason"; "entry" ]
        Read = read
        Answer = fun _ question -> decisionOf question |> Result.map answerOf
    }

    /// The rules of a version, compiled once.
    let rulesOf (version: RoomVersion) : AuthRules = nonNull (AuthRules.Of version.Id)
