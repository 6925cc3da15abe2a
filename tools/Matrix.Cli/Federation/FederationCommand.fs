namespace Matrix.Cli.Federation

open System
open Argu
open Matrix.Cli.Config
open Matrix.Cli.Output

type RetryArguments =
    | [<MainCommand; ExactlyOnce>] Server of SERVER: string
    | [<Unique>] Config of FILE: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Server _ -> "the server's name."
            | Config _ -> "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."

[<RequireSubcommand>]
type FederationArguments =
    | [<CliPrefix(CliPrefix.None)>] Check of ParseResults<FederationCheckArguments>
    | [<CliPrefix(CliPrefix.None)>] List of ParseResults<ListArguments>
    | [<CliPrefix(CliPrefix.None)>] Show of ParseResults<ServerArguments>
    | [<CliPrefix(CliPrefix.None)>] Retry of ParseResults<RetryArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Check _ -> "reaches a server step by step: discovery, TLS, keys, clock, version."
            | List _ -> "lists the servers that do not answer or have not got everything."
            | Show _ -> "shows what a server has not got, and the events that it refused."
            | Retry _ -> "makes the running server try a server at once."

/// `mx federation`.
module internal FederationCommand =

    let private retry (arguments: ParseResults<RetryArguments>) : Ending =
        match Settings.load (arguments.TryGetResult RetryArguments.Config) with
        | Error ending -> ending
        | Ok settings ->
            let server = arguments.GetResult RetryArguments.Server
            ControlSocket.post settings ("/federation/retry/" + Uri.EscapeDataString server)

    let run (arguments: ParseResults<FederationArguments>) : Ending =
        match arguments.GetSubCommand() with
        | Check arguments -> CheckCommand.run arguments
        | List arguments -> DestinationsCommand.list arguments
        | Show arguments -> DestinationsCommand.show arguments
        | Retry arguments -> retry arguments
