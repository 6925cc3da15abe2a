namespace Matrix.Cli.Reports

open Argu
open Matrix.Cli.Admin
open Matrix.Cli.Output

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
            | Config _ -> Usages.Config
            | Format _ -> OutputFormat.TextByDefault

/// `mx reports`: what users reported to the operators, the newest first.
module internal ReportsCommand =

    let run (arguments: ParseResults<ReportsArguments>) : Ending =
        ListCommand.run
            (arguments.TryGetResult ReportsArguments.Config)
            (arguments.GetResult(ReportsArguments.Format, Text))
            "event_reports"
            (arguments.TryGetResult ReportsArguments.Limit)
            [
                "kind", Some "any"
                "before", arguments.TryGetResult ReportsArguments.Before |> Option.map string
            ]
