namespace Matrix.Properties.Vectors

open Matrix.Core.Auth
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.Vectors.Places

/// Decisions of the authorization rules. v1.19 rooms/v12#authorisation-rules
module internal AuthorizationKind =

    let private list (items: Json list) = Json.Array(Array.ofList items)

    let private read (file: Placed<JsonObject>) (case: Placed<JsonObject>) =
        checked' {
            let! rooms = RoomCases.roomsOf file
            let! event = object "event" case
            let! state = need "state" case |> Result.bind asTexts
            let! cited = need "auth_events" case |> Result.bind asTexts
            let! rejected = optional "rejected" asTexts [] case

            let isRejected (name: Placed<string>) =
                rejected |> List.exists (fun r -> r.Value = name.Value)

            return!
                RoomCases.perVersion rooms case (fun room ->
                    checked' {
                        let! state = state |> every (RoomCases.named room)

                        let! cited =
                            cited
                            |> every (fun name ->
                                RoomCases.named room name
                                |> Result.map (fun event ->
                                    Json.Object(members [ "event", event; "rejected", Json.Bool(isRejected name) ])))

                        return [
                            "event", Json.Object(RoomCases.expand room.Version room.RoomId "event" event)
                            "state", list state
                            "auth_events", list cited
                            yield! keep [ "signers"; "third_party_keys" ] case.Value
                        ]
                    })
        }

    /// A question in the form that the evaluators take.
    let caseOf (question: Placed<JsonObject>) : Result<AuthCase, VectorFault> =
        checked' {
            let! version = text "version" question |> Result.bind EventKinds.knownVersion
            let! event = object "event" question
            let! pdu = RoomCases.eventOf version event
            let! state = RoomCases.stateOf version question

            let! cited =
                need "auth_events" question
                |> Result.bind asList
                |> Result.bind (
                    every (fun item ->
                        checked' {
                            let! item = asObject item
                            let! event = object "event" item |> Result.bind (RoomCases.eventOf version)
                            let! rejected = need "rejected" item |> Result.bind asBool
                            return { Event = event; Rejected = rejected }
                        })
                )

            let texts key =
                optional key (asTexts >> Result.map (fun all -> [| for t in all -> t.Value |])) [||] question

            let! named = texts "signers"
            let! keys = texts "third_party_keys"

            // The sender's server signs every event: questions name the other servers.
            let signers =
                match pdu.Sender.IndexOf ':' with
                | -1 -> named
                | colon -> named |> Array.append [| pdu.Sender.Substring(colon + 1) |] |> Array.distinct

            return {
                Version = version
                Event = pdu
                State = state
                Facts = {
                    AuthEvents = Array.ofList cited
                    Signers = signers
                    ThirdPartyKeys = keys
                    HasRoomId = event.Value.Has "room_id"
                }
            }
        }

    let kind =
        RoomCases.kind
            "authorization"
            read
            (caseOf
             >> Result.map (fun case -> AuthCase.decide (RoomCases.rulesOf case.Version) case))
