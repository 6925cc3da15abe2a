namespace Matrix.Cli.Reports

open Argu
open Matrix.Cli.Admin
open Matrix.Cli.Output

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
            | Config _ -> Usages.Config
            | Format _ -> OutputFormat.TextByDefault

/// `mx audit`: what administrators did, the newest first.
module internal AuditCommand =

    let run (arguments: ParseResults<AuditArguments>) : Ending =
        ListCommand.run
            (arguments.TryGetResult AuditArguments.Config)
            (arguments.GetResult(AuditArguments.Format, Text))
            "audit_log"
            (arguments.TryGetResult AuditArguments.Limit)
            [
                "who", arguments.TryGetResult Who
                "action", arguments.TryGetResult Action
                "target", arguments.TryGetResult Target
                "from", arguments.TryGetResult AuditArguments.Before |> Option.map string
            ]
