namespace Matrix.Cli.Users

open Argu
open Matrix.Cli.Config
open Matrix.Cli.Federation
open Matrix.Cli.Output

type ModerationArguments =
    | [<MainCommand; ExactlyOnce>] User of USER: string
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | User _ -> "the user's id, as @NAME:SERVER."
            | Config _ -> "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."
            | Format _ -> OutputFormat.TextByDefault

/// Has the running server lock or suspend an account.
module internal ModerationCommand =

    /// One command of the server, and what it makes of the account.
    let private change
        (command: string)
        (member': string)
        (value: bool)
        (arguments: ParseResults<ModerationArguments>)
        : Ending =
        let user = arguments.GetResult User

        let asked =
            Settings.load (arguments.TryGetResult ModerationArguments.Config)
            |> Result.bind (fun settings -> ControlSocket.ask settings ("/users/" + command) user)

        match asked with
        | Error ending -> ending
        | Ok _ ->
            Report.print (arguments.GetResult(ModerationArguments.Format, Text)) {
                Facts = [ "user_id", Word user; member', Truth value ]
                Tables = []
            }

            Done

    let lock' arguments = change "lock" "locked" true arguments

    let unlock arguments =
        change "unlock" "locked" false arguments

    let suspend arguments =
        change "suspend" "suspended" true arguments

    let unsuspend arguments =
        change "unsuspend" "suspended" false arguments
