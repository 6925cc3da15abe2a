namespace Matrix.Cli.Reports

open System
open System.Globalization
open System.Threading
open Argu
open Matrix.Cli.Config
open Matrix.Cli.Output
open Matrix.Host.Storage.Tables.Reports

type ReportsArguments =
    | [<Unique>] Before of ID: int64
    | [<Unique>] Limit of N: int
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Before _ -> "only reports with smaller ids: those of the next page."
            | Limit _ -> "how many. Default: 100."
            | Config _ -> "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."
            | Format _ -> OutputFormat.TextByDefault

/// `mx reports`: what users reported to the operators, the newest first.
module internal ReportsCommand =

    [<Literal>]
    let private DefaultLimit = 100

    [<Literal>]
    let private MostReports = 10_000

    let private dateOf (milliseconds: int64) : string =
        DateTimeOffset
            .FromUnixTimeMilliseconds(milliseconds)
            .UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture)

    let private kindOf (kind: ReportKind) : string =
        match kind with
        | ReportKind.Event -> "event"
        | ReportKind.Room -> "room"
        | _ -> "user"

    let private word (text: string | null) : Cell =
        match text with
        | null -> Word ""
        | text -> Word text

    let private rowOf (row: ReportRow) : Cell list = [
        Count row.Id
        Word(dateOf row.ReceivedAt)
        Word(kindOf row.Content.Kind)
        Word row.Reporter
        word row.Content.RoomId
        word row.Content.EventId
        word row.Content.UserId
        Word row.Content.Reason
    ]

    let run (arguments: ParseResults<ReportsArguments>) : Ending =
        let limit = arguments.GetResult(Limit, DefaultLimit)

        if limit < 1 || limit > MostReports then
            Misused $"--limit: expected 1 to {MostReports}, found {limit}"
        else
            Inspected.read (arguments.TryGetResult ReportsArguments.Config) (fun storage _ ->
                task {
                    storage.NeedTables()
                    let before = arguments.GetResult(Before, Int64.MaxValue)
                    let! rows = storage.Reports.NewestAsync(before, limit, CancellationToken.None)

                    Report.print (arguments.GetResult(ReportsArguments.Format, Text)) {
                        Facts = [ "count", Count(int64 rows.Count) ]
                        Tables = [
                            {
                                Name = "reports"
                                Columns = [
                                    "id"
                                    "received"
                                    "kind"
                                    "reporter"
                                    "room_id"
                                    "event_id"
                                    "user_id"
                                    "reason"
                                ]
                                Rows = rows |> Seq.map rowOf |> List.ofSeq
                            }
                        ]
                    }

                    return Done
                })
