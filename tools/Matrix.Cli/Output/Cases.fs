/// Cases that show a difference, as every form of an answer tells them.
module internal Matrix.Cli.Output.Cases

open System
open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds

/// What shows each row that means something else, by the row.
let byRow (found: Witnessed list) : Row -> Shown option =
    let shown =
        dict [
            for w in found ->
                let row = RowChanges.row w.Change
                (row.Area, row.Id), w.Shown
        ]

    fun row ->
        match shown.TryGetValue((row.Area, row.Id)) with
        | true, shown -> shown
        | _ -> None

/// What is said where the search found nothing.
let nothing = "No single event shows it: what it changes shows in histories."

let private short (json: Json) = CanonicalJson.text json

let private contentOf (event: Pdu) : JsonObject =
    match Versions.tryFindUnstable event.RoomVersion with
    | Some version -> WitnessText.contentOf version event
    | None -> event.Content

/// Its type, key and content, in a line.
let told (event: Pdu) : string =
    let key =
        match event.StateKey with
        | null -> ""
        | key -> " [" + key + "]"

    event.Type + key + " " + short (Json.Object(contentOf event))

/// What is particular to a case, in a sentence.
let words (apart: DecidedApart) : string =
    match apart.Words with
    | [] -> "the most ordinary case"
    | some -> String.concat "; " some

/// The state, the create event first and members last.
let state (case: AuthCase) : Pdu list = WitnessText.stateOf case

/// The auth events that it cites, each with what is odd of it.
let cited (case: AuthCase) : string list = [
    for c in case.Facts.AuthEvents ->
        c.Event.EventId
        + (if c.Rejected then " (rejected)" else "")
        + (if c.Event.RoomId <> case.Event.RoomId then
               " (of another room)"
           else
               "")
]

/// What holds of the event besides what it says, in lines.
let facts (case: AuthCase) : string list = [
    match cited case with
    | [] -> "cites no auth events"
    | some -> "cites " + String.concat ", " some

    match List.ofArray case.Facts.Signers with
    | [] -> "signed by its sender's server alone"
    | some -> "signed by the servers " + String.concat ", " some

    if case.Facts.ThirdPartyKeys.Length > 0 then
        "what is signed in the third-party invitation verifies with "
        + String.concat ", " case.Facts.ThirdPartyKeys

    if case.Event.Type = "m.room.create" && case.Facts.HasRoomId then
        "received with a room_id"
]

/// Why it was decided so: the clause in our words, or what was supplied and required.
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

/// Whether the two cases are the same but for what rooms of the two versions are called.
let private sameFacts (apart: DecidedApart) = facts apart.First = facts apart.Second

/// A case in lines, indented by what they belong to.
let lines (a: RoomVersion) (b: RoomVersion) (shown: Shown option) : string list =
    let both (first: string) (second: string) = [ a.Id + ": " + first; b.Id + ": " + second ]

    match shown with
    | None -> [ nothing ]
    | Some(Shown.InWords(given, first, second)) -> ("given: " + given) :: both first second
    | Some(Shown.Resolved({ Words = given, first, second } as apart)) ->
        ("given: " + given) :: WitnessText.ofResolved a b apart @ both first second
    | Some(Shown.Redacted(event, first, second)) ->
        let show o = short (Json.Object o)
        ("redacted: " + show event) :: both (show first) (show second)
    | Some(Shown.Decided apart) -> [
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
            "both decide alike, for different reasons"

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

/// A room and two states of it, and what stands at the key after they are resolved.
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

/// A case as the member `witness` of an object; null if nothing was found.
let writeJson (json: Text.Json.Utf8JsonWriter) (a: RoomVersion) (b: RoomVersion) (shown: Shown option) =
    match shown with
    | None -> json.WriteNull "witness"
    | Some shown ->
        json.WriteStartObject "witness"

        match shown with
        | Shown.InWords(given, first, second) ->
            json.WriteString("kind", "outcome")
            json.WriteString("given", given)
            json.WriteString("first", first)
            json.WriteString("second", second)
        | Shown.Resolved({ Words = given, first, second } as apart) ->
            json.WriteString("kind", "resolution")
            json.WriteString("given", given)
            json.WriteString("first", first)
            json.WriteString("second", second)
            json.WriteString("type", fst apart.Key)
            json.WriteString("state_key", snd apart.Key)
            room json "room_in_first" a apart.FirstFork apart.First
            room json "room_in_second" b apart.Fork apart.Second
        | Shown.Redacted(event, first, second) ->
            json.WriteString("kind", "redaction")
            Printing.raw json "event" (Json.Object event)
            Printing.raw json "first" (Json.Object first)
            Printing.raw json "second" (Json.Object second)
        | Shown.Decided apart ->
            json.WriteString("kind", "decision")
            json.WriteNumber("weight", apart.Weight)
            Printing.texts json "case" apart.Words
            json.WriteBoolean("same_verdict", apart.IsSameVerdict)
            half json "first" a apart.First apart.FirstDecision
            half json "second" b apart.Second apart.SecondDecision

        json.WriteEndObject()
