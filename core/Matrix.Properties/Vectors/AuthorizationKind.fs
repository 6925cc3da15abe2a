namespace Matrix.Properties.Vectors

open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Rules
open Matrix.Properties.Vectors.Places

/// Decisions of the authorization rules. Room versions, "Authorisation rules".
module internal AuthorizationKind =

    // The file's side: rooms, and their events by name.

    let private lastEvent = Json.Array [| Json.String "$last" |]

    /// An event as a question has it. What the file leaves out follows from its name and its room.
    let private expand (version: RoomVersion) (room: string) (name: string) (event: Placed<JsonObject>) : JsonObject =
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

    let private flag = Json.Bool

    let private list (items: Json list) = Json.Array(Array.ofList items)

    let private read (file: Placed<JsonObject>) (case: Placed<JsonObject>) =
        checked' {
            let! rooms = object "rooms" file
            let! shared = maybeText "room" case
            let! event = object "event" case

            let roomOf (version: string) =
                checked' {
                    let name = Option.defaultValue version shared
                    let! room = rooms |> object name
                    let! roomId = text "room_id" room
                    let! events = object "events" room
                    return name, roomId.Value, events
                }

            let named
                (version: RoomVersion)
                (roomName: string, roomId: string, events: Placed<JsonObject>)
                (name: Placed<string>)
                =
                match maybe name.Value events with
                | Some event -> asObject event |> Result.map (expand version roomId name.Value >> Json.Object)
                | None -> wrong name $"expected an event of room \"{roomName}\", found \"{name.Value}\""

            let! state = need "state" case |> Result.bind asTexts
            let! cited = need "auth_events" case |> Result.bind asTexts
            let! rejected = optional "rejected" asTexts [] case

            let isRejected (name: Placed<string>) =
                rejected |> List.exists (fun r -> r.Value = name.Value)

            let! expected =
                checked' {
                    let! allowed = need "allowed" case |> Result.bind asBool
                    let! clause = text "clause" case
                    let! reason = maybeText "reason" case

                    if reason.IsSome = allowed then
                        return! wrong case "expected 'reason' where the event is rejected, and only there"
                    else
                        return
                            members [
                                "allowed", flag allowed
                                "clause", Json.String clause.Value
                                yield! keep [ "reason"; "entry" ] case.Value
                            ]
                }

            let question (id: string) =
                checked' {
                    let! version = EventKinds.knownVersion { At = case.At; Value = id }
                    let! room = roomOf id
                    let _, roomId, _ = room
                    let! state = state |> every (named version room)

                    let! cited =
                        cited
                        |> every (fun name ->
                            named version room name
                            |> Result.map (fun event ->
                                Json.Object(members [ "event", event; "rejected", flag (isRejected name) ])))

                    return
                        id,
                        members [
                            "version", Json.String id
                            "event", Json.Object(expand version roomId "event" event)
                            "state", list state
                            "auth_events", list cited
                            yield! keep [ "signers"; "third_party_keys" ] case.Value
                        ],
                        expected
                }

            let! versions = EventKinds.versionsOf case
            return! versions |> every question
        }

    // The question's side.

    let private eventOf (version: RoomVersion) (event: Placed<JsonObject>) : Result<Pdu, VectorFault> =
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

    /// A question as the evaluators take it.
    let caseOf (question: Placed<JsonObject>) : Result<AuthCase, VectorFault> =
        checked' {
            let! version = text "version" question |> Result.bind EventKinds.knownVersion
            let! event = object "event" question
            let! pdu = eventOf version event

            let! state =
                need "state" question
                |> Result.bind asList
                |> Result.bind (every (asObject >> Result.bind (eventOf version)))

            let! cited =
                need "auth_events" question
                |> Result.bind asList
                |> Result.bind (
                    every (fun item ->
                        checked' {
                            let! item = asObject item
                            let! event = object "event" item |> Result.bind (eventOf version)
                            let! rejected = need "rejected" item |> Result.bind asBool
                            return { Event = event; Rejected = rejected }
                        })
                )

            let texts key =
                optional key (asTexts >> Result.map (fun all -> [| for t in all -> t.Value |])) [||] question

            let! signers = texts "signers"
            let! keys = texts "third_party_keys"

            return {
                Version = version
                Event = pdu
                State = Map [ for e in state -> (e.Type, string e.StateKey), e ]
                Facts = {
                    AuthEvents = Array.ofList cited
                    Signers = signers
                    ThirdPartyKeys = keys
                    HasRoomId = event.Value.Has "room_id"
                }
            }
        }

    /// A decision as an answer.
    let answerOf (decision: Decision) : JsonObject =
        match decision with
        | Decision.Allowed clause -> members [ "allowed", flag true; "clause", Json.String clause ]
        | Decision.Rejected failure ->
            members [
                "allowed", flag false
                "clause", Json.String failure.Clause
                "reason", Json.String($"%A{failure.Reason}")
                "entry", Json.String failure.Entry
            ]

    let private rules =
        lazy (dict [ for version in Versions.withUnstable -> version.Id, AuthRules version ])

    let kind: Kind = {
        Name = "authorization"
        Ours = [ "clause"; "reason"; "entry" ]
        Read = read
        Answer =
            fun _ question ->
                caseOf question
                |> Result.map (fun case -> answerOf (AuthCase.decide rules.Value[case.Version.Id] case))
    }
