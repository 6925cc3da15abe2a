/// Asks the administration API of the running server, and shows what it says.
module internal Matrix.Cli.Admin.AdminApi

open System
open System.Globalization
open System.Text.Json
open System.Threading
open Matrix.Cli.Config
open Matrix.Cli.Output

[<Literal>]
let V1 = "/_synapse/admin/v1/"

[<Literal>]
let V2 = "/_synapse/admin/v2/"

/// One segment of a path.
let escaped (text: string) : string = Uri.EscapeDataString text

/// A query of the parameters that have a value.
let query (parameters: (string * string option) list) : string =
    let given = [
        for name, value in parameters do
            match value with
            | Some value -> $"{name}={Uri.EscapeDataString value}"
            | None -> ()
    ]

    if given.IsEmpty then "" else "?" + String.Join('&', given)

/// A body of the members that have a value.
let body (members: (string * Cell option) list) : string =
    JsonText.ofWriting (fun json ->
        json.WriteStartObject()

        Report.members json [
            for name, value in members do
                match value with
                | Some value -> name, value
                | None -> ()
        ]

        json.WriteEndObject())

/// Times have such names, and are in milliseconds since 1970. 0 is no time.
let private isTime (name: string) (number: int64) : bool =
    number > 0L && (name = "ts" || name.EndsWith("_ts", StringComparison.Ordinal))

let private dateOf (milliseconds: int64) : string =
    DateTimeOffset
        .FromUnixTimeMilliseconds(milliseconds)
        .UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture)

let private cellOf (name: string) (value: JsonElement) : Cell =
    match value.ValueKind with
    | JsonValueKind.String -> Word(string (value.GetString()))
    | JsonValueKind.True -> Truth true
    | JsonValueKind.False -> Truth false
    | JsonValueKind.Number ->
        match value.TryGetInt64() with
        | true, number when isTime name number -> Word(dateOf number)
        | true, number -> Count number
        | false, _ -> Word(value.GetRawText())
    | JsonValueKind.Null -> Word ""
    | _ -> Word(value.GetRawText())

let private tableOf (name: string) (items: JsonElement list) : Table =
    let isRow (item: JsonElement) = item.ValueKind = JsonValueKind.Object

    if not items.IsEmpty && items |> List.forall isRow then
        let columns =
            items
            |> List.collect (fun item -> [ for each in item.EnumerateObject() -> each.Name ])
            |> List.distinct

        {
            Name = name
            Columns = columns
            Rows = [
                for item in items ->
                    [
                        for column in columns ->
                            match item.TryGetProperty(column) with
                            | true, value -> cellOf column value
                            | false, _ -> Word ""
                    ]
            ]
        }
    else
        {
            Name = name
            Columns = [ "value" ]
            Rows = [ for item in items -> [ cellOf "" item ] ]
        }

let private reportOf (answer: JsonElement) : Report = {
    Facts = [
        for each in answer.EnumerateObject() do
            if each.Value.ValueKind <> JsonValueKind.Array then
                each.Name, cellOf each.Name each.Value
    ]
    Tables = [
        for each in answer.EnumerateObject() do
            if each.Value.ValueKind = JsonValueKind.Array then
                tableOf each.Name (List.ofSeq (each.Value.EnumerateArray()))
    ]
}

/// Prints a response: its JSON as it is, or a report.
let show (format: OutputFormat) (answer: string) : Ending =
    match format with
    | Json -> printfn "%s" answer
    | Text
    | Markdown ->
        use json = JsonDocument.Parse answer
        Report.print format (reportOf json.RootElement)

    Done

/// Asks, with the configuration's socket.
let ask (config: string option) (verb: string) (path: string) (body: string | null) : Result<string, Ending> =
    LoadedConfig.load config
    |> Result.bind (fun settings -> ControlSocket.request settings verb path body)

/// Asks, and shows the response.
let run (config: string option) (format: OutputFormat) (verb: string) (path: string) (body: string | null) : Ending =
    match ask config verb path body with
    | Ok answer -> show format answer
    | Error ending -> ending

/// Asks, and shows these values instead of the response, which says no more than that it is done.
let act
    (config: string option)
    (format: OutputFormat)
    (verb: string)
    (path: string)
    (body: string | null)
    (done': (string * Cell) list)
    : Ending =
    match ask config verb path body with
    | Error ending -> ending
    | Ok _ ->
        Report.print format { Facts = done'; Tables = [] }
        Done

let private look = TimeSpan.FromMilliseconds 500.0

/// Waits until a job has ended, with its progress on the terminal. An interrupted wait can be repeated.
let wait (config: string option) (format: OutputFormat) (jobId: string) : Ending =
    use progress = new Progress()

    /// The status, the error, and what is done.
    let read (answer: string) =
        use json = JsonDocument.Parse answer

        let text (name: string) =
            string (json.RootElement.GetProperty(name).GetString())

        let number (name: string) =
            json.RootElement.GetProperty(name).GetInt64()

        let total = number "total"
        let ofAll = if total > 0L then $" of {total}" else ""
        let kind, subject, doneSoFar = text "kind", text "subject", number "done"
        text "status", text "error", $"{kind} {subject}: {doneSoFar}{ofAll}"

    let mutable ending = None

    while ending.IsNone do
        match ask config "GET" (V1 + "jobs/" + escaped jobId) null with
        | Error failed -> ending <- Some failed
        | Ok answer ->
            match read answer with
            | "scheduled", _, shown
            | "active", _, shown ->
                progress.Show shown
                Thread.Sleep look
            | "complete", _, _ -> ending <- Some(show format answer)
            | "failed", error, _ -> ending <- Some(Refused error)
            | status, _, _ -> ending <- Some(Refused $"the job was {status}")

    Option.defaultValue Done ending

/// Begins a job, and waits for it unless it is asked not to.
let job config format verb path body (idName: string) (isAwaited: bool) : Ending =
    match ask config verb path body with
    | Error ending -> ending
    | Ok answer ->
        use json = JsonDocument.Parse answer

        match json.RootElement.TryGetProperty(idName) with
        | true, id when isAwaited -> wait config format (string (id.GetString()))
        | _ -> show format answer
