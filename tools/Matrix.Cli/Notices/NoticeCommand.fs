namespace Matrix.Cli.Notices

open Argu
open Matrix.Cli.Admin
open Matrix.Cli.Output

type SendNoticeArguments =
    | [<MainCommand; ExactlyOnce>] Notice of USER: string * TEXT: string
    | [<Unique>] Pin
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Notice _ -> "the user's id, and the text."
            | Pin -> "makes it the notice that clients show until the next pinned one."
            | Config _ -> Usages.Config
            | Format _ -> OutputFormat.TextByDefault

[<RequireSubcommand>]
type NoticeArguments =
    | [<CliPrefix(CliPrefix.None)>] Send of ParseResults<SendNoticeArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Send _ -> "sends a notice to a user of the running server."

/// `mx notice`.
module internal NoticeCommand =

    let private bodyOf (user: string) (text: string) (isPinned: bool) : string =
        JsonText.ofWriting (fun json ->
            json.WriteStartObject()
            json.WriteString("user_id", user)
            json.WriteBoolean("pin", isPinned)
            json.WriteStartObject "content"
            json.WriteString("msgtype", "m.text")
            json.WriteString("body", text)
            json.WriteEndObject()
            json.WriteEndObject())

    let private send (arguments: ParseResults<SendNoticeArguments>) : Ending =
        let user, text = arguments.GetResult SendNoticeArguments.Notice

        AdminApi.run
            (arguments.TryGetResult SendNoticeArguments.Config)
            (arguments.GetResult(SendNoticeArguments.Format, Text))
            "POST"
            (AdminApi.V1 + "send_server_notice")
            (bodyOf user text (arguments.Contains SendNoticeArguments.Pin))

    let run (arguments: ParseResults<NoticeArguments>) : Ending =
        match arguments.GetSubCommand() with
        | Send arguments -> send arguments
