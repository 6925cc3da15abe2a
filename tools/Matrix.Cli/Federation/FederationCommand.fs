namespace Matrix.Cli.Federation

open System.Text.Json
open Argu
open Matrix.Cli.Admin
open Matrix.Cli.Output

[<RequireSubcommand>]
type FederationArguments =
    | [<CliPrefix(CliPrefix.None)>] Check of ParseResults<FederationCheckArguments>
    | [<CliPrefix(CliPrefix.None)>] List of ParseResults<DestinationListArguments>
    | [<CliPrefix(CliPrefix.None)>] Show of ParseResults<ServerArguments>
    | [<CliPrefix(CliPrefix.None)>] Retry of ParseResults<ThingArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Check _ -> "reaches a server step by step: discovery, TLS, keys, clock, version."
            | List _ -> "lists the servers that do not answer or have not got everything."
            | Show _ -> "shows what a server has not got, and the events that it refused."
            | Retry _ -> "makes the running server try a server at once."

/// `mx federation`.
module internal FederationCommand =

    let private retry (arguments: ParseResults<ThingArguments>) : Ending =
        let server = arguments.GetResult Thing

        let asked =
            AdminApi.ask
                (arguments.TryGetResult ThingArguments.Config)
                "POST"
                (AdminApi.V1
                 + "federation/destinations/"
                 + AdminApi.escaped server
                 + "/reset_connection")
                null

        match asked with
        | Error ending -> ending
        | Ok answer ->
            use json = JsonDocument.Parse answer

            match json.RootElement.TryGetProperty "failure" with
            | true, failure -> Refused $"{server} was tried: {failure.GetString()}"
            | false, _ -> AdminApi.show (arguments.GetResult(ThingArguments.Format, Text)) answer

    let run (arguments: ParseResults<FederationArguments>) : Ending =
        match arguments.GetSubCommand() with
        | Check arguments -> CheckCommand.run arguments
        | List arguments -> DestinationsCommand.list arguments
        | Show arguments -> DestinationsCommand.show arguments
        | Retry arguments -> retry arguments
