namespace Matrix.Cli.Rooms

open System
open System.Text.Json
open System.Threading
open Argu
open Matrix.Cli.Config
open Matrix.Cli.Output
open Matrix.Host.Rooms.Inspecting
open Matrix.Host.Storage.Tables.Events
open Matrix.Rules

type ExplainEventArguments =
    | [<MainCommand; ExactlyOnce>] Event_Id of EVENT_ID: string
    | [<Unique>] Full
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Event_Id _ -> "the event's id, in quotes: a shell takes `$` for a variable."
            | Full -> "prints every rule that was tried, not only those that lead to the verdict."
            | Config _ -> "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."
            | Format _ -> OutputFormat.TextByDefault

/// `mx explain`: the verdict of the server on a stored event, and what it rests on.
module internal ExplainEventCommand =

    let private dateOf (milliseconds: int64) : string =
        let inv = Globalization.CultureInfo.InvariantCulture

        try
            DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", inv)
        with :? ArgumentOutOfRangeException ->
            // A server may claim any time.
            milliseconds.ToString inv

    let private verdict (event: StoredEvent) : string =
        if Deciding.has EventMarks.Rejected event then
            "rejected"
        elif Deciding.has EventMarks.SoftFailed event then
            "soft-failed"
        elif Deciding.has EventMarks.Outlier event then
            "accepted against its auth events; known only as part of a state or auth chain"
        else
            "accepted"

    /// What the verdict took from other servers without a proof.
    let private trusted (found: InspectedEvent) : string =
        if Deciding.has EventMarks.OnTrust found.Event then
            "the state before it, which another server returned: earlier events were missing then"
        elif Deciding.has EventMarks.Outlier found.Event then
            "its place in the room: the events before it are missing here"
        else
            "nothing"

    let private facts (found: InspectedEvent) : (string * Cell) list =
        let event = found.Event
        let pdu = event.Pdu
        let missing = pdu.AuthEvents.Length - found.AuthEvents.Count

        [
            "event_id", Word pdu.EventId
            "room_id", Word event.Room.RoomId
            "room_version", Word found.RoomVersion
            "type", Word pdu.Type
            match pdu.StateKey with
            | null -> ()
            | key -> "state_key", Word key
            "sender", Word pdu.Sender
            "sent", Word(dateOf pdu.OriginServerTs)
            "depth", Count pdu.Depth
            "verdict", Word(verdict event)
            match found.Refusal with
            | null -> ()
            | refusal ->
                "refused_by", Word refusal.Clause
                "reason", Word refusal.Reason
            "rests_on_trust", Word(trusted found)
            if Deciding.has EventMarks.Backfilled event then
                "history", Truth true
            if Deciding.has EventMarks.WaitingRedaction event then
                "waits_for_redacted_event", Truth true
            if not event.Row.RedactedBy.IsNone then
                "redacted", Truth true
            if missing > 0 then
                "missing_auth_events", Count(int64 missing)
        ]

    let private stateTable (check: Deciding.Check) : Table = {
        Name = check.Against
        Columns = [ "type"; "state_key"; "sender"; "event_id" ]
        Rows = [
            for e in check.State |> List.sortBy (fun e -> e.Nid.Value) ->
                [
                    Word e.Pdu.Type
                    Word(string e.Pdu.StateKey)
                    Word e.Pdu.Sender
                    Word e.EventId
                ]
        ]
    }

    let private path isFull (check: Deciding.Check) =
        if isFull then
            check.Trace.Evaluated
        else
            Traces.path check.Trace.Evaluated

    let private writeCheck
        (json: Utf8JsonWriter)
        number
        version
        isFull
        (found: InspectedEvent)
        (check: Deciding.Check)
        =
        json.WriteStartObject()
        json.WriteString("against", check.Against)

        Printing.listOf json "state" check.State (fun e ->
            json.WriteStartObject()
            json.WriteString("type", e.Pdu.Type)
            json.WriteString("state_key", string e.Pdu.StateKey)
            json.WriteString("sender", e.Pdu.Sender)
            json.WriteString("event_id", e.EventId)
            json.WriteEndObject())

        Traces.writeDecision json number version found.Event.Pdu check.Trace.Decision
        Printing.listOf json "trace" (path isFull check) (Traces.writeTried json number)
        json.WriteEndObject()

    let private printOne (format: OutputFormat) (isFull: bool) (found: InspectedEvent) (version: RoomVersion) =
        let checks = Deciding.checks version found
        let number = Traces.numbering version

        match format with
        | Json ->
            Printing.json (fun json ->
                Report.members json (facts found)
                Printing.listOf json "checks" checks (writeCheck json number version isFull found))
        | Text
        | Markdown ->
            Report.print format { Facts = facts found; Tables = [] }

            for check in checks do
                let title = $"Against {check.Against}"
                let said = Traces.sentence number version found.Event.Pdu check.Trace.Decision
                let line = if format = Text then Traces.asText else Traces.asMarkdown
                Printing.plain [ ""; Terminal.bold (Ending.printable $"{title}: {said}") ]

                if not check.State.IsEmpty then
                    Report.print format {
                        Facts = []
                        Tables = [ stateTable check ]
                    }

                path isFull check
                |> List.collect (Traces.ofTried found.Event.Pdu number 0)
                |> List.map line
                |> fun lines -> Printing.plain ("" :: lines)

    let private notStored (format: OutputFormat) (inspector: RoomInspector) (id: string) =
        task {
            let! waiting = inspector.WaitingAsync(id, CancellationToken.None)
            let! forsaken = inspector.ForsakenAsync(id, CancellationToken.None)

            let report verdict room extra =
                Report.print format {
                    Facts = [ "event_id", Word id; "room_id", Word room; "verdict", Word verdict ] @ extra
                    Tables = []
                }

            for event in waiting do
                report "none yet: it waits for earlier events" event.RoomId [
                    "received_from", Word event.Row.Peer
                    if event.Row.StagedAt > 0L then
                        "received", Word(dateOf event.Row.StagedAt)
                ]

            for event in forsaken do
                report "given up" event.RoomId [
                    "reason", Word event.Row.Reason
                    "given_up", Word(dateOf event.Row.GivenUpAt)
                ]

            return
                if waiting.Count + forsaken.Count > 0 then
                    Finding
                else
                    Refused $"{id}: this server does not have this event"
        }

    let run (arguments: ParseResults<ExplainEventArguments>) : Ending =
        let id = arguments.GetResult Event_Id
        let format = arguments.GetResult(ExplainEventArguments.Format, Text)

        Inspected.read (arguments.TryGetResult ExplainEventArguments.Config) (fun storage _ ->
            task {
                let inspector = RoomInspector storage
                let! found = inspector.EventsAsync(id, CancellationToken.None)

                if found.Count = 0 then
                    return! notStored format inspector id
                else
                    for event in found do
                        match Versions.tryFindUnstable event.RoomVersion with
                        | Some version -> printOne format (arguments.Contains ExplainEventArguments.Full) event version
                        | None -> ()

                    let isAccepted (event: InspectedEvent) =
                        not (Deciding.has (EventMarks.Rejected ||| EventMarks.SoftFailed) event.Event)

                    return if Seq.forall isAccepted found then Done else Finding
            })
