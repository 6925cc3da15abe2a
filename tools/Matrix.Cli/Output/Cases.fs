/// Witnesses of differences, in every output format.
module internal Matrix.Cli.Output.Cases

open System
open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds

/// The witness of each row that differs.
let byRow (found: Witnessed list) : Row -> ShownCase option =
    let shown =
        dict [
            for w in found ->
                let row = RowChanges.row w.Change
                (row.Area, row.Id), w.Case
        ]

    fun row ->
        match shown.TryGetValue((row.Area, row.Id)) with
        | true, shown -> shown
        | _ -> None

/// The text for a row without a witness.
let nothing = "No single event shows this difference; only longer histories do."

let private short (json: Json) = CanonicalJson.text json

let private contentOf (event: Pdu) : JsonObject =
    match Versions.tryFindUnstable event.RoomVersion with
    | Some version -> WitnessText.contentOf version event
    | None -> event.Content

/// An event's type, state key and content, in a line.
let told (event: Pdu) : string =
    let key =
        match event.StateKey with
        | null -> ""
        | key -> " [" + key + "]"

    event.Type + key + " " + short (Json.Object(contentOf event))

/// How a case differs from the most ordinary one.
let words (apart: DecidedApart) : string =
    match apart.Words with
    | [] -> "the most ordinary case"
    | some -> String.concat "; " some

/// The state, the create event first and members last.
let state (case: AuthCase) : Pdu list = WitnessText.stateOf case

/// The auth events of a case, with their faults.
let cited (case: AuthCase) : string list = [
    for c in case.Facts.AuthEvents ->
        c.Event.EventId
        + (if c.Rejected then " (rejected)" else "")
        + (if c.Event.RoomId <> case.Event.RoomId then
               " (of another room)"
           else
               "")
]

/// Facts about the event beside its content, in lines.
let facts (case: AuthCase) : string list = [
    match cited case with
    | [] -> "names no auth events"
    | some -> "auth events: " + String.concat ", " some

    match List.ofArray case.Facts.Signers with
    | [] -> "signed by its sender's server only"
    | some -> "signed by the servers " + String.concat ", " some

    if case.Facts.ThirdPartyKeys.Length > 0 then
        "`third_party_invite.signed` verifies with "
        + String.concat ", " case.Facts.ThirdPartyKeys

    if case.Event.Type = "m.room.create" && case.Facts.HasRoomId then
        "received with a room_id"
]

/// The reason of a decision: the clause's text, or the failure.
let why (version: RoomVersion) (decision: Decision) : string =
    match decision with
    | Decision.Rejected failure -> Failures.render failure
    | Decision.Allowed name ->
        match
            Rule.all version.Authorization
            |> List.tryFind (fun rule -> Rule.name rule = name)
        with
        | Some rule -> (Rule.head rule).Text + " (" + name + ")"
        | None -> name

/// `accepts` or `rejects`.
let verb (decision: Decision) : string =
    if decision.IsOk then "accepts" else "rejects"

/// Whether the two cases are equal apart from the room's id.
let private sameFacts (apart: DecidedApart) = facts apart.First = facts apart.Second

/// A witness in lines.
let lines (a: RoomVersion) (b: RoomVersion) (shown: ShownCase option) : string list =
    let both (first: string) (second: string) = [ a.Id + ": " + first; b.Id + ": " + second ]

    match shown with
    | None -> [ nothing ]
    | Some(ShownCase.InWords(given, first, second)) -> ("given: " + given) :: both first second
    | Some(ShownCase.Resolved({ Words = given, first, second } as apart)) ->
        ("given: " + given) :: WitnessText.ofResolved a b apart @ both first second
    | Some(ShownCase.Redacted(event, first, second)) ->
        let show o = short (Json.Object o)
        ("redacted: " + show event) :: both (show first) (show second)
    | Some(ShownCase.Decided apart) -> [
        "smallest case (weight " + string apart.Weight + "): " + words apart
        apart.Second.Event.Sender + " sends " + told apart.Second.Event
        yield! WitnessText.ofDecided a b apart

        if sameFacts apart then
            yield! facts apart.Second
        else
            for line in facts apart.First do
                a.Id + ": " + line

            for line in facts apart.Second do
                b.Id + ": " + line

        if apart.IsSameVerdict then
            "both have the same verdict, for different reasons"

        a.Id + " " + verb apart.FirstDecision + " it: " + why a apart.FirstDecision
        b.Id + " " + verb apart.SecondDecision + " it: " + why b apart.SecondDecision
      ]

let private half
    (json: Text.Json.Utf8JsonWriter)
    (name: string)
    (version: RoomVersion)
    (case: AuthCase)
    (decision: Decision)
    =
    json.WriteStartObject name
    json.WriteString("version", version.Id)
    json.WriteBoolean("accepted", decision.IsOk)
    json.WriteString("clause", decision.Clause)
    json.WriteString("explanation", why version decision)
    Printing.raw json "event" (Json.Object(WitnessText.question case))
    json.WriteStartArray "state"

    for event in state case do
        json.WriteRawValue(short (Json.Object(WitnessText.event version event)))

    json.WriteEndArray()

    Printing.listOf json "auth_events" case.Facts.AuthEvents (fun c ->
        json.WriteStartObject()
        Printing.raw json "event" (Json.Object(WitnessText.event version c.Event))
        json.WriteBoolean("rejected", c.Rejected)
        json.WriteEndObject())

    Printing.texts json "signed_by" case.Facts.Signers
    Printing.texts json "third_party_keys" case.Facts.ThirdPartyKeys
    json.WriteEndObject()

/// A room, two states of it, and the event at the key after resolution.
let private room
    (json: Text.Json.Utf8JsonWriter)
    (name: string)
    (version: RoomVersion)
    (fork: Forks.Fork)
    (stands: string option)
    =
    json.WriteStartObject name
    json.WriteString("version", version.Id)

    Printing.listOf json "pdus" fork.Order (fun id ->
        json.WriteRawValue(short (Json.Object(WitnessText.pdu version fork.Graph.Events[id]))))

    Printing.listOf json "states" fork.States (fun state -> json.WriteRawValue(short (WitnessText.state state)))
    Printing.textOrNull json "event_id" (Option.defaultValue "" stands)
    json.WriteEndObject()

/// Writes the member `witness`; null if there is none.
let writeJson (json: Text.Json.Utf8JsonWriter) (a: RoomVersion) (b: RoomVersion) (shown: ShownCase option) =
    match shown with
    | None -> json.WriteNull "witness"
    | Some shown ->
        json.WriteStartObject "witness"

        match shown with
        | ShownCase.InWords(given, first, second) ->
            json.WriteString("kind", "outcome")
            json.WriteString("given", given)
            json.WriteString("first", first)
            json.WriteString("second", second)
        | ShownCase.Resolved({ Words = given, first, second } as apart) ->
            json.WriteString("kind", "resolution")
            json.WriteString("given", given)
            json.WriteString("first", first)
            json.WriteString("second", second)
            json.WriteString("type", fst apart.Key)
            json.WriteString("state_key", snd apart.Key)
            room json "room_in_first" a apart.FirstFork apart.First
            room json "room_in_second" b apart.Fork apart.Second
        | ShownCase.Redacted(event, first, second) ->
            json.WriteString("kind", "redaction")
            Printing.raw json "event" (Json.Object event)
            Printing.raw json "first" (Json.Object first)
            Printing.raw json "second" (Json.Object second)
        | ShownCase.Decided apart ->
            json.WriteString("kind", "decision")
            json.WriteNumber("weight", apart.Weight)
            Printing.texts json "case" apart.Words
            json.WriteBoolean("same_verdict", apart.IsSameVerdict)
            half json "first" a apart.First apart.FirstDecision
            half json "second" b apart.Second apart.SecondDecision

        json.WriteEndObject()
