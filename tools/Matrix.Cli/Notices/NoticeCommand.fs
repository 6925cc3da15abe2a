namespace Matrix.Cli.Notices

open System
open Argu
open Matrix.Cli.Config
open Matrix.Cli.Federation
open Matrix.Cli.Output

type SendNoticeArguments =
    | [<MainCommand; ExactlyOnce>] Notice of USER: string * TEXT: string
    | [<Unique>] Pin
    | [<Unique>] Config of FILE: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Notice _ -> "the user's id, and the text."
            | Pin -> "makes it the notice that clients show until the next pinned one."
            | Config _ -> "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."

[<RequireSubcommand>]
type NoticeArguments =
    | [<CliPrefix(CliPrefix.None)>] Send of ParseResults<SendNoticeArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Send _ -> "sends a notice to a user of the running server."

/// `mx notice`.
module internal NoticeCommand =

    let private send (arguments: ParseResults<SendNoticeArguments>) : Ending =
        match Settings.load (arguments.TryGetResult SendNoticeArguments.Config) with
        | Error ending -> ending
        | Ok settings ->
            let user, text = arguments.GetResult SendNoticeArguments.Notice

            let query =
                if arguments.Contains SendNoticeArguments.Pin then
                    "?pin"
                else
                    ""

            ControlSocket.postText settings ("/notices/" + Uri.EscapeDataString user + query) text

    let run (arguments: ParseResults<NoticeArguments>) : Ending =
        match arguments.GetSubCommand() with
        | Send arguments -> send arguments
