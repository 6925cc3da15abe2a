namespace Matrix.Cli.Reports

open System
open System.Globalization
open System.Threading
open Argu
open Matrix.Cli.Config
open Matrix.Cli.Output
open Matrix.Host.Storage.Tables.AuditLog

type AuditArguments =
    | [<Unique>] Who of USER: string
    | [<Unique>] Action of ACTION: string
    | [<Unique>] Target of TARGET: string
    | [<Unique>] Before of ID: int64
    | [<Unique>] Limit of N: int
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Who _ -> "only what this administrator did; mx for the operator's commands."
            | Action _ -> "only this action, such as user.deactivate."
            | Target _ -> "only what was done to this user, room, media or server."
            | Before _ -> "only entries with smaller ids: those of the next page."
            | Limit _ -> "how many. Default: 100."
            | Config _ -> "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."
            | Format _ -> OutputFormat.TextByDefault

/// `mx audit`: what administrators did, the newest first.
module internal AuditCommand =

    [<Literal>]
    let private DefaultLimit = 100

    [<Literal>]
    let private MostEntries = 10_000

    let private dateOf (milliseconds: int64) : string =
        DateTimeOffset
            .FromUnixTimeMilliseconds(milliseconds)
            .UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture)

    let private rowOf (row: AuditRow) : Cell list = [
        Count row.Id
        Word(dateOf row.DoneAt)
        Word row.Who
        Word row.Address
        Word row.Action
        Word row.Target
        Word row.Result
    ]

    let private textOf (text: string option) : string | null =
        match text with
        | Some text -> text
        | None -> null

    let run (arguments: ParseResults<AuditArguments>) : Ending =
        let limit = arguments.GetResult(AuditArguments.Limit, DefaultLimit)

        if limit < 1 || limit > MostEntries then
            Misused $"--limit: expected 1 to {MostEntries}, found {limit}"
        else
            Inspected.read (arguments.TryGetResult AuditArguments.Config) (fun storage _ ->
                task {
                    storage.NeedTables()
                    let before = arguments.GetResult(AuditArguments.Before, Int64.MaxValue)

                    let query =
                        AuditQuery(
                            textOf (arguments.TryGetResult Who),
                            textOf (arguments.TryGetResult Action),
                            textOf (arguments.TryGetResult Target)
                        )

                    let! rows =
                        storage.AuditLog.NewestAsync(query, before, limit, CancellationToken.None)

                    Report.print (arguments.GetResult(AuditArguments.Format, Text)) {
                        Facts = [ "count", Count(int64 rows.Count) ]
                        Tables = [
                            {
                                Name = "audit"
                                Columns = [ "id"; "done"; "who"; "address"; "action"; "target"; "result" ]
                                Rows = rows |> Seq.map rowOf |> List.ofSeq
                            }
                        ]
                    }

                    return Done
                })
