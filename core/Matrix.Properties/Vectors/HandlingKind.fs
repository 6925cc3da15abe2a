namespace Matrix.Properties.Vectors

open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Rules
open Matrix.Properties.Vectors.Places

/// An accepted redaction, and the sender of the event that it redacts.
type RedactionCase = {
    Version: RoomVersion
    Asks: RedactionQuestion
    Redaction: Pdu
    RedactedSender: string
    /// The state in which the redaction was accepted.
    State: Map<string * string, Pdu>
}

/// Decides redaction cases.
[<RequireQualifiedAccess>]
module RedactionCase =

    /// The state in the form that the evaluators take.
    let state (rules: AuthRules) (case: RedactionCase) : IAuthState = MapState(rules, case.State)

    /// The decision of the host's evaluator.
    let decide (rules: AuthRules) (case: RedactionCase) : Decision =
        case.Asks.Ask(rules, case.Redaction, case.RedactedSender, state rules case)

/// The handling of accepted redactions. v1.19 rooms/v3#handling-redactions; v1.19 client-server-api#redactions
module internal HandlingKind =

    let private asksOf (case: Placed<JsonObject>) : Result<RedactionQuestion, VectorFault> =
        text "asks" case
        |> Result.bind (word (RedactionQuestion.All |> List.map _.Word))
        |> Result.map (fun asked -> RedactionQuestion.All |> List.find (fun question -> question.Word = asked))

    let private read (file: Placed<JsonObject>) (case: Placed<JsonObject>) =
        checked' {
            let! rooms = RoomCases.roomsOf file
            let! question = asksOf case
            let! event = object "event" case
            let! redacted = object "redacted" case
            let! state = need "state" case |> Result.bind asTexts

            return!
                RoomCases.perVersion rooms case (fun room ->
                    let expand name event =
                        Json.Object(RoomCases.expand room.Version room.RoomId name event)

                    state
                    |> every (RoomCases.named room)
                    |> Result.map (fun state -> [
                        "asks", Json.String question.Word
                        "event", expand "event" event
                        "redacted", expand "redacted" redacted
                        "state", Json.Array(Array.ofList state)
                    ]))
        }

    /// A question in the form that the evaluators take.
    let caseOf (question: Placed<JsonObject>) : Result<RedactionCase, VectorFault> =
        checked' {
            let! version = text "version" question |> Result.bind EventKinds.knownVersion
            let! asks = asksOf question
            let! redaction = object "event" question |> Result.bind (RoomCases.eventOf version)
            let! redacted = object "redacted" question |> Result.bind (RoomCases.eventOf version)
            let! state = RoomCases.stateOf version question

            return {
                Version = version
                Asks = asks
                Redaction = redaction
                RedactedSender = redacted.Sender
                State = state
            }
        }

    let kind =
        RoomCases.kind
            "redaction-handling"
            read
            (caseOf
             >> Result.map (fun case -> RedactionCase.decide (RoomCases.rulesOf case.Version) case))
