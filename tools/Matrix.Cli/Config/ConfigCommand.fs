namespace Matrix.Cli.Config

open Argu
open Matrix.Cli.Output
open Matrix.Host.Configuration

type ConfigCheckArguments =
    | [<MainCommand; Unique>] File of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | File _ -> "the configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."
            | Format _ -> OutputFormat.TextByDefault

type DefaultArguments =
    | [<Unique>] Server_Name of NAME: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Server_Name _ -> "the server name to write. Default: localhost."
            | Format _ -> "a configuration (text), or tables of the settings (json, markdown). Default: text."

[<RequireSubcommand>]
type ConfigArguments =
    | [<CliPrefix(CliPrefix.None)>] Check of ParseResults<ConfigCheckArguments>
    | [<CliPrefix(CliPrefix.None)>] Default of ParseResults<DefaultArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Check _ -> "reports errors in the configuration and the environment. Exits with 1 if there are any."
            | Default _ -> "prints a configuration with every setting, its meaning and its default."

module internal ConfigCommand =
    let private check (arguments: ParseResults<ConfigCheckArguments>) =
        let format = arguments.GetResult(ConfigCheckArguments.Format, Text)
        let settings = OperatorSettings.Load(Option.toObj (arguments.TryGetResult File))
        let mistakes = List.ofSeq settings.Mistakes

        // A named file that does not exist is a mistake of the command line, not of a configuration.
        if arguments.Contains File && not settings.FileExists then
            Misused $"{settings.File}: there is no such file"
        else
            match format with
            | Text ->
                for mistake in mistakes do
                    printfn "%s: %s" (Terminal.red mistake.Location) mistake.Message

                if mistakes.IsEmpty then
                    let what =
                        if settings.FileExists then
                            ""
                        else
                            "there is no such file; the defaults and the environment are "

                    printfn "%s: %sgood" settings.File what
            | Json
            | Markdown ->
                Report.print format {
                    Facts = [
                        "file", Word settings.File
                        "exists", Truth settings.FileExists
                        "good", Truth mistakes.IsEmpty
                    ]
                    Tables = [
                        {
                            Name = "mistakes"
                            Columns = [ "place"; "message" ]
                            Rows =
                                mistakes
                                |> List.map (fun mistake -> [ Word mistake.Location; Word mistake.Message ])
                        }
                    ]
                }

            if mistakes.IsEmpty then Done else Finding

    /// Tables of all settings, one for each group.
    let private tables format =
        Report.print format {
            Facts = []
            Tables = [
                for group in OperatorSettings.Groups ->
                    {
                        Name = if group.Name = "" then "settings" else group.Name
                        Columns = [ "setting"; "default"; "meaning" ]
                        Rows = [
                            for setting in group.Settings ->
                                [ Word setting.Name; Word setting.Default; Word setting.Meaning ]
                        ]
                    }
            ]
        }

    let run (arguments: ParseResults<ConfigArguments>) =
        match arguments.GetSubCommand() with
        | Check check' -> check check'
        | Default default' ->
            match default'.GetResult(DefaultArguments.Format, Text) with
            | Text -> printf "%s" (OperatorSettings.Template(Option.toObj (default'.TryGetResult Server_Name)))
            | Json
            | Markdown as format -> tables format

            Done
